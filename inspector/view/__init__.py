"""What `show`, `ls`, `stat` and `cat` give of a disk."""
