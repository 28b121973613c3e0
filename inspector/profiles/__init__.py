"""Profiles: TOML data that says what is checked; see `inspector.profile`."""
