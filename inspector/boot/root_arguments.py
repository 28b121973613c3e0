"""What the boot entry of a guest says about its root, before it is known which guest the disk holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.guest import Guest
from parsers.place import ParseError

_TEXTS: Final = (
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/grub2/grubenv",
    "/boot/loader/entries/*.conf",
    "/boot/efi/loader/entries/*.conf",
    "/efi/loader/entries/*.conf",
)
_MAX_TEXTS: Final = 64
_MAX_TEXT: Final = 1 << 20


def default_kernel(guest: Guest, storage: Storage) -> DefaultKernel | None:
    """Return what the entry boots that is started by default; None where it is not known."""
    from inspector.collectors import COLLECTORS  # they know guests, and guests are found with this

    try:
        return Facts({Storage: storage, Guest: guest}, COLLECTORS)[DefaultKernel]
    except UnknownFact:
        return None


def root_arguments(guest: Guest, storage: Storage) -> tuple[str | None, str] | None:
    """Return `root=` and `rootflags=` of the entry that boots; None where it is not known."""
    kernel = default_kernel(guest, storage)
    if kernel is None:
        return None
    return kernel.value("root"), (kernel.value("rootflags") or "").strip('"')


def boot_texts(guest: Guest) -> Iterator[str]:
    """Give the texts in which boot entries stand."""
    for pattern in _TEXTS:
        try:
            paths = guest.glob(pattern)[:_MAX_TEXTS]
        except (UnknownFact, ParseError):
            continue
        for path in paths:
            try:
                yield guest.read_text(path, _MAX_TEXT)
            except (UnknownFact, ParseError):
                continue
