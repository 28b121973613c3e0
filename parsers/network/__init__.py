"""Network configuration: every back end's files in one neutral model."""
