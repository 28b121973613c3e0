from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount, NotFound
from parsers.filesystem.tree import FileType
from parsers.place import ParseError
from tests.memory_tree import Dir, Files, Link, MemoryTree, guest_of


def mounted(files: Files, **mounts: Files | str) -> Guest:
    """A guest with further mounts: name -> files, or the reason why there are none. "boot_efi" is /boot/efi."""
    tree = MemoryTree(files)
    result = [Mount("/", None, tree, tree.root)]
    for name, content in mounts.items():
        path = "/" + name.replace("_", "/")
        if isinstance(content, str):
            result.append(Mount(path, None, None, 0, content))
        else:
            other = MemoryTree(content, name)
            result.append(Mount(path, None, other, other.root))
    return Guest(result)


def test_a_file_is_read_through_relative_and_absolute_links() -> None:
    guest = guest_of(
        {
            "/usr/lib/os-release": "ID=debian",
            "/etc/os-release": Link("../usr/lib/os-release"),
            "/lib": Link("usr/lib"),
            "/abs": Link("/lib/os-release"),
        }
    )
    assert guest.read_text("/etc/os-release") == "ID=debian"
    assert guest.read_text("/abs") == "ID=debian"
    assert guest.realpath("/abs") == "/usr/lib/os-release"
    assert guest.lstat("/lib").type is FileType.SYMLINK
    assert guest.stat("/lib").type is FileType.DIRECTORY
    assert guest.readlink("/lib") == "usr/lib"


def test_links_never_leave_the_guest() -> None:
    guest = guest_of({"/etc/x": Link("../../../../../etc/y"), "/etc/y": "inside"})
    assert guest.read_text("/etc/x") == "inside"
    assert guest.read_text("/../../etc/y") == "inside"


def test_a_loop_of_links_is_an_error_with_its_place() -> None:
    guest = guest_of({"/a": Link("b"), "/b": Link("a")})
    with pytest.raises(ParseError, match="at most 40 symbolic links"):
        guest.read_text("/a")


def test_links_that_grow_are_stopped() -> None:
    guest = guest_of({"/a": Link("a/" + "x/" * 2000)})
    with pytest.raises(ParseError):
        guest.stat("/a/b")


def test_forty_links_are_followed_and_one_more_is_not() -> None:
    guest = guest_of({"/0": "end", **{f"/{n}": Link(str(n - 1)) for n in range(1, 42)}})
    assert guest.read_text("/40") == "end"
    with pytest.raises(ParseError):
        guest.read_text("/41")


def test_what_is_absent_is_not_found_and_a_file_is_no_directory() -> None:
    guest = guest_of({"/etc/fstab": "x", "/dangling": Link("/nowhere")})
    for path in ("/etc/nothing", "/etc/fstab/x", "/dangling", "/" + "x" * 5000):
        assert not guest.exists(path)
        with pytest.raises(NotFound):
            guest.read_text(path)
    assert guest.lstat("/dangling").type is FileType.SYMLINK
    with pytest.raises(NotFound):
        guest.listdir("/etc/fstab")


def test_a_directory_or_a_too_large_file_is_not_read() -> None:
    guest = guest_of({"/etc/fstab": "x" * 100})
    with pytest.raises(ParseError, match="regular file wanted"):
        guest.read_text("/etc")
    with pytest.raises(ParseError, match="at most 10 bytes wanted, 100 found"):
        guest.read_text("/etc/fstab", limit=10)
    with pytest.raises(ParseError, match="symbolic link wanted"):
        guest.readlink("/etc")


def test_mounts_are_joined_and_hide_what_lies_beneath() -> None:
    guest = mounted(
        {"/boot/hidden": "x", "/vmlinuz": Link("boot/vmlinuz-1")},
        boot={"/vmlinuz-1": "kernel", "/efi/hidden": "x", "/up": Link("../etc")},
        boot_efi={"/EFI/BOOT/BOOTX64.EFI": "loader"},
        etc={"/fstab": "there"},
    )
    assert guest.read_text("/vmlinuz") == "kernel"
    assert not guest.exists("/boot/hidden")
    assert not guest.exists("/boot/efi/hidden")
    assert guest.read_text("/boot/efi/EFI/BOOT/BOOTX64.EFI") == "loader"
    assert guest.read_text("/boot/up/fstab") == "there"
    assert guest.read_text("/boot/efi/../vmlinuz-1") == "kernel"


def test_a_mount_that_cannot_be_read_makes_paths_unknown_not_absent() -> None:
    guest = mounted({"/var/lib/dpkg/status": "stale", "/run": Link("/var/run")}, var="xfs is not read so far")
    for path in ("/var", "/var/lib/dpkg/status", "/run/x"):
        with pytest.raises(UnknownFact, match="xfs is not read so far") as caught:
            guest.exists(path)
        assert not isinstance(caught.value, NotFound)
    assert guest.volume_of("/var/lib") is None


def test_glob_and_listdir_are_in_byte_order() -> None:
    guest = guest_of(
        {"/c/b.cfg": "", "/c/a.cfg": "", "/c/.hidden.cfg": "", "/c/x.txt": "", "/c/B.cfg": "", "/d/z.cfg": ""}
    )
    assert guest.glob("/c/*.cfg") == ["/c/B.cfg", "/c/a.cfg", "/c/b.cfg"]
    assert guest.glob("/?/[az].cfg") == ["/c/a.cfg", "/d/z.cfg"]
    assert guest.glob("/c/.*") == ["/c/.hidden.cfg"]
    assert guest.glob("/c/nothing") == []
    assert guest.glob("/nothing/*") == []
    assert [entry.name for entry in guest.listdir("/c")] == [".hidden.cfg", "B.cfg", "a.cfg", "b.cfg", "x.txt"]


def test_walk_enters_mounts_and_follows_no_link() -> None:
    guest = mounted({"/a/file": "", "/a/link": Link("/"), "/boot": Dir()}, boot={"/kernel": "k"})
    assert [path for path, _, _ in guest.walk("/")] == ["/", "/a", "/a/file", "/a/link", "/boot", "/boot/kernel"]


def test_walk_ends_in_a_tree_that_loops() -> None:
    class Looping(MemoryTree):
        def lookup(self, directory: int, name: str) -> int | None:
            return self.root if name == "again" else super().lookup(directory, name)

        def entries(self, directory: int):  # type: ignore[no-untyped-def]
            for entry in super().entries(directory):
                yield type(entry)(entry.name, self.root) if entry.name == "again" else entry

    tree = Looping({"/again/x": "", "/f": ""})
    guest = Guest([Mount("/", None, tree, tree.root)])
    assert [path for path, _, _ in guest.walk("/")] == ["/", "/again", "/f"]


def test_a_guest_without_a_root_is_unknown() -> None:
    with pytest.raises(UnknownFact, match="no root file system"):
        Guest([])


@pytest.mark.parametrize(
    ("path", "wanted"), [("", "/"), ("/", "/"), ("a//b/./", "/a/b"), ("/a/../b", "/a/../b"), ("///", "/")]
)
def test_a_path_from_the_root(path: str, wanted: str) -> None:
    assert guest_of({}).normal(path) == wanted
