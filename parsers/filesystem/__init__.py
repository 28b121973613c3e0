"""File systems: a superblock tells which one it is, a reader gives its tree."""
