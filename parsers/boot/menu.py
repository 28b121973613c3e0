"""What the menu of a boot loader comes to, whichever loader it is: entries, and the files that they load."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from parsers.place import Place


class LoadedFile(msgspec.Struct, frozen=True):
    """A file that a command or a key names.

    Attributes:
        place: the line that names it.
        command: "linux", "initrd", "chainloader", ...
        device: the device it lies on, as the loader calls it ("hd0,gpt2", or what GRUB's search gave); None where that
            is not known.
        path: path within that device's file system.
        arguments: the kernel's command line, for a kernel; else what follows on the line.
        arguments_place: the line of the arguments, where it is another one.
    """

    place: Place
    command: str
    device: str | None
    path: str
    arguments: tuple[str, ...] = ()
    arguments_place: Place | None = None

    @property
    def line_of_arguments(self) -> Place:
        """The line in which the arguments stand."""
        return self.arguments_place or self.place


class Search(msgspec.Struct, frozen=True):
    """A `search` for a file system. `kind` is "fs-uuid", "label" or "file"; `device` None: nothing was found."""

    place: Place
    kind: str
    value: str
    variable: str
    device: str | None


class Include(msgspec.Struct, frozen=True):
    """A further configuration file that a command names; `found` tells whether it was there to be read."""

    file: LoadedFile
    found: bool


class MenuEntry(msgspec.Struct, frozen=True):
    """A menu entry or a submenu, as it is when chosen from the menu.

    Attributes:
        id: what the loader knows it by beside its title; the title where there is nothing else.
        unrestricted: whether it boots without a password, where the menu has one.
        entries: the entries of a submenu.
        linux: the kernel of Linux; None where the entry boots otherwise.
        initrds: its initial RAM disks, one each.
        loaders: everything else that loads something to boot: `chainloader`, `multiboot`, `module`, ...; and
            `halt`, `reboot` or `fwsetup`, which no kernel survives.
    """

    place: Place
    title: str
    id: str
    submenu: bool = False
    classes: tuple[str, ...] = ()
    unrestricted: bool = False
    users: str | None = None
    entries: tuple[MenuEntry, ...] = ()
    linux: LoadedFile | None = None
    initrds: tuple[LoadedFile, ...] = ()
    loaders: tuple[LoadedFile, ...] = ()
    searches: tuple[Search, ...] = ()
    includes: tuple[Include, ...] = ()


def walk(entries: tuple[MenuEntry, ...]) -> Iterator[MenuEntry]:
    """Give every entry, those of submenus after their submenu."""
    pending = list(reversed(entries))
    while pending:
        entry = pending.pop()
        yield entry
        pending.extend(reversed(entry.entries))
