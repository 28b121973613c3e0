from __future__ import annotations

import pytest

from parsers.boot.grub import GrubConfig, parse_grub_config
from parsers.boot.grub.location import is_relative

SNAPSHOT = "@/.snapshots/1/snapshot"


class Btrfs:
    """One file system whose default subvolume is a snapshot; every file asked for is noted, and there."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str]] = []

    def search(self, kind: str, value: str) -> str | None:
        return "sda2" if (kind, value) == ("fs-uuid", "x") else None

    def size(self, device: str | None, path: str) -> int | None:
        self.asked.append((device, path))
        return 1

    def read(self, device: str | None, path: str) -> tuple[str, str] | None:
        self.asked.append((device, path))
        return "", path

    def names(self, device: str | None, path: str) -> tuple[str, ...]:
        self.asked.append((device, path))
        return ()

    def default_subvolume(self, device: str) -> str:
        return SNAPSHOT if device == "sda2" else ""


def parse(text: str) -> tuple[GrubConfig, Btrfs]:
    surroundings = Btrfs()
    return parse_grub_config(text, surroundings=surroundings, variables={"root": "sda2"}), surroundings


ENTRY = "menuentry a {{ search --set=root --fs-uuid x\n linux {} root=x\n initrd /boot/initrd }}\n"


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("", "/@/boot/vmlinuz"),
        ("set btrfs_relative_path=n", "/@/boot/vmlinuz"),
        ('set btrfs_relative_path="yes"', f"/{SNAPSHOT}/@/boot/vmlinuz"),
        ("set btrfs_relative_path=y\nset btrfs_subvol=/root", "/root/@/boot/vmlinuz"),
        ("set btrfs_relative_path=y\nbtrfs-mount-subvol ($root) /@/boot @boot", "/@boot/vmlinuz"),
        ("set btrfs_relative_path=y\nbtrfs-mount-subvol (sda9) /@/boot @boot", f"/{SNAPSHOT}/@/boot/vmlinuz"),
        ("btrfs-mount-subvol ($root) /@/boot @boot", "/@/boot/vmlinuz"),
    ],
)
def test_paths_begin_where_the_variables_say(before: str, wanted: str) -> None:
    config, _ = parse(f"{before}\n{ENTRY.format('/@/boot/vmlinuz')}")
    entry = config.default_entry
    assert entry
    assert entry.linux
    assert (entry.linux.device, entry.linux.path) == ("sda2", wanted)
    assert config.problems == config.not_evaluated == ()


def test_tests_and_includes_go_the_same_way() -> None:
    _, surroundings = parse(
        "set btrfs_relative_path=1\nif [ -s /boot/a ]; then source (sda1)/b; fi\nload_env -f /env\n"
    )
    assert surroundings.asked == [("sda2", f"/{SNAPSHOT}/boot/a"), ("sda1", "/b"), ("sda2", f"/{SNAPSHOT}/env")]


def test_without_surroundings_the_default_is_not_known() -> None:
    config = parse_grub_config(f"set root=x\nset btrfs_relative_path=y\n{ENTRY.format('/k')}")
    assert config.default_entry
    assert config.default_entry.linux
    assert config.default_entry.linux.path == "/k"


def test_a_mount_wants_three_words_and_they_are_not_without_end() -> None:
    text = "set btrfs_relative_path=y\nbtrfs-mount-subvol ($root) /boot\n"
    text += "".join(f"btrfs-mount-subvol ($root) /{number} @{number}\n" for number in range(100))
    config, _ = parse(text + ENTRY.format("/63/k") + ENTRY.format("/64/k"))
    paths = [entry.linux.path for entry in config.entries if entry.linux]
    assert paths == ["/@63/k", f"/{SNAPSHOT}/64/k"]


def test_what_counts_as_yes() -> None:
    assert [value for value in ("", "0", "n", "no", "1", "y", "yes") if is_relative(value)] == ["1", "y", "yes"]
