"""What a real Windows wrote: files that lie packed within source distributions, which `make test` fetches unopened."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Final

import pytest

from tests.corpus import write_sparse

FOLDER: Final = Path(__file__).resolve().parents[1] / ".cache" / "samples"
SYSTEM_HIVE: Final = "dissect_regf-3.14/tests/_data/SYSTEM.gz"
"""That of a Windows 10 for x86_64 in a virtual machine of VMware's."""
NTFS: Final = "dissect_ntfs-3.16/tests/_data/ntfs.bin.gz"
"""A volume with a directory of a thousand names, and behind its end the footer of the VHD that it lay in."""
NTFS_OF_CLOUD_FILES: Final = "dissect_ntfs-3.16/tests/_data/ntfs-cloud.bin.gz"
"""A volume with the folder of OneDrive, one of its files kept in the cloud alone."""


def archive(name: str) -> Path:
    """Return where the archive with a sample is, if it was fetched."""
    return FOLDER / f"{name.partition('/')[0]}.tar.gz"


def sample(name: str, target: Path) -> Path:
    """Unpack a sample to `target`, sparsely; skip the calling test where it was not fetched."""
    if not archive(name).is_file():
        pytest.skip(f"{archive(name).name} was not fetched: nothing of a real Windows was tested")
    with tarfile.open(archive(name)) as members:
        packed = members.extractfile(name)
        assert packed is not None
        with gzip.open(packed) as content, target.open("wb") as out:
            write_sparse(content, out)
    return target
