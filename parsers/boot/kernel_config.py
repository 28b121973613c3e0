"""The configuration that a Linux kernel was built with, `/boot/config-VERSION`.

Format: Linux kernel, Documentation/kbuild/kconfig.rst and kconfig-language.rst: `CONFIG_X=y`, `=m`, `=` a number or a
text in quotes, and `# CONFIG_X is not set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from parsers.place import Place

MAX_TEXT: Final = 4 * 1024 * 1024

_LINE: Final = r"^(?:(%s)=(.*)|# (%s) is not set)\r?$"


class KernelOption(msgspec.Struct, frozen=True):
    """One option; `value` is "y", "m", "n" (not set), or what stands behind the equals sign."""

    place: Place
    name: str
    value: str


class KernelConfig(msgspec.Struct, frozen=True):
    """The options of a kernel. Of an option that occurs twice, the last line counts."""

    path: str
    options: tuple[KernelOption, ...]

    def get(self, name: str) -> KernelOption | None:
        """Return an option ("CONFIG_VIRTIO_BLK"), or None where the file does not speak of it."""
        return next((option for option in reversed(self.options) if option.name == name), None)


def parse_kernel_config(text: str, path: str, wanted: Iterable[str] | None = None) -> KernelConfig:
    """Read the options `wanted`, or all of them; `path` only labels the places."""
    names = r"CONFIG_\w+" if wanted is None else "|".join(re.escape(name) for name in wanted)
    options: list[KernelOption] = []
    line, counted = 1, 0
    for match in re.finditer(_LINE % (names, names), text[:MAX_TEXT], re.MULTILINE | re.ASCII):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        name, value, unset = match.groups()
        options.append(KernelOption(Place(path, line), name or unset, (value or "").strip() if name else "n"))
    return KernelConfig(path, tuple(options))
