"""What sudo reads before it lets anybody run anything."""

from __future__ import annotations

import msgspec

from inspector.verdict import Evidence
from parsers.linux.sudoers import Release, Sudoers


class PolicyFile(msgspec.Struct, frozen=True):
    """A file of the policy, with its owner and mode."""

    path: str
    uid: int
    gid: int
    mode: int


class Sudo(msgspec.Struct, frozen=True):
    """What is known of sudo.

    Attributes:
        program: its path; None where it is not installed.
        path: the policy that was read, or wanted.
        policy: None where the file does not exist.
        agreed: whether every release of sudo that this may be judges the policy alike.
        release: None where it could not be told, and `release_source` says why.
        files: the files that were read.
    """

    program: str | None
    path: str
    policy: Sudoers | None
    agreed: bool
    release: Release | None
    release_source: Evidence
    files: tuple[PolicyFile, ...]
