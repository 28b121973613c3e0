"""Which readers are to be used for a machine, as the user chose."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from inspector.backends.guestfs.broker import Broker


class Choice(StrEnum):
    """The values of `--backend`."""

    AUTO = "auto"
    NATIVE = "native"
    GUESTFS = "guestfs"


class Backend(msgspec.Struct, frozen=True):
    """The choice; `helper` is what starts libguestfs, None where that is not wanted, or not installed."""

    choice: Choice
    helper: Broker | None = None


NATIVE = Backend(Choice.NATIVE)


def backend(choice: str) -> Backend:
    """Return the backend for one machine, or one inspection of it; `choice` is a value of `Choice`."""
    chosen = Choice(choice)
    if chosen is Choice.NATIVE:
        return NATIVE
    from inspector.backends.guestfs import bindings

    if not bindings.installed():
        return Backend(chosen)
    from inspector.backends.guestfs.worker import broker

    return Backend(chosen, broker())
