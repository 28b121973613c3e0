"""One reason for a systemd unit to be started: another unit pulls it in."""

from __future__ import annotations

import msgspec

from parsers.place import Place


class Pull(msgspec.Struct, frozen=True):
    """`by` has `unit` started; `place` is the link or the line that says so. `masked`: the link takes it back."""

    unit: str
    by: str
    place: Place
    reason: str
    masked: bool = False
