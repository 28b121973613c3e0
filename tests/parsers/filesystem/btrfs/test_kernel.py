"""The kernel as the oracle: it fills and mounts volumes of many features, and every path must read the same."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from parsers.filesystem.btrfs import BtrfsTree, open_btrfs
from parsers.filesystem.tree import FileType, Tree, Usage
from parsers.place import ParseError
from tests.parsers.filesystem.btrfs.reference import btrfs, fill, make, mounted, needs_kernel, needs_progs, run, sync
from tests.parsers.filesystem.ext4.files import FileSource, sha256, walk
from tests.parsers.filesystem.ext4.reference import differences, facts_of, flags_of, host_facts, paths

pytestmark = [needs_progs, needs_kernel]
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "default": ((), ()),
    "xxhash, small nodes": (("--csum", "xxhash", "-n", "4096"), ()),
    "sha256": (("--csum", "sha256", "-n", "8192"), ()),
    "blake2, large nodes": (("--csum", "blake2", "-n", "65536"), ()),
    "32 KiB nodes": (("-n", "32768", "-m", "single"), ("max_inline=2048",)),
    "mixed": (("-M", "-n", "4096"), ()),
    "dup": (("-m", "dup", "-d", "dup"), ()),
    "holes": (("-O", "^no-holes"), ("max_inline=0",)),
    "without free-space tree": (("-R", "^free-space-tree", "-O", "^skinny-metadata,^extref"), ()),
    "quota": (("-R", "quota"), ()),
    "zlib": ((), ("compress-force=zlib:9",)),
    "lzo": (("-n", "4096"), ("compress-force=lzo",)),
    "zstd": (("--csum", "xxhash"), ("compress-force=zstd:15",)),
    "compressed where it pays": ((), ("compress=lzo", "autodefrag")),
    "no checksums": ((), ("nodatasum",)),
}
FLAGGED = ("f0", "f1", "f59", "f150", "f160", "f200")


def usage_of(top: Path) -> Usage:
    host = os.statvfs(top)
    size = host.f_frsize
    return Usage(host.f_blocks * size, host.f_bfree * size, host.f_bavail * size)


def profiles_of(top: Path) -> set[tuple[str, str, str, str]]:
    lines = btrfs("filesystem", "df", "-b", top).splitlines()
    split = (line.replace(",", "").replace(":", "").replace("=", " ").split() for line in lines)
    found = {(kind.lower(), profile, total, used) for kind, profile, _, total, _, used in split}
    return {one for one in found if one[0] != "globalreserve"}


def check_content(tree: Tree) -> None:
    """Read all content, so that it is compared with its checksums."""
    for _, stat in walk(tree):
        if stat.type is FileType.FILE:
            sha256(tree.open(stat.inode), 8 << 20)


@pytest.mark.parametrize(("making", "mounting"), VARIANTS.values(), ids=VARIANTS.keys())
def test_every_path_reads_as_the_kernel_reads_it(
    making: tuple[str, ...], mounting: tuple[str, ...], tmp_path: Path
) -> None:
    image = tmp_path / "x.img"
    make(image, 512, *making)
    with mounted(image, *mounting) as top:
        fill(top)
    tree = open_btrfs(FileSource(image))
    with mounted(image, "ro") as top:
        assert differences(tree, top) == []
        wanted = flags_of(top, FLAGGED)
        found = {(one.kind, one.profile, str(one.total), str(one.used)) for one in tree.profiles}
        assert found == profiles_of(top)
    known = set().union(*wanted.values())
    for name in FLAGGED:
        inode = tree.lookup(tree.root, name)
        assert inode
        assert set(tree.stat(inode).flags or ()) & known == wanted[name]
    check_content(open_btrfs(FileSource(image), verify_data=True))
    usage = tree.usage
    assert tree.problems == ()
    assert not tree.unreplayed_journal
    with mounted(image) as top:  # what is free in chunks of data is available in a file system that can be written
        assert usage == usage_of(top)


def test_flags_are_those_of_the_files(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 256)
    with mounted(image) as top:
        fill(top, names=10)
        run("chattr", "+m", top / "f4097")
    tree = open_btrfs(FileSource(image))
    for name, flag in (("nocow", "nocow"), ("compressed", "compressed"), ("f4097", "nocompress")):
        inode = tree.lookup(tree.root, name)
        assert inode
        assert flag in (tree.stat(inode).flags or ())
        assert tree.stat(inode).btime


def test_large_directories(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 256, "-n", "4096")
    with mounted(image) as top:
        (top / "big").mkdir()
        for number in range(12_000):
            os.close(os.open(top / f"big/a file with a long name, number {number:06}", os.O_CREAT))
        wanted = {entry.name: entry.inode() for entry in os.scandir(top / "big")}
    source = FileSource(image)
    tree = open_btrfs(source)
    big = tree.lookup(tree.root, "big")
    assert big
    assert {entry.name: entry.inode for entry in tree.entries(big)} == wanted
    asked = list(wanted)[::37]
    fresh = open_btrfs(source)
    assert [fresh.lookup(big, name) for name in asked] == [wanted[name] for name in asked]
    source.read = 0
    assert open_btrfs(source).lookup(big, asked[0]) == wanted[asked[0]]
    assert source.read < 256 << 10  # superblocks, and a few nodes


def layout(top: Path) -> None:
    """Subvolumes in one another, snapshots of them, one deleted, and another default."""
    for name in ("@", "@/var", "@home", "gone"):
        btrfs("subvolume", "create", top / name)
    (top / "plain/in here").mkdir(parents=True)
    btrfs("subvolume", "create", top / "plain/in here/nested")
    for length, name in enumerate(("@", "@/var", "@home", "plain", "plain/in here/nested", ".")):
        (top / name / "file").write_text(f"{length} of {name}" * 100 * length)
        (top / name / "link").symlink_to(name)
    os.chown(top / "@", 12, 34)
    btrfs("subvolume", "snapshot", "-r", top / "@", top / "snapshot")
    btrfs("subvolume", "snapshot", top / "@", top / "@home/again")
    (top / "@home/again/var").rmdir()
    btrfs("subvolume", "snapshot", top / "@home", top / "@/of home")
    (top / "@/file").write_text("changed after the snapshot")
    btrfs("subvolume", "delete", "-C", top / "gone")
    number = btrfs("inspect-internal", "rootid", top / "@").strip()
    btrfs("subvolume", "set-default", number, top)


def test_subvolumes(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 256)
    with mounted(image) as top:
        layout(top)
    ways: list[tuple[Callable[[], BtrfsTree], str]] = [
        (lambda: open_btrfs(FileSource(image)), "ro"),
        (lambda: open_btrfs(FileSource(image), subvolume="@home"), "subvol=@home"),
        (lambda: open_btrfs(FileSource(image), subvolume="/@/var/"), "subvol=@/var"),
        (lambda: open_btrfs(FileSource(image), subvolume="snapshot"), "subvol=snapshot"),
        (lambda: open_btrfs(FileSource(image), subvolume="plain/in here/nested"), "subvol=plain/in here/nested"),
        (lambda: open_btrfs(FileSource(image), subvolume=0), "subvolid=5"),
        (lambda: open_btrfs(FileSource(image), subvolume=257), "subvolid=257"),
        (lambda: open_btrfs(FileSource(image), subvolume="/"), "subvol=/"),
    ]
    for way, option in ways:
        tree = way()
        with mounted(image, "ro", option) as top:
            stubs = {f"'{path}'" for path, file in paths(top).items() if file.lstat().st_ino == 2}
            wrong = [flaw for flaw in differences(tree, top) if flaw.split(": ")[0] not in stubs]
            assert wrong == [], option  # the kernel gives stubs the time of the mount
            for path, stat in walk(tree):
                if f"'{path}'" in stubs:
                    assert facts_of(stat, exact=False) == host_facts(top / path[1:], exact=False)
                    assert list(tree.entries(stat.inode)) == []
        numbers = [stat.inode for _, stat in walk(tree)]
        assert len(set(numbers)) == len(numbers)  # there are no hard links
        assert tree.problems == ()


def test_the_list_of_subvolumes(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 256)
    with mounted(image) as top:
        layout(top)
        listed = btrfs("subvolume", "list", "-puqR", top).splitlines()
        read_only = btrfs("subvolume", "list", "-r", top).split("path ")[-1].strip()
    tree = open_btrfs(FileSource(image), subvolume=5)
    pattern = re.compile(
        r"ID (\d+) .*parent (\d+) top .*parent_uuid (\S+) .*received_uuid (\S+) .*uuid (\S+) path (.*)"
    )
    wanted = {match.groups() for line in listed if (match := pattern.match(line))}
    found = {one.id: one for one in tree.subvolumes}
    assert found.pop(5).path == ""
    assert len(wanted) == 7
    assert wanted == {
        (
            str(one.id),
            str(one.parent),
            str(one.parent_uuid or "-"),
            str(one.received_uuid or "-"),
            str(one.uuid),
            one.path,
        )
        for one in found.values()
    }
    assert [one.path for one in found.values() if one.read_only] == [read_only]


@pytest.mark.parametrize("subvolume", ["none", "@/none/x", "@/file", "plain", "gone", 4711, 1 << 70, -3, 2, 7])
def test_no_such_subvolume(subvolume: int | str, tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 128)
    with mounted(image) as top:
        layout(top)
    with pytest.raises(ParseError):
        open_btrfs(FileSource(image), subvolume=subvolume)


PROFILES = {
    "single": (3, ("-d", "single", "-m", "raid1")),
    "raid0": (3, ("-d", "raid0", "-m", "raid0")),
    "raid1": (3, ("-d", "raid1", "-m", "raid1")),
    "raid1c3": (3, ("-d", "raid1c3", "-m", "raid1c3")),
    "raid1c4": (4, ("-d", "raid1c4", "-m", "raid1c4")),
    "raid10": (4, ("-d", "raid10", "-m", "raid10")),
    "raid5": (3, ("-d", "raid5", "-m", "raid1")),
    "raid6": (4, ("-d", "raid6", "-m", "raid6")),
}


@pytest.mark.parametrize(("devices", "options"), PROFILES.values(), ids=PROFILES.keys())
def test_several_devices(devices: int, options: tuple[str, ...], tmp_path: Path) -> None:
    images = [tmp_path / f"{number}.img" for number in range(devices)]
    make(images, 384, *options)
    with mounted(images) as top:
        fill(top, names=300)
    sources = [FileSource(image, image.stem) for image in images]
    random.Random(1).shuffle(sources)
    tree = open_btrfs(*sources)
    with mounted(images, "ro") as top:
        assert differences(tree, top) == []
    if devices == 3 or "raid10" in options:  # a mount for each would take long
        usage = tree.usage
        with mounted(images) as top:
            assert usage
            assert (usage.total, usage.free) == (usage_of(top).total, usage_of(top).free)
            if "raid5" not in options:
                assert usage.available == usage_of(top).available
    check_content(open_btrfs(*sources, verify_data=True))
    assert tree.problems == ()


@pytest.mark.parametrize("profile", ["raid1", "raid1c3", "raid10"])
def test_a_missing_device_that_is_not_needed(profile: str, tmp_path: Path) -> None:
    devices, options = PROFILES[profile]
    images = [tmp_path / f"{number}.img" for number in range(devices)]
    make(images, 384, *options)
    with mounted(images) as top:
        fill(top, names=50)
    tree = open_btrfs(*[FileSource(image, image.stem) for image in images[1:]])
    with mounted(images, "ro") as top:
        assert differences(tree, top) == []
    assert ["device 1 (" in str(problem) for problem in tree.problems] == [True]


@pytest.mark.parametrize("profile", ["single", "raid0", "raid5"])
def test_a_missing_device_that_is_needed(profile: str, tmp_path: Path) -> None:
    devices, options = PROFILES[profile]
    images = [tmp_path / f"{number}.img" for number in range(devices)]
    make(images, 384, *options)
    with mounted(images) as top:
        (top / "small").write_text("inline")
        for number in range(8):
            (top / f"file{number}").write_bytes(random.Random(number).randbytes(20_000_000))
    given = [FileSource(image, image.stem) for image in images[:-1]]
    if profile == "raid0":
        with pytest.raises(ParseError, match="wanted, not given or outdated"):
            check_content(open_btrfs(*given))
        return
    tree = open_btrfs(*given)
    assert len(dict(walk(tree))) == 10
    with pytest.raises(ParseError, match=r"device \d .* wanted, not given or outdated"):
        check_content(tree)


def test_devices_that_do_not_belong(tmp_path: Path) -> None:
    images = [tmp_path / f"{number}.img" for number in range(2)]
    make(images, 256, "-d", "raid1", "-m", "raid1")
    stranger, nothing = tmp_path / "stranger.img", tmp_path / "nothing.img"
    make(stranger, 128)
    nothing.write_bytes(bytes(1 << 20))
    names = ("0", "1", "1", "stranger", "nothing")
    tree = open_btrfs(*[FileSource(tmp_path / f"{name}.img", name) for name in names])
    assert list(tree.entries(tree.root)) == []
    text = "\n".join(str(problem) for problem in tree.problems)
    assert "1: each device once wanted" in text
    assert "stranger: a device of" in text
    assert "nothing at byte 65600: a device of" in text
    assert len(tree.problems) == 3


def test_an_outdated_device_is_not_read(tmp_path: Path) -> None:
    images = [tmp_path / f"{number}.img" for number in range(2)]
    make(images, 256, "-d", "raid1", "-m", "raid1")
    with mounted(images) as top:
        (top / "file").write_bytes(b"old" * 10_000)
    shutil.copy(images[0], tmp_path / "old.img")
    with mounted(images) as top:
        (top / "file").write_bytes(b"new" * 10_000)
    tree = open_btrfs(FileSource(tmp_path / "old.img", "old"), FileSource(images[1], "new"))
    inode = tree.lookup(tree.root, "file")
    assert inode
    assert tree.open(inode).read_at(0, 6) == b"newnew"
    assert "outdated and not read" in str(tree.problems[0])


def test_seed_and_metadata_uuid(tmp_path: Path) -> None:
    seed, sprout = tmp_path / "seed.img", tmp_path / "sprout.img"
    make(seed, 256)
    with mounted(seed) as top:
        fill(top, names=50)
    run("btrfstune", "-m", seed)
    tree = open_btrfs(FileSource(seed))
    assert tree.superblock.fsid != tree.superblock.metadata_uuid
    with mounted(seed, "ro") as top:
        assert differences(tree, top) == []
    make(seed, 256)
    with mounted(seed) as top:
        fill(top, names=50)
    run("btrfstune", "-S", "1", seed)
    with sprout.open("wb") as file:
        file.truncate(256 << 20)
    with mounted([seed], "ro") as top:
        device = run("losetup", "-f", "--show", sprout).strip()
        try:
            btrfs("device", "add", device, top)
            run("mount", "-o", "remount,rw", top)
            (top / "later").write_bytes(b"x" * 100_000)
            sync(top)
            tree = open_btrfs(FileSource(sprout, "sprout"), FileSource(seed, "seed"))
            assert differences(tree, top) == []
            with pytest.raises(ParseError, match="not given"):
                check_content(open_btrfs(FileSource(sprout, "sprout")))
        finally:
            run("umount", top)
            run("losetup", "-d", device)
            run("mount", "-t", "tmpfs", "none", top)  # which `mounted` unmounts


def test_a_log_tree_is_said(tmp_path: Path) -> None:
    image, copy = tmp_path / "x.img", tmp_path / "copy.img"
    make(image, 256)
    with mounted(image) as top:
        (top / "before").write_text("before")
        sync(top)
        for number in range(100):  # where it has just made room for more, the kernel writes everything instead of a log
            with (top / f"{number:02}").open("w") as file:
                os.fsync(file.fileno())
            shutil.copy(image, copy)
            tree = open_btrfs(FileSource(copy))
            if tree.unreplayed_journal:
                break
    assert tree.unreplayed_journal
    assert tree.unclean
    assert tree.unclean in tree.problems
    written = {entry.name for entry in tree.entries(tree.root)}
    assert written == {"before", *(f"{earlier:02}" for earlier in range(number))}
    assert not open_btrfs(FileSource(image)).unreplayed_journal


def test_data_that_changed(tmp_path: Path) -> None:
    """Bytes that rotted on one device, and on the only one."""
    images = [tmp_path / f"{number}.img" for number in range(2)]
    make(images, 256, "-d", "raid1", "-m", "raid1")
    content = random.Random(3).randbytes(300_000)
    with mounted(images) as top:
        (top / "file").write_bytes(content)
    for image in images[:1]:
        rot(image, content[100_000:100_100])
    sources = [FileSource(image, image.stem) for image in images]
    tree = open_btrfs(*sources, verify_data=True)
    inode = tree.lookup(tree.root, "file")
    assert inode
    assert tree.open(inode).read_at(0, len(content)) == content
    rotten = {open_btrfs(*order).open(inode).read_at(0, len(content)) == content for order in (sources, sources[::-1])}
    assert False in rotten
    rot(images[1], content[100_000:100_100])
    with pytest.raises(ParseError, match=r"checksum [0-9a-f]{8} wanted"):
        open_btrfs(*sources, verify_data=True).open(inode).read_at(0, len(content))
    with mounted(images) as top:
        with pytest.raises(OSError, match="Input/output"):
            (top / "file").read_bytes()
        (top / "other").write_text("counted errors are written with the next transaction")
    tree = open_btrfs(*sources)
    assert ["corruption errors" in str(problem) for problem in tree.recorded_errors] == [True, True]
    assert set(tree.recorded_errors) <= set(tree.problems)


def rot(image: Path, piece: bytes) -> None:
    at = image.read_bytes().index(piece)
    with image.open("r+b") as file:
        file.seek(at)
        file.write(b"rotten")
