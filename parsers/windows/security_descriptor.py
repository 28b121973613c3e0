"""Security descriptors, as keys of the registry and files of NTFS carry them, and their text (SDDL).

Specification: [MS-DTYP] 2.4.2 SID, 2.4.4 ACE, 2.4.5 ACL, 2.4.6 SECURITY_DESCRIPTOR (self-relative) and 2.5.1 Security
Descriptor Description Language. Of the SACL only its presence is told; entries of an object (GUIDs) and conditions are
read as far as who gets what. In the text a SID has its alias where it is the same on every machine.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

import msgspec

from parsers.place import ParseError, Place

_HEAD: Final = struct.Struct("<BBHIIII")
_ACL: Final = struct.Struct("<BBHHH")
_ACE: Final = struct.Struct("<BBH")
_DACL_PRESENT: Final = 0x0004
_SACL_PRESENT: Final = 0x0010
_MAX_SUBAUTHORITIES: Final = 15

_DACL_FLAGS: Final = ((0x1000, "P"), (0x0100, "AR"), (0x0400, "AI"))
_ACE_TYPES: Final = {
    0: "A", 1: "D", 2: "AU", 3: "AL", 5: "OA", 6: "OD", 7: "OU", 8: "OL", 9: "XA", 10: "XD", 11: "ZA", 13: "XU",
    17: "ML", 18: "RA", 19: "SP",
}  # fmt: skip
_OBJECT_TYPES: Final = frozenset({5, 6, 7, 8, 11, 12, 15, 16})
_ACE_FLAGS: Final = ((0x01, "OI"), (0x02, "CI"), (0x04, "NP"), (0x08, "IO"), (0x10, "ID"), (0x40, "SA"), (0x80, "FA"))
_MASKS: Final = {0xF003F: "KA", 0x20019: "KR", 0x20006: "KW", 0x1F01FF: "FA", 0x120089: "FR", 0x120116: "FW"}
_RIGHTS: Final = (
    (0x80000000, "GR"), (0x40000000, "GW"), (0x20000000, "GX"), (0x10000000, "GA"), (0x00080000, "WO"),
    (0x00040000, "WD"), (0x00020000, "RC"), (0x00010000, "SD"), (0x00000001, "CC"), (0x00000002, "DC"),
    (0x00000004, "LC"), (0x00000008, "SW"), (0x00000010, "RP"), (0x00000020, "WP"), (0x00000040, "DT"),
    (0x00000080, "LO"), (0x00000100, "CR"),
)  # fmt: skip
_ALIASES: Final = {
    "S-1-1-0": "WD", "S-1-3-0": "CO", "S-1-3-1": "CG", "S-1-3-4": "OW", "S-1-5-2": "NU", "S-1-5-4": "IU",
    "S-1-5-6": "SU", "S-1-5-7": "AN", "S-1-5-9": "ED", "S-1-5-10": "PS", "S-1-5-11": "AU", "S-1-5-12": "RC",
    "S-1-5-18": "SY", "S-1-5-19": "LS", "S-1-5-20": "NS", "S-1-5-32-544": "BA", "S-1-5-32-545": "BU",
    "S-1-5-32-546": "BG", "S-1-5-32-547": "PU", "S-1-5-32-548": "AO", "S-1-5-32-549": "SO", "S-1-5-32-550": "PO",
    "S-1-5-32-551": "BO", "S-1-5-32-552": "RE", "S-1-5-32-554": "RU", "S-1-5-32-555": "RD", "S-1-5-32-556": "NO",
    "S-1-15-2-1": "AC", "S-1-16-4096": "LW", "S-1-16-8192": "ME", "S-1-16-12288": "HI", "S-1-16-16384": "SI",
}  # fmt: skip

_INHERIT_ONLY: Final = 0x08
FULL_ACCESS: Final = 0x1F01FF
"""All rights to a file."""
_FILE_RIGHTS: Final = (
    (0x10000000, FULL_ACCESS),
    (0x20000000, 0x1200A0),
    (0x40000000, 0x120116),
    (0x80000000, 0x120089),
)
"""What the generic rights (all, execute, write, read) are to a file."""


class Ace(msgspec.Struct, frozen=True):
    """An entry of an ACL: its type and flags as numbers of [MS-DTYP], the rights, and the SID that it speaks of."""

    type: int
    flags: int
    mask: int
    sid: str

    @property
    def allows(self) -> bool:
        """Whether it grants the rights; without a condition, and to the thing itself, not only to what is in it."""
        return self.type in (0, 5) and not self.flags & 0x08

    def sddl(self) -> str:
        """Return it as SDDL, without the GUIDs of an object."""
        flags = "".join(text for bit, text in _ACE_FLAGS if self.flags & bit)
        kind = _ACE_TYPES.get(self.type, f"{self.type:#x}")
        return f"({kind};{flags};{_rights(self.mask)};;;{alias(self.sid)})"


class SecurityDescriptor(msgspec.Struct, frozen=True):
    """A security descriptor.

    Attributes:
        owner, group: SIDs as text (S-1-5-18), None where there is none.
        control: the control bits.
        dacl: its entries in order; None where there is no DACL, which lets everyone in.
        has_sacl: whether there is a SACL.
    """

    owner: str | None
    group: str | None
    control: int
    dacl: tuple[Ace, ...] | None
    has_sacl: bool

    def sddl(self) -> str:
        """Return owner, group and DACL as SDDL."""
        text = f"O:{alias(self.owner)}" if self.owner else ""
        text += f"G:{alias(self.group)}" if self.group else ""
        if self.control & _DACL_PRESENT:
            flags = "".join(name for bit, name in _DACL_FLAGS if self.control & bit)
            entries = "NO_ACCESS_CONTROL" if self.dacl is None else "".join(ace.sddl() for ace in self.dacl)
            text += f"D:{flags}{entries}"
        return text


def file_rights(descriptor: SecurityDescriptor, sids: Collection[str]) -> int:
    """Return what whoever has these SIDs may do with a file or folder, as an access mask ([MS-DTYP] 2.5.3.2).

    Entries count in their order; those with a condition refuse, and grant nothing.
    """
    if descriptor.dacl is None:
        return FULL_ACCESS
    granted = refused = 0
    for ace in descriptor.dacl:
        if ace.sid not in sids or ace.flags & _INHERIT_ONLY:
            continue
        mask = ace.mask & FULL_ACCESS
        for generic, rights in _FILE_RIGHTS:
            mask |= rights if ace.mask & generic else 0
        if ace.type == 0:
            granted |= mask & ~refused
        elif ace.type in (1, 10):
            refused |= mask & ~granted
    return granted


def alias(sid: str) -> str:
    """Return SDDL's two letters for a SID that is the same on every machine; the SID itself for any other."""
    return _ALIASES.get(sid, sid)


def parse_security_descriptor(data: bytes, place: Place) -> SecurityDescriptor:
    """Read a self-relative security descriptor. Raises ParseError, at `place`, where it is broken."""
    if len(data) < _HEAD.size:
        raise ParseError(place, f"a security descriptor of {_HEAD.size} bytes wanted, {len(data)} found")
    revision, _, control, owner, group, _, dacl = _HEAD.unpack_from(data)
    if revision != 1:
        raise ParseError(place, f"revision 1 of a security descriptor wanted, {revision} found")
    return SecurityDescriptor(
        owner=read_sid(data, owner, place) if owner else None,
        group=read_sid(data, group, place) if group else None,
        control=control,
        dacl=_entries(data, dacl, place) if control & _DACL_PRESENT and dacl else None,
        has_sacl=bool(control & _SACL_PRESENT),
    )


def read_sid(data: bytes, at: int, place: Place) -> str:
    """Return the SID at byte `at` of `data` as text. Raises ParseError, at `place`, where there is none."""
    if at + 8 > len(data):
        raise ParseError(place, f"a SID wanted at byte {at}, {len(data)} bytes found")
    revision, count = data[at], data[at + 1]
    if revision != 1 or count > _MAX_SUBAUTHORITIES or at + 8 + 4 * count > len(data):
        raise ParseError(place, f"a SID wanted at byte {at}, revision {revision} with {count} parts found")
    authority = int.from_bytes(data[at + 2 : at + 8], "big")
    parts = struct.unpack_from(f"<{count}I", data, at + 8)
    name = f"{authority:#x}" if authority >= 1 << 32 else str(authority)
    return "-".join(["S-1", name, *map(str, parts)])


def _entries(data: bytes, at: int, place: Place) -> tuple[Ace, ...]:
    if at + _ACL.size > len(data):
        raise ParseError(place, f"an ACL wanted at byte {at}, {len(data)} bytes found")
    _, _, size, count, _ = _ACL.unpack_from(data, at)
    end = at + size
    if end > len(data):
        raise ParseError(place, f"an ACL of {size} bytes wanted at byte {at}, {len(data) - at} found")
    at += _ACL.size
    entries: list[Ace] = []
    for _ in range(count):
        kind, flags, length = _ACE.unpack_from(data, at) if at + _ACE.size <= end else (0, 0, 0)
        if length < 16 or at + length > end:
            raise ParseError(place, f"{count} entries of an ACL wanted, {len(entries)} whole ones found")
        mask = int.from_bytes(data[at + 4 : at + 8], "little")
        entries.append(Ace(kind, flags, mask, read_sid(data[: at + length], at + _sid_start(data, at, kind), place)))
        at += length
    return tuple(entries)


def _sid_start(data: bytes, at: int, kind: int) -> int:
    """Return where the SID of an entry begins: behind the mask, and behind the GUIDs of an object."""
    if kind not in _OBJECT_TYPES:
        return 8
    flags = int.from_bytes(data[at + 8 : at + 12], "little")
    return 12 + 16 * (flags & 1) + 16 * (flags >> 1 & 1)


def _rights(mask: int) -> str:
    if mask in _MASKS:
        return _MASKS[mask]
    known = sum(bit for bit, _ in _RIGHTS)
    if mask & ~known:
        return f"{mask:#x}"
    return "".join(text for bit, text in _RIGHTS if mask & bit)
