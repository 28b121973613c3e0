"""What is to be opened, and how: the words of the command line, or of a caller, that lead to a machine's storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.backends.choice import NATIVE, Backend, backend

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


def targets(
    images: Sequence[str],
    root: str | None,
    allowed: AllowedFiles | None,
    choice: str,
    keys: tuple[bytes, ...] = (),
    *,
    one_guest: bool,
) -> list[Target]:
    """Return one machine of all `images`, or one of each; `choice` names the backend."""
    machines = [tuple(images)] if one_guest else [(image,) for image in images]
    return [Target(machine, root, allowed, backend(choice), keys) for machine in machines]


class Target(msgspec.Struct, frozen=True):
    """A machine.

    Attributes:
        images: paths of the images of its disks, the one that it boots from first.
        root: the volume of its root file system, where several hold one.
        allowed: the other files that the images may lean on, which are refused otherwise.
        backend: what reads its file systems.
        keys: passphrases for its encrypted volumes, each tried on all of them.
    """

    images: tuple[str, ...]
    root: str | None = None
    allowed: AllowedFiles | None = None
    backend: Backend = NATIVE
    keys: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it: the paths."""
        return " + ".join(self.images)
