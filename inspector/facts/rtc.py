"""Whether the guest takes the hardware clock for UTC or for local time."""

from __future__ import annotations

import msgspec

from parsers.linux.adjtime import ClockMode
from parsers.place import Place


class RtcMode(msgspec.Struct, frozen=True):
    """The mode, and the file that decides it; `reason` says how, in a sentence."""

    mode: ClockMode
    place: Place
    reason: str
