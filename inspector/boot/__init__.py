"""How firmware and boot loaders find their way over the volumes of a disk."""
