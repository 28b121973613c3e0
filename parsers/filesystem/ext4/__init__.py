"""ext2, ext3 and ext4, complete for reading.

Written from Linux Documentation/filesystems/ext4 ("ext4 Data Structures and Algorithms"). A journal that needs
recovery is replayed in memory, so that what is read is what the kernel would see after mounting; that this was
done, or could not be, stands among the problems of the tree. Deliberately not done: writing, decryption,
fs-verity's Merkle trees, compressed files (an old patch that no kernel carries), fast commits, and reading from
a backup superblock, which the error names.
"""

from __future__ import annotations

from parsers.filesystem.ext4.groups import Groups
from parsers.filesystem.ext4.inodes import Inodes
from parsers.filesystem.ext4.journal import Replay, replay_journal
from parsers.filesystem.ext4.overlay import Overlay
from parsers.filesystem.ext4.superblock import Compat, Superblock, parse_superblock
from parsers.filesystem.ext4.tree import Ext4Tree, open_journal
from parsers.filesystem.ext4.volume import Volume
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

__all__ = ["Ext4Tree", "open_ext4"]


def open_ext4(source: Source) -> Ext4Tree:
    """Open the file system on a volume. Raises `ParseError` where it is none, or none that can be read."""
    superblock = parse_superblock(source)
    if not superblock.needs_recovery:
        return Ext4Tree(source, superblock, unreplayed_journal=False)
    try:
        overlay, replayed, replay = _replay(source, superblock)
    except ParseError as error:
        recovery = _problem(source, f"not replayed: {error}")
        return Ext4Tree(source, superblock, unreplayed_journal=True, recovery=recovery)
    recovery = _problem(source, _summary(replay))
    return Ext4Tree(overlay, replayed, unreplayed_journal=bool(replay.flaws), recovery=recovery)


def _replay(source: Source, superblock: Superblock) -> tuple[Source, Superblock, Replay]:
    """Return the volume and its superblock as they are after the replay."""
    journal = _journal(source, superblock)
    replay = replay_journal(journal, superblock.block_size, superblock.blocks)
    if not replay.blocks:
        return source, superblock, replay
    overlay = Overlay(source, journal, superblock.block_size, replay.blocks)
    replayed = parse_superblock(overlay)
    if (replayed.block_size, replayed.blocks) != (superblock.block_size, superblock.blocks):
        raise ParseError(Place(source.name), "a journal of this file system wanted, that of another one found")
    return overlay, replayed, replay


def _journal(source: Source, superblock: Superblock) -> Source:
    if not superblock.compat & Compat.HAS_JOURNAL:
        raise ParseError(Place(source.name), "a journal wanted, none found")
    if not superblock.journal_inode:
        raise ParseError(
            Place(source.name),
            f"a journal in the file system wanted, one on another device found ({superblock.journal_uuid})",
        )
    volume = Volume(source, superblock)
    return open_journal(volume, Inodes(volume, Groups(volume)))


def _problem(source: Source, outcome: str) -> Problem:
    return Problem(Place(source.name), f"the journal needs recovery; {outcome}")


def _summary(replay: Replay) -> str:
    text = f"replayed in memory: {replay.transactions} transactions, {len(replay.blocks)} blocks"
    return f"{text}; incomplete: {'; '.join(replay.flaws)}" if replay.flaws else text
