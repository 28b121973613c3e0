from __future__ import annotations

import pytest

from inspector.errors import InspectorError
from inspector.guest import Guest, Mount
from inspector.view.absence import with_hint
from tests.memory_tree import Files, Link
from tests.volumes import volume_of

FILES: Files = {
    "/etc/passwd": "root",
    "/etc/fstab": "",
    "/srv/Notes": "",
    "/etc/file/below": "",
    "/link": Link("/gone"),
    "/here": Link("etc"),
}


def hint(path: str) -> str:
    volume = volume_of(FILES)
    assert volume.tree is not None
    guest = Guest([Mount("/", volume, volume.tree, volume.tree.root)])
    with pytest.raises(InspectorError) as raised, with_hint(guest, path):
        guest.open(path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/etc/passwrd", "/etc/passwd"),
        ("/etc/pass", "/etc/passwd"),
        ("/ect/passwd", "/etc"),
        ("/srv/notes", "/srv/Notes"),
        ("/etc/flie/below", "/etc/file"),
    ],
)
def test_the_closest_name_where_the_path_ends(path: str, meant: str) -> None:
    assert hint(path) == f"{path} does not exist; did you mean '{meant}'?"


@pytest.mark.parametrize("path", ["/nothing/of/the/kind", "/../quite/else"])
def test_nothing_is_said_where_nothing_is_close(path: str) -> None:
    assert hint(path) == f"{path} does not exist"


def test_wildcards() -> None:
    assert hint("/etc/*") == "/etc/* does not exist; wildcards are not expanded"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/link", "'/link' is a link to '/gone'"),
        ("/link/below", "'/link' is a link to '/gone'"),
        ("/etc/passwd/below", "'/etc/passwd' is no directory"),
        ("/here/passwd/below", "'/here/passwd' is no directory"),
    ],
)
def test_what_is_in_the_way_is_told_of(path: str, why: str) -> None:
    assert hint(path) == f"{path} does not exist; {why}"
