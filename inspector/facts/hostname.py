"""The name that the guest gives itself."""

from __future__ import annotations

import msgspec

from parsers.place import Place


class Hostname(msgspec.Struct, frozen=True):
    """The static host name; `name` is None where none is set, which leaves it to DHCP, cloud-init or the default."""

    name: str | None
    place: Place
