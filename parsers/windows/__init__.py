"""Formats of Windows: the registry, its boot configuration, version resources, answer files."""
