"""Boot loaders, kernels and initramfs archives."""
