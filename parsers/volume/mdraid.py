"""Linux md arrays: members are joined by their superblocks, and read as the kernel would read them.

Specifications: md(4) and Linux Documentation/admin-guide/md.rst; see `parsers.volume.md_superblock` for the formats
and `parsers.volume.raid` for the layouts. A member whose event count lags by more than one, or which the others know
as faulty, is left out and named, as the kernel does. RAID1 and RAID10 read what one copy gives, RAID4 to RAID6 rebuild
one missing leg from the parity.

Not done: arrays in the middle of a reshape (refused), journals and partial-parity logs, a second missing leg of RAID6,
containers of firmware RAID (DDF, IMSM).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source, Window, check_range
from parsers.volume.extents import Chunked, Extent, Extents, Leg, Mirror
from parsers.volume.md_superblock import ROLE_FAULTY, ROLE_JOURNAL, Feature, MdSuperblock, parse_md_superblock
from parsers.volume.raid import PARITY_LAST, RAID0_ALTERNATE, RAID0_ORIGINAL, Parity, Raid10, Zoned

_PAGE: Final = 4096
LEVELS: Final = {-1: "linear", 0: "raid0", 1: "raid1", 4: "raid4", 5: "raid5", 6: "raid6", 10: "raid10"}


class _Member(msgspec.Struct, frozen=True):
    source: Source
    superblock: MdSuperblock

    @property
    def place(self) -> Place:
        return Place(self.source.name)


class Array:
    """A running array as a `Source`.

    Attributes:
        name: of the source, such as "md0".
        uuid: of the array, as blkid gives it for its members.
        label: the name in its superblocks ("host:0"); None for 0.90.
        level: "linear", "raid0", "raid1", "raid4", "raid5", "raid6" or "raid10".
        legs: how many members it has by right; `missing` of them are not there.
        members: the names of those that are read.
        problems: members that were left out or are missing, and what the superblocks warn of.
    """

    def __init__(self, source: Source, superblock: MdSuperblock, members: Sequence[str], problems: Sequence[Problem]):
        self.name = source.name
        self.size = source.size
        self.uuid = superblock.uuid
        self.label = superblock.name
        self.level = LEVELS[superblock.level]
        self.version = superblock.version
        self.legs = superblock.legs
        self.members = tuple(members)
        self.missing = self.legs - len(self.members)
        self.problems = tuple(problems)
        self._source = source

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the array; what no member can give raises `ParseError`."""
        check_range(self, offset, size)
        return self._source.read_at(offset, size)


class MdArrays(msgspec.Struct, frozen=True):
    """The arrays that could be assembled, the members that belong to none, and what is wrong.

    `unread` are the names of members whose array cannot be read, with the reason; `short` are those of them that lack
    other members.
    """

    arrays: tuple[Array, ...]
    unread: dict[str, str]
    problems: tuple[Problem, ...]
    short: tuple[str, ...] = ()


def open_mdraid(members: Sequence[Source]) -> MdArrays:
    """Group members by the UUID of their array and assemble each group."""
    groups: dict[str, list[_Member]] = {}
    unread: dict[str, str] = {}
    short: list[str] = []
    problems: list[Problem] = []
    for source in members:
        try:
            superblock = parse_md_superblock(source)
        except ParseError as error:
            unread[source.name] = error.message
            problems.append(Problem(error.place, error.message))
            continue
        groups.setdefault(superblock.uuid, []).append(_Member(source, superblock))
    arrays: list[Array] = []
    for group in groups.values():
        try:
            arrays.append(_assemble(group, {array.name for array in arrays}))
        except ParseError as error:
            unread |= {member.source.name: str(error) for member in group}
            short += [member.source.name for member in group if _lacks_members(group)]
            problems.append(Problem(error.place, error.message))
            continue
        problems += arrays[-1].problems
    return MdArrays(tuple(arrays), unread, tuple(problems), tuple(short))


def _lacks_members(group: list[_Member]) -> bool:
    """Tell whether members of an array that cannot be assembled are missing, or too old to be of use."""
    fresh = max(group, key=lambda member: member.superblock.events).superblock
    usable = {member.superblock.role for member in group if not _flaw(member, fresh)}
    return sum(role < fresh.legs for role in usable) < fresh.legs


def assemble(members: Sequence[Source]) -> Array:
    """Return the array that `members` are of.

    Raises:
        ParseError: a superblock is broken, they are of several arrays, or too many members are missing.
    """
    group = [_Member(source, parse_md_superblock(source)) for source in members]
    if not group:
        raise ParseError(Place("md"), "at least one member wanted, none found")
    for member in group[1:]:
        if member.superblock.uuid != group[0].superblock.uuid:
            raise ParseError(
                member.place, f"a member of {group[0].superblock.uuid} wanted, one of {member.superblock.uuid} found"
            )
    return _assemble(group, set())


def _assemble(group: list[_Member], taken: set[str]) -> Array:
    freshest = max(group, key=lambda member: member.superblock.events)
    superblock = freshest.superblock
    _check_array(freshest)
    problems: list[Problem] = []
    legs: list[_Member | None] = [None] * superblock.legs
    for member in group:
        if flaw := _flaw(member, superblock):
            problems.append(Problem(member.place, flaw))
            continue
        role = member.superblock.role
        if role >= superblock.legs:
            continue  # a spare or a journal
        if other := legs[role]:
            message = f"one member as leg {role} wanted, {other.source.name} and {member.source.name} found"
            raise ParseError(member.place, message)
        legs[role] = member
    name = _name(superblock, taken)
    absent = [str(role) for role, member in enumerate(legs) if member is None]
    if absent:
        message = f"{superblock.legs} members of {name} wanted, {', '.join(absent)} missing"
        problems.append(Problem(freshest.place, message))
    problems += _warnings([member for member in legs if member])
    source = _open(name, superblock, legs)
    return Array(source, superblock, [member.source.name for member in legs if member], problems)


def _check_array(member: _Member) -> None:
    superblock = member.superblock
    if superblock.level not in LEVELS:
        raise ParseError(member.place, f"an array of a level that is read wanted, level {superblock.level} found")
    if superblock.reshaping:
        raise ParseError(member.place, "an array at rest wanted, one in the middle of a reshape found")


def _flaw(member: _Member, fresh: MdSuperblock) -> str | None:
    """Why a member must not be read; None where it may."""
    own = member.superblock
    if own.events + 1 < fresh.events:
        return f"event count {fresh.events} wanted, {own.events} found: the member fell behind and is left out"
    if own.member < len(fresh.roles) and fresh.roles[own.member] == ROLE_FAULTY:
        return "a member in use wanted, one that the array knows as faulty found: it is left out"
    if own.role == ROLE_JOURNAL:
        return "the journal of the array is not replayed"
    if own.role < fresh.legs and own.recovered is not None:
        return f"a whole member wanted, one rebuilt up to byte {own.recovered} found: it is left out"
    alike = ("level", "layout", "chunk", "component", "legs", "version")
    if unlike := [name for name in alike if getattr(own, name) != getattr(fresh, name)]:
        return f"the same {unlike[0]} as the other members wanted, another found: it is left out"
    return None


def _warnings(members: list[_Member]) -> list[Problem]:
    problems = []
    for member in members:
        if member.superblock.features & Feature.BAD_BLOCKS:
            problems.append(Problem(member.place, "a log of bad blocks that is not empty: what they hold is not known"))
        if not member.superblock.clean and member.superblock.level > 0:
            problems.append(Problem(member.place, "a clean member wanted, one that was in use or resyncing found"))
    return problems


def _name(superblock: MdSuperblock, taken: set[str]) -> str:
    """The device as mdadm names it: md0 for a number, md/data for a name; md127 downwards for what has neither."""
    name = (superblock.name or "").rpartition(":")[2]
    if superblock.minor is not None:
        name = str(superblock.minor)
    name = f"md{int(name)}" if name.isascii() and name.isdigit() else f"md/{name}"
    usable = name != "md/" and "/" not in name.removeprefix("md/") and name not in taken
    return name if usable else next(n for number in range(127, -2048, -1) if (n := f"md{number}") not in taken)


def _open(name: str, superblock: MdSuperblock, members: list[_Member | None]) -> Source:
    legs = [_data(member) if member else None for member in members]
    match superblock.level:
        case 1:
            return Mirror(name, superblock.component, legs)
        case 10:
            _check_chunk(name, superblock)
            near = Raid10(name, superblock.legs, superblock.chunk, superblock.layout, superblock.component)
            return Chunked(name, near.size, superblock.chunk, legs, near)
        case 4 | 5 | 6:
            return _parity(name, superblock, legs)
    if missing := [str(index) for index, leg in enumerate(legs) if leg is None]:
        raise ParseError(Place(name), f"all {superblock.legs} members wanted, {', '.join(missing)} missing")
    whole = [leg for leg in legs if leg]
    return _linear(name, superblock, whole) if superblock.level == -1 else _raid0(name, superblock, whole)


def _data(member: _Member) -> Source:
    superblock = member.superblock
    return Window(member.source, superblock.data_offset, superblock.data_size)


def _check_chunk(name: str, superblock: MdSuperblock) -> None:
    """Check what md asks of chunks: at least a page, or every read would fall to crumbs; stripes may be of any size."""
    chunk, level = superblock.chunk, superblock.level
    if chunk < _PAGE or (level and chunk & chunk - 1):
        raise ParseError(Place(name), f"chunks of a power of two from {_PAGE} bytes wanted, {chunk} bytes found")


def _parity(name: str, superblock: MdSuperblock, legs: list[Leg]) -> Source:
    _check_chunk(name, superblock)
    layout = PARITY_LAST if superblock.level == 4 else superblock.layout
    parity = Parity(name, superblock.legs, superblock.chunk, layout, 2 if superblock.level == 6 else 1)
    if None in legs and not superblock.clean:
        raise ParseError(Place(name), "all members of an array that was in use wanted, since its parity may be stale")
    rows = superblock.component // superblock.chunk
    return Chunked(name, rows * superblock.chunk * parity.data_legs, superblock.chunk, legs, parity)


def _linear(name: str, superblock: MdSuperblock, legs: list[Source]) -> Source:
    chunk = superblock.chunk or 1
    return Extents(name, [Extent(leg.size // chunk * chunk, leg) for leg in legs])


def _raid0(name: str, superblock: MdSuperblock, legs: list[Source]) -> Source:
    _check_chunk(name, superblock)
    zoned = Zoned([leg.size for leg in legs], superblock.chunk, alternate=superblock.layout == RAID0_ALTERNATE)
    if zoned.zones > 1 and superblock.layout not in (RAID0_ORIGINAL, RAID0_ALTERNATE):
        # Two ranges of kernels laid the chunks differently without saying which they were.
        message = f"layout 1 or 2 of members of several sizes wanted, {superblock.layout} found"
        raise ParseError(Place(name), message)
    return Chunked(name, zoned.size, superblock.chunk, legs, zoned)
