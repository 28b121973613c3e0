"""The features of ext2, ext3 and ext4 under the names that tune2fs(8) and mke2fs(8) give them.

Specification: Linux Documentation/filesystems/ext4, "Super Block", the three feature words; names as in ext4(5).
Bits that have no name there are left out.
"""

from __future__ import annotations

from typing import Final

_COMPAT: Final = {
    0x1: "dir_prealloc",
    0x4: "has_journal",
    0x8: "ext_attr",
    0x10: "resize_inode",
    0x20: "dir_index",
    0x200: "sparse_super2",
    0x400: "fast_commit",
    0x800: "stable_inodes",
    0x1000: "orphan_file",
}
_INCOMPAT: Final = {
    0x1: "compression",
    0x2: "filetype",
    0x4: "needs_recovery",
    0x8: "journal_dev",
    0x10: "meta_bg",
    0x40: "extent",
    0x80: "64bit",
    0x100: "mmp",
    0x200: "flex_bg",
    0x400: "ea_inode",
    0x1000: "dirdata",
    0x2000: "metadata_csum_seed",
    0x4000: "large_dir",
    0x8000: "inline_data",
    0x10000: "encrypt",
    0x20000: "casefold",
}
_RO_COMPAT: Final = {
    0x1: "sparse_super",
    0x2: "large_file",
    0x8: "huge_file",
    0x10: "uninit_bg",
    0x20: "dir_nlink",
    0x40: "extra_isize",
    0x100: "quota",
    0x200: "bigalloc",
    0x400: "metadata_csum",
    0x1000: "read-only",
    0x2000: "project",
    0x4000: "shared_blocks",
    0x8000: "verity",
    0x10000: "orphan_present",
}


def feature_names(compat: int, incompat: int, ro_compat: int) -> frozenset[str]:
    """Return the names of the features whose bits are set in the three words."""
    words = ((compat, _COMPAT), (incompat, _INCOMPAT), (ro_compat, _RO_COMPAT))
    return frozenset(name for word, names in words for bit, name in names.items() if word & bit)
