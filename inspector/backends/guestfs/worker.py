"""How the worker gets from the supervisor to libguestfs; nothing of it is loaded before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.backends.guestfs.broker import Broker

if TYPE_CHECKING:
    from socket import socket


def broker() -> Broker:
    """Return what starts the appliance of one inspection."""
    return Broker(_work)


def _work(connection: socket, folder: str, drives: str) -> None:
    from inspector.backends.guestfs.appliance import Appliance, work
    from inspector.backends.guestfs.bindings import load
    from inspector.backends.guestfs.messages import Stream

    work(Stream(connection), Appliance(load, folder, drives))
