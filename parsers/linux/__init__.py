"""Configuration files and databases of Linux systems."""
