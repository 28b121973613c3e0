from __future__ import annotations

import pytest

from fixtures.kernel import elf
from inspector.facts.sshd import Sshd
from inspector.linux.sshd_parts import directory_flaw, missing_part
from inspector.verdict import Evidence
from parsers.linux.sshd import Release
from parsers.place import Place
from tests.memory_tree import Dir, File, Link, guest_of

PARTS = {"redhat": "/usr/libexec/openssh", "debian": "/usr/lib/openssh"}


def sshd(release: Release | None, vendor: str) -> Sshd:
    source = Evidence(Place("/usr/sbin/sshd"), "x")
    return Sshd("/usr/sbin/sshd", None, "/etc/ssh/sshd_config", release, source, (), None, (), (), (), None, (), vendor)


@pytest.mark.parametrize("vendor", PARTS)
@pytest.mark.parametrize(
    ("release", "names", "gone"),
    [
        ((9, 7), (), None),
        ((9, 8), (), "sshd-session"),
        ((9, 9), ("sshd-session",), None),
        ((10, 0), ("sshd-session",), "sshd-auth"),
        ((10, 0), ("sshd-auth", "sshd-session"), None),
        (None, (), None),
    ],
)
def test_the_programs_that_a_release_starts(
    vendor: str, release: Release | None, names: tuple[str, ...], gone: str | None
) -> None:
    guest = guest_of({"/sbin/init": File(elf(), 0o755)} | {f"{PARTS[vendor]}/{it}": File(elf(), 0o755) for it in names})
    flaw = missing_part(guest, sshd(release, vendor))
    assert (flaw and str(flaw.place)) == (gone and f"{PARTS[vendor]}/{gone}")


def test_where_the_path_is_not_known_nothing_is_said() -> None:
    assert missing_part(guest_of({}), sshd((10, 0), "gentoo")) is None


def test_a_program_that_nobody_may_execute() -> None:
    guest = guest_of({"/usr/libexec/openssh/sshd-session": File(elf(), 0o644)})
    flaw = missing_part(guest, sshd((9, 9), "redhat"))
    assert flaw is not None
    assert flaw.seen == "mode 0644: nobody may execute it"


@pytest.mark.parametrize("home", ["/var/empty/sshd", "/usr/share/empty.sshd"])
def test_the_directory_belongs_to_root_alone(home: str) -> None:
    assert directory_flaw(guest_of({home: Dir(0o711)}), home) is None
    assert directory_flaw(guest_of({home: Link("/elsewhere"), "/elsewhere": Dir(0o755)}), home) is None
    for node in (Dir(0o777), Dir(0o731), Dir(0o711, 74), "a file"):
        flaw = directory_flaw(guest_of({home: node}), home)
        assert flaw is not None
        assert str(flaw.place) == home
    missing = directory_flaw(guest_of({}), home)
    assert missing is not None
    assert missing.seen == "no such directory"


def test_another_home_tells_nothing_of_the_directory() -> None:
    assert directory_flaw(guest_of({}), "/run/sshd") is None
