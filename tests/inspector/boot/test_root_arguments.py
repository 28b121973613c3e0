from __future__ import annotations

import pytest

from fixtures.files import Dir, Node
from inspector.boot.root_arguments import boot_texts, root_arguments
from inspector.mounts import find_guest
from tests.volumes import storage_of, volume_of

ENVIRONMENT = "# GRUB Environment Block\nkernelopts=root=UUID=k rootflags=subvol=k\n".ljust(1024, "#")
BLS = {"/boot/grub2/grub.cfg": "blscfg\n", "/boot/grub2/grubenv": ENVIRONMENT}


def entry(number: int, options: str) -> dict[str, Node]:
    return {f"/boot/loader/entries/{number}.conf": f"title a\noptions {options}\nlinux /vmlinuz\n"}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, []),
        ({"/boot/grub/grub.cfg": "menuentry a { linux /k root=UUID=a rootflags=x rootflags=subvol=b }"},
         [("UUID=a", "subvol=b")]),
        ({"/boot/grub/grub.cfg": "menuentry a { chainloader +1 }"}, []),
        ({"/boot/grub/grub.cfg": "menuentry a { linux /k quiet }"}, [(None, "")]),
        ({"/boot/grub/grub.cfg": Dir()}, []),
        (BLS, []),
        (BLS | entry(1, "root=UUID=a ro") | entry(2, "$kernelopts quiet"), [("UUID=a", ""), ("UUID=k", "subvol=k")]),
    ],
)  # fmt: skip
def test_the_arguments_of_the_entries(files: dict[str, Node], wanted: list[tuple[str | None, str]]) -> None:
    storage = storage_of(volume_of({"/etc/os-release": "", **files}))
    assert root_arguments(find_guest(storage), storage) == wanted


def test_the_texts_are_those_that_can_be_read() -> None:
    storage = storage_of(volume_of({"/etc/os-release": "", "/boot/grub/grub.cfg": "x", **entry(1, "a  b")}))
    assert list(boot_texts(find_guest(storage))) == ["x", "a  b"]
