from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from inspector.facts.sshd import Sshd
from inspector.guest import Guest, Mount
from parsers.place import ParseError
from tests.facts_of import facts_of
from tests.inspector.rules.test_sshd import CONFIG, GUEST, KEY, KEY_PATH, STATUS, facts
from tests.memory_tree import File, Link, MemoryTree


def test_what_is_included_is_read_in_order_and_relative_to_etc_ssh() -> None:
    sshd = facts(
        {
            CONFIG: "Include sshd_config.d/*.conf\nPort 1\n",
            "/etc/ssh/sshd_config.d/20.conf": "Port 20\n",
            "/etc/ssh/sshd_config.d/10.conf": "Port 10\n",
            "/etc/ssh/sshd_config.d/.hidden.conf": "Nope\n",
            "/etc/ssh/sshd_config.d/folder.conf/x": "Nope\n",
        }
    )[Sshd]
    assert sshd.config is not None
    assert [item.arguments[0] for item in sshd.config.every("Port")] == ["10", "20", "1"]
    assert sshd.config.files == (CONFIG, "/etc/ssh/sshd_config.d/10.conf", "/etc/ssh/sshd_config.d/20.conf")
    assert sshd.config.problems == ()


def test_the_release_comes_with_its_place() -> None:
    sshd = facts()[Sshd]
    assert sshd.release == (9, 2)
    assert sshd.release_source.place.path == "/var/lib/dpkg/status"
    files = {"/usr/sbin/sshd": File(b"xOpenSSH_9.6p1 y", mode=0o755)}
    sshd = facts(files, without=("/var/lib/dpkg/status",))[Sshd]
    assert sshd.release == (9, 6)
    assert str(sshd.release_source.place) == "/usr/sbin/sshd at byte 1"


def test_a_package_that_was_removed_does_not_count() -> None:
    status = STATUS.format("1:7.9p1-1").replace("ok installed", "ok config-files")
    sshd = facts({"/var/lib/dpkg/status": status})[Sshd]
    assert sshd.release is None


def test_host_keys_are_those_of_the_configuration_or_the_usual_ones() -> None:
    sshd = facts({KEY_PATH: KEY})[Sshd]
    assert [(key.path, key.exists, key.usable) for key in sshd.keys] == [
        ("/etc/ssh/ssh_host_rsa_key", False, False),
        ("/etc/ssh/ssh_host_ecdsa_key", False, False),
        (KEY_PATH, True, True),
    ]
    files = {CONFIG: "HostKey /k/one\nHostKey none\n", "/k/one": File("x", mode=0o640), "/k/two": ""}
    (key,) = facts(files)[Sshd].keys
    assert (key.path, key.place.line, key.usable) == ("/k/one", 1, False)


def test_a_key_of_another_user_is_taken_whatever_its_mode() -> None:
    (key,) = facts({CONFIG: "HostKey /k/one\n", "/k/one": File("x", mode=0o644, uid=5)})[Sshd].keys
    assert key.usable


def test_a_link_to_a_key_is_followed_and_a_folder_is_none() -> None:
    files = {CONFIG: "HostKey /k/one\nHostKey /k/two\n", "/k/one": Link("../real"), "/real": KEY, "/k/two/x": ""}
    assert [key.usable for key in facts(files)[Sshd].keys] == [True, False]


@pytest.mark.parametrize(
    ("path", "line", "words"),
    [
        ("/etc/default/ssh", "SSHD_OPTS=", ()),
        ("/etc/default/ssh", "#SSHD_OPTS=-p1", ()),
        ("/etc/default/ssh", 'SSHD_OPTS="-p 2022 -4"', ("-p", "2022", "-4")),
        ("/etc/sysconfig/sshd", "OPTIONS='-u0'", ("-u0",)),
    ],
)
def test_options_of_the_command_line(path: str, line: str, words: tuple[str, ...]) -> None:
    assert facts({path: f"{line}\n"})[Sshd].options == words


def test_a_guest_without_sshd_gives_a_fact() -> None:
    sshd = facts(without=("/usr/sbin/sshd", CONFIG))[Sshd]
    assert (sshd.program, sshd.config) == (None, None)


def test_a_folder_that_cannot_be_read_is_unknown_not_absent() -> None:
    mounts = [
        Mount("/", None, MemoryTree({**GUEST, CONFIG: "Include sshd_config.d/*\n"}), 1),
        Mount("/etc/ssh/sshd_config.d", None, None, 0, "xfs is not read so far"),
    ]
    with pytest.raises(UnknownFact, match="xfs is not read so far"):
        facts_of({"/etc/os-release": ""}, given={Guest: Guest(mounts)})[Sshd]


def test_a_configuration_that_is_too_long_is_unknown() -> None:
    with pytest.raises((UnknownFact, ParseError), match="bytes wanted"):
        facts({CONFIG: b"#" * ((16 << 20) + 1)})[Sshd]
