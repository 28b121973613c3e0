from __future__ import annotations

import hashlib
import json

import pytest

from inspector.disks.disk import Volume
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount, NotFound
from inspector.view.listing import Listing, json_array, long_line, short_line, stat_lines, volume_files
from tests.memory_tree import Dir, File, Files, Link, MemoryTree
from tests.volumes import storage_of, volume_of

ROOT: Files = {
    "/etc/passwd": File("root\n", mode=0o4640, uid=5, gid=6, flags=("append", "immutable")),
    "/boot/beneath": "hidden by the mount",
    "/link": Link("etc"),
    "/empty": Dir(mode=0o1777),
}
BOOT: Files = {"/grub/grub.cfg": "menu\n", "/vmlinuz": "kernel"}


def guest() -> Guest:
    root, boot = volume_of(ROOT), volume_of(BOOT, 2)
    return Guest([mount("/", root), mount("/boot", boot)])


def mount(path: str, volume: Volume) -> Mount:
    assert volume.tree is not None
    return Mount(path, volume, volume.tree, volume.tree.root)


def paths(listing: Listing, path: str, *, recursive: bool = False) -> list[str]:
    return [entry["path"] for entry in listing.entries(path, recursive=recursive)]


def test_a_directory_is_listed_in_byte_order_with_its_mounts() -> None:
    entries = list(Listing(guest()).entries("/"))
    assert [(entry["path"], entry["volume"]) for entry in entries] == [
        ("/boot", "sda2"),
        ("/empty", "sda1"),
        ("/etc", "sda1"),
        ("/link", "sda1"),
    ]


def test_all_below_goes_into_mounts_and_follows_no_link() -> None:
    assert paths(Listing(guest()), "/", recursive=True) == [
        "/boot", "/boot/grub", "/boot/grub/grub.cfg", "/boot/vmlinuz", "/empty", "/etc", "/etc/passwd", "/link",
    ]  # fmt: skip


def test_paths_are_told_as_they_were_asked_for() -> None:
    assert paths(Listing(guest()), "/link") == ["/link/passwd"]
    assert paths(Listing(guest()), "/link", recursive=True) == ["/link/passwd"]
    assert paths(Listing(guest()), "/etc/../link//") == ["/etc/../link/passwd"]
    assert paths(Listing(guest()), "link/passwd") == ["/link/passwd"]


def test_an_entry_has_all_that_the_contract_names() -> None:
    (entry,) = Listing(guest(), hashes=True).entries("/etc/passwd")
    del entry["inode"]
    assert entry == {
        "path": "/etc/passwd",
        "type": "file",
        "mode": 0o4640,
        "uid": 5,
        "gid": 6,
        "size": 5,
        "mtime": "1970-01-01T00:00:00.000000000Z",
        "target": None,
        "flags": ["append", "immutable"],
        "volume": "sda1",
        "sha256": hashlib.sha256(b"root\n").hexdigest(),
    }


def test_a_path_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="/nope does not exist"):
        list(Listing(guest()).entries("/nope"))


def test_what_is_broken_is_noted_and_the_rest_is_listed() -> None:
    tree = MemoryTree({"/a/x": "1", "/b": "2", "/c/y": "3"}, broken=frozenset({"/a", "/b"}))
    broken = Guest([Mount("/", None, tree, tree.root)])
    listing = Listing(broken, hashes=True)
    assert paths(listing, "/") == ["/c"]
    assert len(listing.errors) == 2
    listing = Listing(broken, hashes=True)
    assert paths(listing, "/", recursive=True) == ["/c", "/c/y"]
    assert [error.message for error in listing.errors] == ["broken on purpose"] * 2


def test_a_volume_is_a_tree_of_its_own() -> None:
    unread = Volume("sda3", volume_of({}).source, 0, flaw="it cannot be read: torn")
    disk = storage_of(volume_of(ROOT), volume_of(BOOT, 2), unread)
    assert paths(Listing(volume_files(disk, "sda2")), "/") == ["/grub", "/vmlinuz"]
    assert paths(Listing(volume_files(disk, "/dev/sda1")), "/boot") == ["/boot/beneath"]
    with pytest.raises(InspectorError, match="no volume is called sdb1; there are sda1, sda2, sda3"):
        volume_files(disk, "sdb1")
    with pytest.raises(InspectorError, match="sda3 cannot be read: it cannot be read: torn"):
        volume_files(disk, "sda3")


@pytest.mark.parametrize("path", [r"\EFI\Boot", "EFI/Boot", r"\EFI/Boot"])
def test_a_volume_of_windows_takes_backslashes(path: str) -> None:
    disk = storage_of(volume_of({"/EFI/Boot/bootx64.efi": ""}, kind="vfat"))
    assert paths(Listing(volume_files(disk, "sda1")), path) == [r"\EFI\Boot\bootx64.efi"]
    assert paths(Listing(volume_files(disk, "sda1")), "/EFI/Boot") == ["/EFI/Boot/bootx64.efi"]
    linux = storage_of(volume_of({r"/a\b": ""}))
    assert paths(Listing(volume_files(linux, "sda1")), "/") == [r"/a\b"]


@pytest.mark.parametrize(("kind", "reason"), [("swap", "swap holds no files"), (None, "it holds no files")])
def test_a_volume_without_files_is_called_what_it_is(kind: str | None, reason: str) -> None:
    with pytest.raises(InspectorError, match=f"^sda1 cannot be read: {reason}$"):
        volume_files(storage_of(volume_of(None, kind=kind)), "sda1")


def test_a_mount_that_cannot_be_read_is_unknown() -> None:
    root = volume_of(ROOT)
    partly = Guest([mount("/", root), Mount("/boot", None, None, 0, "xfs is not read so far")])
    with pytest.raises(UnknownFact, match="xfs is not read so far"):
        list(Listing(partly).entries("/boot"))


def test_lines() -> None:
    (entry,) = Listing(guest()).entries("/etc/passwd")
    assert long_line(entry) == "-rwSr-----     5     6            5 1970-01-01T00:00:00 /etc/passwd\n"
    (directory,) = [entry for entry in Listing(guest()).entries("/") if entry["path"] == "/empty"]
    assert long_line(directory).startswith("drwxrwxrwt ")
    hostile = {**entry, "path": "/a\x1b[2J\n\udcff", "target": "\u202e", "sha256": None}
    assert short_line(hostile) == "/a\\x1b[2J\\x0a\\xff\n"
    assert long_line(hostile).endswith(" /a\\x1b[2J\\x0a\\xff -> \\u202e\n")
    assert "  target: \\u202e\n" in stat_lines(hostile)


def test_stat_tells_more() -> None:
    entry = Listing(guest()).stat("/link")
    assert (entry["type"], entry["target"], entry["links"], entry["xattrs"]) == ("symlink", "etc", 1, {})
    assert Listing(guest()).stat("/boot")["volume"] == "sda2"
    assert Listing(guest()).stat("/")["type"] == "directory"


def test_a_json_array_comes_piece_by_piece() -> None:
    entries = list(Listing(guest()).entries("/", recursive=True))
    pieces = list(json_array(iter(entries)))
    assert len(pieces) == len(entries) + 1
    assert json.loads("".join(pieces)) == entries
    assert json.loads("".join(json_array(iter([])))) == []
