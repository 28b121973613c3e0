"""What reaches a terminal, a file or a pipe, and in what form."""
