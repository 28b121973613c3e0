"""The disks of a machine: their partitions, LVM, md, encryption, and the file systems on top, before any is a guest."""
