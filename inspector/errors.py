"""The one error of everything around the parsers: an image could not be inspected."""

from __future__ import annotations


class InspectorError(Exception):
    """An image, a profile or the environment prevents the inspection; the message is one line for the user."""


def about(images: tuple[str, ...], error: Exception) -> str:
    """Return the message of `error` with the image, or the images of one machine, that it is about, once."""
    message = str(error)
    if any(message.startswith(f"{image}:") for image in images):
        return message
    return f"{' + '.join(images)}: {message}"


class UsageError(InspectorError):
    """What the user asked for does not exist or cannot be done, whatever the image: exit status 2, not 3."""
