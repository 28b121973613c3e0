"""Names of templates and instances of systemd units (systemd.unit(5))."""

from __future__ import annotations


def template_of(name: str) -> str | None:
    """Return "getty@.service" for "getty@tty1.service", None for what is no instance."""
    prefix, at, rest = name.partition("@")
    instance, dot, suffix = rest.rpartition(".")
    return f"{prefix}@.{suffix}" if at and dot and instance else None
