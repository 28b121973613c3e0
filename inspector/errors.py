"""The one error of everything around the parsers: an image could not be inspected."""

from __future__ import annotations


class InspectorError(Exception):
    """An image, a profile or the environment prevents the inspection; the message is one line for the user."""
