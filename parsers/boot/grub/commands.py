"""The commands of GRUB 2 by what they mean for a boot, and the options of the two that have many.

GNU GRUB manual 2.12, section 17: `search`, `menuentry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LOADERS: Final = frozenset(
    {
        "chainloader", "multiboot", "multiboot2", "module", "module2", "xen_hypervisor", "xen_module", "ntldr",
        "kfreebsd", "knetbsd", "kopenbsd", "plan9", "freedos", "truecrypt",
    }
)  # fmt: skip
SUCCEED: Final = frozenset(
    {
        "true", "echo", "insmod", "rmmod", "terminal_output", "terminal_input", "terminal", "loadfont", "play",
        "background_image", "background_color", "clear", "gptsync", "parttool", "outb", "outw", "outl", "serial",
        "save_env", "list_env", "sleep", "videoinfo", "gettext", "password", "password_pbkdf2", "cutmem", "badram",
        "devicetree", "acpi", "nativedisk", "cryptomount", "boot", "loopback", "keymap",
        "trust", "gfxmode", "cpuid", "sendkey", "usb_keyboard", "videotest", "load_video", "savedefault",
        "ls", "cat", "date", "pause", "lsmod", "version", "hiddenentry",
    }
)  # fmt: skip
FAIL: Final = frozenset({"false", "keystatus", "cmostest", "hwmatch"})
_SEARCH_OPTIONS: Final = {
    "--file": "file", "-f": "file", "--label": "label", "-l": "label", "--fs-uuid": "fs-uuid", "-u": "fs-uuid",
}  # fmt: skip
_KINDS: Final = {"search.file": "file", "search.fs_label": "label", "search.fs_uuid": "fs-uuid"}
_HINTS: Final = frozenset({"--hint", "--hint-bios", "--hint-efi", "--hint-baremetal", "--hint-ieee1275", "--hint-arc"})
_ENTRY_OPTIONS: Final = frozenset({"--class", "--users", "--hotkey", "--source", "--id"})
SEARCH_COMMANDS: Final = frozenset({"search", *_KINDS})


def search_options(name: str, arguments: list[str]) -> tuple[str, str, str] | None:
    """Return what a search is for: kind ("fs-uuid", "label", "file", "device"), value, and the variable to set.

    None where it names nothing. The variable is empty where none is to be set.
    """
    kind = _KINDS.get(name)
    variable, names = ("root" if kind else ""), list[str]()
    rest = iter(arguments)
    for argument in rest:
        option, _, value = argument.partition("=")
        if option in _HINTS:
            _ = value or next(rest, "")
        elif option in {"--set", "-s"}:
            variable = value or "root"
        elif option in _SEARCH_OPTIONS:
            kind = _SEARCH_OPTIONS[option]
            names += [value] if value else []
        elif not argument.startswith("-"):
            names.append(argument)
    if not names:
        return None
    if name in _KINDS and len(names) > 1:
        variable = names[1]
    return kind or "device", names[0], variable


def entry_options(arguments: list[str]) -> tuple[list[str], dict[str, str], list[str]]:
    """Split the arguments of `menuentry` into words (the title first), options, and classes."""
    words, classes, options = list[str](), list[str](), dict[str, str]()
    rest: Iterator[str] = iter(arguments)
    for argument in rest:
        option, separator, value = argument.partition("=")
        if option in _ENTRY_OPTIONS:
            value = value if separator else next(rest, "")
            options[option] = value
            classes += [value] if option == "--class" else []
        elif argument == "--unrestricted":
            options[argument] = ""
        else:
            words.append(argument)
    return words, options, classes
