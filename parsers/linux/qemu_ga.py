"""Which commands of the host QEMU's guest agent refuses, in each of the files that distributions keep its settings in.

References: qemu-ga(8) (`/etc/qemu/qemu-ga.conf`, section general: block-rpcs, allow-rpcs, formerly blacklist), and the
words of its command line in /etc/sysconfig/qemu-ga (BLACKLIST_RPC, BLOCK_RPCS, FILTER_RPC_ARGS) and
/etc/default/qemu-guest-agent (DAEMON_ARGS). Of a setting given twice, the last one counts.
Not done: what else the files set (channel, device, hooks).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place

_FILTER: Final = re.compile(
    r"(?<![\w-])(?:(?P<allow>(?:--)?allow-rpcs)|(?:--)?block-rpcs|BLOCK_RPCS|(?:--)?blacklist|BLACKLIST_RPC)"
    r"[ \t]{0,80}=[ \t]{0,80}[\"']?(?P<names>[\w,;*? -]{0,8000})"
)
_NAME: Final = re.compile(r"guest-[\w*?-]+")


class RpcFilter(msgspec.Struct, frozen=True):
    """The commands that are refused, or with `allow` the only ones that are not."""

    place: Place
    names: tuple[str, ...]
    allow: bool = False


def parse_qemu_ga(text: str, path: str) -> RpcFilter | None:
    """Return the filter that one file sets; None where it sets none. `path` labels the place."""
    found: RpcFilter | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith(("#", ";")):
            continue
        for match in _FILTER.finditer(line):
            names = tuple(_NAME.findall(match["names"]))
            if names:
                found = RpcFilter(Place(path, number), names, bool(match["allow"]))
    return found
