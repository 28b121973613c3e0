"""Ways to read a file system: `native` (our own readers, first)."""
