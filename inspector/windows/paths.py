r"""Paths as Windows writes them: `C:\Windows`, `\??\D:\data`, `\SystemRoot\System32`, `%SystemRoot%\Temp`, `/Windows`.

Source: Microsoft's documentation, "Naming Files, Paths, and Namespaces" and "Object Names". The system drive is the
root of the guest's tree, other drives are its members `D:`, and the case of names is left to the file system.
What lies below a device (`\Device\HarddiskVolume2`), on another machine (UNC), below another variable or in the current
directory of a drive (`C:name`) is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from inspector.facts import UnknownFact
from inspector.guest import Path, Syntax
from parsers.place import Place

_SEPARATORS: Final = re.compile(r"[\\/]+")
_KERNEL: Final = r"(?:[\\/]{1,2}\?\?|[\\/]{2}[?.]|[\\/]DosDevices)"
_NAMESPACE: Final = re.compile(rf"(?i)\A{_KERNEL}(?=[\\/])")
_SYSTEM_ROOT: Final = re.compile(r"(?i)[\\/]?SystemRoot(?=[\\/]|$)")
_VARIABLE: Final = re.compile(r"%([^%\\/]+)%(?=[\\/]|$)")
_VARIABLES: Final = {
    "systemroot": r"\Windows",
    "windir": r"\Windows",
    "systemdrive": "",
    "programfiles": r"\Program Files",
    "programw6432": r"\Program Files",
    "programfiles(x86)": r"\Program Files (x86)",
    "commonprogramfiles": r"\Program Files\Common Files",
    "commonprogramfiles(x86)": r"\Program Files (x86)\Common Files",
    "commonprogramw6432": r"\Program Files\Common Files",
    "programdata": r"\ProgramData",
    "allusersprofile": r"\ProgramData",
    "public": r"\Users\Public",
}
"""What the variables of a machine are, on its system drive."""
_ELSEWHERE: Final = re.compile(
    rf"(?i)\A(?:\\\\[^?.\\/]|\\Device\\|{_KERNEL}[\\/]+(?![A-Z]:(?:[\\/]|$)|volume\{{|SystemRoot[\\/]|$))"
)
"""Another machine, a device, or what a namespace of the kernel names that is no drive: UNC, GLOBALROOT, PIPE."""
_FROM_CURRENT: Final = re.compile(r"\A[A-Za-z]:[^\\/]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_VOLUME: Final = re.compile(r"(?i)volume\{[0-9a-f-]{36}\}")


def windows_paths(
    system_drive: str = "C:",
    volumes: Mapping[str, str] | None = None,
    lost: Callable[[str], UnknownFact | None] = lambda _: None,
) -> Syntax:
    r"""Return how Windows writes paths where `system_drive` is the root; "" for a volume that has no letter.

    `volumes` tells of the names `Volume{GUID}`, in lower case, as targets of mount points bear them: the drive, or the
    name again where the volume has no letter and is a member of the tree by its name. Nothing is known of others.
    `lost` says of a drive such as "D:" why nothing is known of it, and None where it is known whether there is one.
    """
    drives = volumes or {}

    def split(path: str) -> Path:
        _refuse_other(path)
        text, namespaces = _NAMESPACE.subn("", path, count=1)
        text = _SYSTEM_ROOT.sub(r"\\Windows", text, count=1) if _SYSTEM_ROOT.match(text) else _expanded(text)
        parts = [part for part in _SEPARATORS.split(text) if part not in {"", "."}]
        absolute = bool(namespaces) or text[:1] in {"\\", "/"}
        if parts:
            first = drives.get(parts[0].lower(), parts[0])
            if _VOLUME.fullmatch(first):
                if first not in drives:
                    raise UnknownFact(f"which volume {first} is is not known", Place(path))
                absolute, parts = True, [first, *parts[1:]]
            elif _DRIVE.fullmatch(first):
                absolute, drive = True, first.upper()
                if drive != system_drive and (reason := lost(drive)):
                    raise reason
                parts = parts[1:] if drive == system_drive else [drive, *parts[1:]]
        return Path(absolute, parts)

    def join(parts: list[str]) -> str:
        if parts and _VOLUME.fullmatch(parts[0]):
            return "\\\\?\\Volume" + parts[0][len("volume") :] + "\\" + "\\".join(parts[1:])
        own = bool(parts) and _DRIVE.fullmatch(parts[0]) is not None
        drive, *names = parts if own else [system_drive, *parts]
        return drive + "\\" + "\\".join(names)

    return Syntax(split, join)


def _refuse_other(path: str) -> None:
    """Raise `UnknownFact` where a path is none of a file, or no disk tells of which."""
    if _ELSEWHERE.match(path):
        raise UnknownFact(f"{path} is no path of a file on a drive", Place(path))
    if _FROM_CURRENT.match(path):
        raise UnknownFact(f"{path} begins in the current directory of the drive, which no disk tells", Place(path))


def _expanded(path: str) -> str:
    found = _VARIABLE.match(path)
    if found is None:
        return path
    value = _VARIABLES.get(found[1].lower())
    if value is None:
        raise UnknownFact(f"what {found[0]} stands for is not known", Place(path))
    return value + path[found.end() :]
