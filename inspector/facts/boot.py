"""How the guest boots: its GRUB menus, the entry that boots by default, and the kernels that are installed."""

from __future__ import annotations

import msgspec

from inspector.facts import UnknownFact
from parsers.boot.default_grub import DefaultGrub
from parsers.boot.grub import GrubConfig, MenuEntry
from parsers.boot.kernel import KernelImage
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
    """

    place: Place
    named: str
    path: str | None
    volume: str | None
    mounted: bool
    size: int | None

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.size is not None

    @property
    def file_place(self) -> Place:
        """Where the file lies."""
        return Place(self.path or self.named, volume=self.volume)


class BootMenu(msgspec.Struct, frozen=True):
    """One configuration of GRUB from the file that a boot loader begins with.

    Attributes:
        firmware: "uefi" for one that begins on an EFI system partition, "bios" otherwise.
        start: guest path (or path on the ESP) of the file that it begins with.
    """

    firmware: str
    start: Place
    config: GrubConfig

    @property
    def entry(self) -> MenuEntry | None:
        """The entry that boots by default."""
        return self.config.default_entry

    @property
    def leads_somewhere(self) -> bool:
        """Whether it comes to any menu entries."""
        return bool(self.config.entries)


class BootConfig(msgspec.Struct, frozen=True):
    """Everything that is known of the boot loader.

    Attributes:
        menus: the configurations of GRUB, the one that the default kernel is taken from first.
        settings: /etc/default/grub with its directory; None where the guest has none.
        others: configuration of other boot loaders, which is not read so far.
        sought: where a configuration was looked for.
    """

    menus: tuple[BootMenu, ...]
    settings: DefaultGrub | None = None
    others: tuple[Place, ...] = ()
    sought: tuple[Place, ...] = ()

    @property
    def menu(self) -> BootMenu:
        """The configuration that the default kernel is taken from; raise `UnknownFact` where none is known."""
        if not self.menus:
            if self.others:
                raise UnknownFact(
                    f"only the configuration of GRUB 2 is read; {self.others[0].path} is not", *self.others
                )
            raise UnknownFact("no configuration of GRUB was found", *self.sought)
        menu = next((menu for menu in self.menus if menu.leads_somewhere), self.menus[0])
        if not menu.config.entries:
            raise UnknownFact(f"{menu.start.path} comes to no menu entries", menu.start)
        return menu


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
