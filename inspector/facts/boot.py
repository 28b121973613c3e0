"""How the guest boots: the menus of its boot loaders, the entry that boots, and the kernels that are installed."""

from __future__ import annotations

import msgspec

from inspector.facts import UnknownFact
from inspector.verdict import Evidence
from parsers.boot.default_grub import DefaultGrub
from parsers.boot.kernel import KernelImage
from parsers.boot.menu import MenuEntry, Search
from parsers.place import Place, Problem


class BootFile(msgspec.Struct, frozen=True):
    """A file that a boot entry loads.

    Attributes:
        place: the line that names it.
        named: as that line names it, with its device.
        path: the guest path; where the volume is not mounted in the guest, the path on the volume; None where the
            device is not in the image.
        volume: name of the volume it lies on.
        mounted: whether `path` is a guest path.
        size: bytes; None where the file does not exist.
        section: of a unified kernel image, the section that is meant.
    """

    place: Place
    named: str
    path: str | None
    volume: str | None
    mounted: bool
    size: int | None
    section: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.size is not None

    @property
    def file_place(self) -> Place:
        """Where the file lies."""
        return Place(self.path or self.named, volume=self.volume)


class Wait(msgspec.Struct, frozen=True):
    """How long a loader waits for a key before it boots by itself.

    Attributes:
        seconds: None where it waits without end.
        seen: the line that says so, or that there is none.
    """

    seconds: float | None
    seen: Evidence


class Default(msgspec.Struct, frozen=True):
    """What a menu says of its default entry.

    Attributes:
        named: what names the entry; None where nothing does, and the loader takes what it takes then.
        place: where that stands.
        found: whether it names an entry.
    """

    named: str | None
    place: Place
    found: bool = True


class BootMenu(msgspec.Struct, frozen=True):
    """One menu, from the file that a boot loader begins with.

    Attributes:
        loader: whose menu it is, as `Loader` names it.
        firmware: "uefi" for one that begins on an EFI system partition, "bios" otherwise.
        start: guest path (or path on the ESP) of the file that it begins with.
        entries: the entries of the menu.
        chosen: the entries from the menu to the one that boots by default; empty where none does.
        password: where it is set, if the loader asks for one before it boots an entry that is restricted.
        searches: those for file systems, outside of menu entries.
        lost: what was looked for on the way to the entries and not found.
        problems: what the loader would stumble over.
        not_evaluated: what decides over the menu but is not known here.
        options_in_entries: whether the entries are files of their own, so that /etc/default/grub may not apply to them.
        unmet: programs that the loader itself wants for this menu, and that are not there.
    """

    loader: str
    firmware: str
    start: Place
    entries: tuple[MenuEntry, ...]
    chosen: tuple[MenuEntry, ...]
    default: Default
    wait: Wait
    password: Evidence | None = None
    searches: tuple[Search, ...] = ()
    lost: tuple[Evidence, ...] = ()
    problems: tuple[Problem, ...] = ()
    not_evaluated: tuple[Problem, ...] = ()
    options_in_entries: bool = False
    unmet: tuple[Evidence, ...] = ()

    @property
    def entry(self) -> MenuEntry | None:
        """The entry that boots when nobody touches a key."""
        return self.chosen[-1] if self.chosen and not self.chosen[-1].submenu else None

    @property
    def title(self) -> str:
        """The title of that entry, with those of the submenus above."""
        return " > ".join(step.title for step in self.chosen)

    @property
    def leads_somewhere(self) -> bool:
        """Whether it comes to any menu entries."""
        return bool(self.entries)


class Decision(msgspec.Struct, frozen=True):
    """Which loader the firmware comes to, and the boot code or loader that tells it."""

    loader: str
    seen: str
    place: Place


class BootConfig(msgspec.Struct, frozen=True):
    """Everything that is known of the boot loader.

    Attributes:
        menus: the menus of all loaders, the one that the default kernel is taken from first.
        settings: /etc/default/grub with its directory; None where the guest has none.
        others: configuration of other boot loaders, which is not read so far.
        sought: where a configuration was looked for.
        decided: what tells whose menu the firmware comes to; None where the image does not tell it.
    """

    menus: tuple[BootMenu, ...]
    settings: DefaultGrub | None = None
    others: tuple[Place, ...] = ()
    sought: tuple[Place, ...] = ()
    decided: Decision | None = None

    @property
    def menu(self) -> BootMenu:
        """The menu that the default kernel is taken from; raise `UnknownFact` where none is known."""
        if not self.menus:
            if self.others:
                raise UnknownFact(f"{self.others[0].path} is of a boot loader that is not read", *self.others)
            raise UnknownFact("no configuration of a boot loader was found", *self.sought)
        if self.decided and not self.rivals:
            raise UnknownFact(
                f"no configuration of {self.decided.loader}, which decides, was found", self.decided.place
            )
        menu = self.menus[0]
        if not menu.entries:
            raise UnknownFact(f"{menu.start.path} comes to no menu entries", menu.start)
        return menu

    @property
    def rivals(self) -> tuple[BootMenu, ...]:
        """The menus that may be the one: those of the loader that decides, or all where that is not known."""
        return tuple(menu for menu in self.menus if not self.decided or menu.loader == self.decided.loader)


class DefaultKernel(msgspec.Struct, frozen=True):
    """What the default entry boots.

    Attributes:
        version: as `uname -r` gives it; None where neither the image nor its name says it.
        image: the kernel.
        initramfs: the files that are loaded with it, in order.
        arguments: the kernel's command line, in words.
        place: the line with the command line.
        menu: the configuration that it comes from.
        entry: its title, with those of the submenus above.
        header: what the image says of itself; None where it is no kernel (`flaw`) or not there.
        flaw: why the image is none.
    """

    version: str | None
    image: BootFile
    initramfs: tuple[BootFile, ...]
    arguments: tuple[str, ...]
    place: Place
    menu: BootMenu | None = None
    entry: str = ""
    header: KernelImage | None = None
    flaw: Problem | None = None

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of `name=value`, in order; in `name`, `-` and `_` are the same."""
        wanted = name.replace("-", "_")
        pairs = (argument.partition("=") for argument in self.arguments)
        return tuple(value for key, equals, value in pairs if equals and key.replace("-", "_") == wanted)

    def value(self, name: str) -> str | None:
        """Return the value that counts of `name=value`, the last one."""
        return next(reversed(self.values(name)), None)

    def has(self, argument: str) -> bool:
        """Tell whether `argument` is one of the words, to the letter."""
        return argument in self.arguments


class InstalledKernel(msgspec.Struct, frozen=True):
    """A kernel in /boot or in the directory of modules; guest paths, None where there is none.

    Attributes:
        modules: the directory of its modules, where it has a list or a tree of modules in it.
    """

    version: str
    image: str | None
    initramfs: str | None
    config: str | None
    modules: str | None


class Kernels(msgspec.Struct, frozen=True):
    """The kernels of the guest, in the order of their versions."""

    installed: tuple[InstalledKernel, ...]

    def get(self, version: str) -> InstalledKernel | None:
        """Return the kernel `version`."""
        return next((kernel for kernel in self.installed if kernel.version == version), None)
