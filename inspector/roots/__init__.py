"""Where a guest's root may be: a file system, a btrfs subvolume, an OSTree deployment."""
