"""The hash index of a directory: from a name to the few blocks that may hold it.

Specification: Linux Documentation/filesystems/ext4, "Hash Tree Directories" and "Directory Hashes"; the half-MD4
transformation is that of RFC 1320 with its third round's constants and reordered words, TEA that of Wheeler
and Needham. Deliberately not done: SipHash, which belongs to encrypted casefolded directories; they are
walked. Whatever does not fit raises `ParseError`, and the caller walks the directory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from struct import Struct
from typing import Final

from parsers.checksum import crc32c
from parsers.filesystem.ext4.directory import Directory
from parsers.filesystem.ext4.superblock import Incompat
from parsers.filesystem.ext4.volume import Volume

_MASK: Final = 0xFFFFFFFF
_LEGACY, _HALF_MD4, _TEA = 0, 1, 2
_UNSIGNED: Final = 3
_DEFAULT_SEED: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_EOF_HASH: Final = 0x7FFFFFFF << 1
_ROOT_INFO: Final = 0x18
_ROOT_ENTRIES: Final = 0x20
_NODE_ENTRIES: Final = 8


def find_blocks(volume: Volume, directory: Directory, name: bytes) -> Iterator[int]:
    """Give the logical blocks of a directory that may hold a name, in order; usually one."""
    root, offset = directory.block(0)
    reserved, version, info_length, levels, _ = Struct("<IBBBB").unpack_from(root, _ROOT_INFO)
    deepest = 3 if volume.superblock.incompat & Incompat.LARGEDIR else 2
    if reserved or info_length != 8 or levels >= deepest or version > _TEA + _UNSIGNED:
        raise directory.error(offset + _ROOT_INFO, "the root of a hash index wanted, something else found")
    if version <= _TEA and volume.superblock.unsigned_hash:
        version += _UNSIGNED
    wanted = name_hash(name, version, volume.superblock.hash_seed)
    yield from _descend(_Index(volume, directory), levels, wanted)


def _descend(index: _Index, levels: int, wanted: int) -> Iterator[int]:
    """Walk down to the leaf, then on to its successors while they may hold names of the same hash."""
    path: list[tuple[list[int], list[int], int]] = []
    block, at = 0, _ROOT_ENTRIES
    for _ in range(levels + 1):
        hashes, blocks = index.node(block, at)
        slot = max(bisect_right(hashes, wanted) - 1, 0)
        path.append((hashes, blocks, slot))
        block, at = blocks[slot], _NODE_ENTRIES
    yield block
    while True:
        level = len(path) - 1
        while level >= 0 and path[level][2] + 1 >= len(path[level][1]):
            level -= 1
        if level < 0:
            return
        hashes, blocks, slot = path[level]
        if hashes[slot + 1] & ~1 != wanted:  # the low bit says that a hash goes on from the block before
            return
        path[level] = (hashes, blocks, slot + 1)
        block = blocks[slot + 1]
        del path[level + 1 :]
        while len(path) <= levels:
            hashes, blocks = index.node(block, _NODE_ENTRIES)
            path.append((hashes, blocks, 0))
            block = blocks[0]
        yield block


class _Index:
    """The nodes of a hash index."""

    def __init__(self, volume: Volume, directory: Directory) -> None:
        self._volume = volume
        self._directory = directory

    def node(self, logical: int, at: int) -> tuple[list[int], list[int]]:
        """Return the hashes and the blocks of a node whose entries start at byte `at`."""
        data, offset = self._directory.block(logical)
        limit, count = Struct("<HH").unpack_from(data, at)
        if not 1 <= count <= limit or at + 8 * limit > len(data):
            raise self._directory.error(offset + at, f"1 to {limit} entries of an index wanted, {count} found")
        words = Struct(f"<{2 * count}I").unpack_from(data, at)
        hashes = [0, *words[2::2]]
        blocks = [word & 0x0FFFFFFF for word in words[1::2]]
        if any(one > two for one, two in pairwise(hashes)):
            raise self._directory.error(offset + at, "hashes in ascending order wanted")
        self._verify(data, offset, at, limit, count)
        return hashes, blocks

    def _verify(self, data: bytes, offset: int, at: int, limit: int, count: int) -> None:
        tail, inode = at + 8 * limit, self._directory.inode
        if tail + 8 > len(data) or not self._volume.verifies(offset):
            return
        seed = self._volume.inode_seed(inode.number, inode.generation)
        wanted = crc32c(crc32c(seed, data[: at + 8 * count]), data[tail : tail + 4] + bytes(4))
        found = int.from_bytes(data[tail + 4 : tail + 8], "little")
        if wanted != found:
            message = f"directory {inode.number}: index checksum {wanted:08x} wanted, {found:08x} found"
            self._volume.report(offset + tail, message)


def name_hash(name: bytes, version: int, seed: tuple[int, int, int, int] | None) -> int:
    """Return the hash of a name: version 0 legacy, 1 half MD4, 2 TEA; 3 to 5 the same of unsigned characters."""
    signed = version < _UNSIGNED
    kind = version if signed else version - _UNSIGNED
    if kind == _LEGACY:
        major = _legacy(name, signed=signed)
    else:
        state = seed or _DEFAULT_SEED
        size = 32 if kind == _HALF_MD4 else 16
        for at in range(0, len(name), size):
            words = _words(name[at : at + size], len(name) - at, size // 4, signed=signed)
            state = _half_md4(state, words) if kind == _HALF_MD4 else _tea(state, words)
        major = state[1] if kind == _HALF_MD4 else state[0]
    major &= ~1
    return (_EOF_HASH - 2) & _MASK if major == _EOF_HASH else major


def _characters(name: bytes, *, signed: bool) -> Iterator[int]:
    return (byte - 256 if signed and byte > 127 else byte for byte in name)


def _words(piece: bytes, left: int, count: int, *, signed: bool) -> list[int]:
    """Pack characters into words, padded with the length of what is left of the name."""
    pad = left | left << 8
    pad = (pad | pad << 16) & _MASK
    words, value = [], pad
    for index, character in enumerate(_characters(piece, signed=signed)):
        value = (character + (value << 8)) & _MASK
        if index % 4 == 3:
            words.append(value)
            value = pad
    if len(words) < count:
        words.append(value)
    return words + [pad] * (count - len(words))


def _legacy(name: bytes, *, signed: bool) -> int:
    one, two = 0x12A3FE2D, 0x37ABE8F9
    for character in _characters(name, signed=signed):
        value = (two + (one ^ (character * 7152373))) & _MASK
        if value & 0x80000000:
            value = (value - 0x7FFFFFFF) & _MASK
        one, two = value, one
    return (one << 1) & _MASK


def _tea(state: tuple[int, ...], words: list[int]) -> tuple[int, int, int, int]:
    one, two, total = state[0], state[1], 0
    a, b, c, d = words
    for _ in range(16):
        total = (total + 0x9E3779B9) & _MASK
        one = (one + (((two << 4) + a) ^ (two + total) ^ ((two >> 5) + b))) & _MASK
        two = (two + (((one << 4) + c) ^ (one + total) ^ ((one >> 5) + d))) & _MASK
    return (state[0] + one) & _MASK, (state[1] + two) & _MASK, state[2], state[3]


_Mix = Callable[[int, int, int], int]
_ROUNDS: Final[tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...]] = (
    (lambda x, y, z: z ^ (x & (y ^ z)), 0, (0, 1, 2, 3, 4, 5, 6, 7), (3, 7, 11, 19)),
    (lambda x, y, z: (x & y) + ((x ^ y) & z), 0x5A827999, (1, 3, 5, 7, 0, 2, 4, 6), (3, 5, 9, 13)),
    (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (3, 7, 2, 6, 1, 5, 0, 4), (3, 9, 11, 15)),
)


def _half_md4(state: tuple[int, ...], words: list[int]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for mix, constant, order, shifts in _ROUNDS:
        for step, word in enumerate(order):
            value = (a + mix(b, c, d) + words[word] + constant) & _MASK
            shift = shifts[step % 4]
            a, b, c, d = d, ((value << shift) | (value >> (32 - shift))) & _MASK, b, c
    return (state[0] + a) & _MASK, (state[1] + b) & _MASK, (state[2] + c) & _MASK, (state[3] + d) & _MASK
