"""Rules about Windows guests, listed in `inspector.rules` with all others."""
