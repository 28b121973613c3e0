"""Where libguestfs' Python bindings are looked for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from fixtures.disk import tool
from inspector.backends import choice, native
from inspector.backends.choice import Choice, backend
from inspector.backends.guestfs import bindings
from inspector.backends.guestfs.volumes import equip
from inspector.disks.disk import Volume
from parsers.filesystem.superblock import Superblock, identify
from parsers.source import Memory
from tests.oracles import needs

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def folder(tmp_path: Path, suffix: str = SUFFIX) -> Path:
    (tmp_path / "guestfs.py").write_text("class GuestFS: pass\n")
    (tmp_path / f"libguestfsmod{suffix}").write_text("")
    return tmp_path


def volume(kind: str = "f2fs") -> Volume:
    return Volume("sda1", Memory(bytes(4096), "sda1"), 0, None, Superblock(kind, 0))


def test_the_folder_of_the_system_counts_where_this_python_can_load_it(tmp_path: Path) -> None:
    assert bindings.system_folder(tmp_path) is None
    assert bindings.system_folder(folder(tmp_path)) == tmp_path


def test_bindings_for_another_python_do_not_count(tmp_path: Path) -> None:
    assert bindings.system_folder(folder(tmp_path, ".cpython-27-x.so")) is None


def test_loading_leaves_the_path_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "_SYSTEM", folder(tmp_path))
    monkeypatch.setattr(bindings, "system_folder", lambda: tmp_path)
    monkeypatch.delitem(sys.modules, "guestfs", raising=False)
    before = list(sys.path)
    try:
        assert bindings.load().GuestFS
    finally:
        sys.modules.pop("guestfs", None)
    assert sys.path == before


def test_without_bindings_loading_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "system_folder", lambda: None)
    if "guestfs" not in sys.modules and importlib.util.find_spec("guestfs") is None:
        with pytest.raises(ImportError):
            bindings.load()


@pytest.mark.parametrize("name", [Choice.AUTO, Choice.GUESTFS])
def test_without_bindings_the_reason_names_the_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "installed", lambda: False)
    unread = volume()
    equip([unread], backend(name))
    assert unread.tree is None
    assert unread.backend is None
    assert unread.reason is not None
    assert unread.reason.endswith("install the package python3-guestfs")
    assert unread.reason.startswith("f2fs is not read so far; ") is (name == Choice.AUTO)


def test_a_type_that_nobody_reads_is_said_to_be_so() -> None:
    unread = volume("zonefs")
    equip([unread], backend("auto"))
    assert unread.reason == "zonefs is not read so far; zonefs is not read through libguestfs"


def test_what_is_broken_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "installed", lambda: True)
    broken = volume("ext4")
    equip([broken], backend("auto"))  # would fork, were it asked
    assert broken.reason is not None
    assert broken.reason.startswith("ext4 cannot be read: sda1")
    assert "libguestfs" not in broken.reason


def test_native_needs_no_helper() -> None:
    assert backend("native") is choice.NATIVE
    assert choice.NATIVE.helper is None
    assert volume().readers == (native.READER,)


def test_a_choice_that_is_none() -> None:
    with pytest.raises(ValueError, match="magic"):
        backend("magic")


@needs("mke2fs")
def test_a_feature_that_is_unknown_is_left_to_libguestfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "installed", lambda: False)
    image = tmp_path / "image"
    image.write_bytes(bytes(4 << 20))
    subprocess.run([tool("mke2fs"), "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", str(image)], check=True)
    data = bytearray(image.read_bytes())
    data[1024 + 0x60 + 3] = 0x80  # an incompatible feature that is yet to be invented
    source = Memory(bytes(data), "sda1")
    future = Volume("sda1", source, 0, None, identify(source))
    equip([future], backend("auto"))
    assert future.reason is not None
    assert "features that can be read wanted" in future.reason
    assert future.reason.endswith("install the package python3-guestfs")
