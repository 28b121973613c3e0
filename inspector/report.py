"""The report: what one inspection found, in the shape that `--format json` prints.

The order of the fields is the order in the output. Only additions are made within one `schema_version`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from inspector.verdict import Status
from parsers.linux.adjtime import ClockMode

SCHEMA_VERSION: Final = 1


class Tool(msgspec.Struct, frozen=True):
    """The program that made the report."""

    name: str
    version: str


class ImageInfo(msgspec.Struct, frozen=True):
    """The image file; sizes in bytes."""

    path: str
    format: str
    virtual_size: int
    file_size: int


class DiskInfo(msgspec.Struct, frozen=True):
    """A disk of the machine: the name that evidence knows it by ("sda"), and its image."""

    name: str
    image: ImageInfo


class GuestInfo(msgspec.Struct, frozen=True):
    """What system the image holds; null where it could not be told."""

    os: Literal["linux", "windows"] | None = None
    distro: str | None = None
    version: str | None = None
    product: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    rtc_mode: ClockMode | None = None
    boot_mode: Literal["bios", "uefi", "both", "none"] | None = None
    hostname: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """How many checks came out how."""

    total: int
    ok: int
    warning: int
    failed: int


class EvidenceInfo(msgspec.Struct, frozen=True):
    """What was seen, and where: a guest path or the name of a volume, a line, a key, a byte offset in `path`."""

    path: str
    line: int | None
    key: str | None
    offset: int | None
    volume: str | None
    seen: str


class RuleResult(msgspec.Struct, frozen=True):
    """The verdict of one rule. `known` is false where what it speaks of could not be read."""

    rule: str
    status: Status
    known: bool
    message: str
    fix: str
    evidence: list[EvidenceInfo]


class CheckResult(msgspec.Struct, frozen=True):
    """A check, as bad as its worst rule."""

    name: str
    id: str
    title: str
    status: Status
    rules: list[RuleResult]


class Exemption(msgspec.Struct, frozen=True):
    """A check or a rule that does not concern this guest."""

    name: str
    reason: str


class ProblemInfo(msgspec.Struct, frozen=True):
    """Something wrong in the image, whether or not a check of the profile speaks of it."""

    path: str
    line: int | None
    key: str | None
    offset: int | None
    volume: str | None
    message: str


class Cost(msgspec.Struct, frozen=True):
    """What the inspection took: wall-clock seconds, and bytes read of the image file."""

    seconds: float
    bytes_read: int


class Report(msgspec.Struct, frozen=True):
    """Everything about one image."""

    schema_version: int
    tool: Tool
    profile: str
    image: ImageInfo
    guest: GuestInfo
    verdict: Status
    summary: Summary
    checks: list[CheckResult]
    not_applicable: list[Exemption]
    problems: list[ProblemInfo]
    cost: Cost
    disks: list[DiskInfo]
