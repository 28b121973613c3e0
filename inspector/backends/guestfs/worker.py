"""How the worker gets from the supervisor to libguestfs; nothing of it is loaded before it is needed."""

from __future__ import annotations

from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.messages import Channel


def broker() -> Broker:
    """Return what starts the appliance of one inspection."""
    return Broker(_work)


def _work(channel: Channel, folder: str, socket: str) -> None:
    from inspector.backends.guestfs.appliance import Appliance, work
    from inspector.backends.guestfs.bindings import load

    work(channel, Appliance(load, folder, socket))
