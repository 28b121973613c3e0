"""The one error of everything around the parsers: an image could not be inspected."""

from __future__ import annotations


class InspectorError(Exception):
    """An image, a profile or the environment prevents the inspection; the message is one line for the user."""


class UsageError(InspectorError):
    """What the user asked for does not exist or cannot be done, whatever the image: exit status 2, not 3."""
