"""What is installed in a Windows guest: the programs of the machine and of its users, and the updates of Windows."""

from __future__ import annotations

import msgspec

from inspector.facts.windows_packages import ServicingPackage
from parsers.place import Place, Problem
from parsers.windows.uninstall_entry import UninstallEntry


class Profile(msgspec.Struct, frozen=True):
    r"""A user's profile: the SID, and its folder as the list of profiles has it ("C:\Users\ann")."""

    sid: str
    folder: str

    @property
    def name(self) -> str:
        """The name of the folder, which is mostly that of the user."""
        return self.folder.rstrip("\\/").replace("/", "\\").rpartition("\\")[2] or self.sid


class Program(msgspec.Struct, frozen=True):
    """A program as its installer listed it.

    Attributes:
        bits: of the view of the registry that its installer wrote to, 64 or 32; None of a user's, where both views
            are one.
        owner: whose it is; None where it is the machine's.
    """

    entry: UninstallEntry
    bits: int | None
    owner: Profile | None

    @property
    def name(self) -> str:
        """Its name; that of its key where it has none."""
        return self.entry.name or self.entry.key


class WindowsSoftware(msgspec.Struct, frozen=True):
    """The software, in the order of the registry.

    Attributes:
        updates: of Windows, whatever their state.
        problems: what could not be read; with any, the list may lack something.
        place: the hive of the machine.
    """

    programs: tuple[Program, ...]
    updates: tuple[ServicingPackage, ...]
    problems: tuple[Problem, ...]
    place: Place
