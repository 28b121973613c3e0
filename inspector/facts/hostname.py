"""The name that the guest gives itself."""

from __future__ import annotations

from dataclasses import dataclass

from parsers.place import Place


@dataclass(frozen=True, slots=True)
class Hostname:
    """The static host name; `name` is None where none is set, which leaves it to DHCP, cloud-init or the default."""

    name: str | None
    place: Place
