from __future__ import annotations

import pytest

from fixtures.files import Dir, Node
from inspector.boot.root_arguments import boot_texts, root_arguments
from inspector.mounts import find_guest
from tests.volumes import storage_of, volume_of

CFG = "/boot/grub/grub.cfg"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, None),
        ({CFG: "menuentry a { linux /k root=UUID=a rootflags=x rootflags=subvol=b }"}, ("UUID=a", "subvol=b")),
        ({CFG: 'menuentry a { linux /k rootflags="x,y" }'}, (None, "x,y")),
        ({CFG: "menuentry a { chainloader +1 }"}, None),
        ({CFG: "menuentry a { linux /k quiet }"}, (None, "")),
        ({CFG: Dir()}, None),
        ({CFG: "blscfg"}, None),
        (
            {CFG: "blscfg", "/boot/loader/entries/1.conf": "title a\noptions root=UUID=a ro\nlinux /k\n"},
            ("UUID=a", ""),
        ),
    ],
)
def test_the_arguments_of_the_entry_that_boots(files: dict[str, Node], wanted: tuple[str | None, str] | None) -> None:
    storage = storage_of(volume_of({"/etc/os-release": "", **files}))
    assert root_arguments(find_guest(storage), storage) == wanted


def test_the_texts_are_those_that_can_be_read() -> None:
    entries: dict[str, Node] = {"/boot/loader/entries/1.conf": "a", "/efi/loader/entries/2.conf": Dir()}
    storage = storage_of(volume_of({"/etc/os-release": "", CFG: "x", "/boot/grub2/grubenv": "y", **entries}))
    assert list(boot_texts(find_guest(storage))) == ["x", "y", "a"]
