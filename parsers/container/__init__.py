"""Files that hold a virtual disk."""
