"""Release files: by hand, against the shell that os-release(5) wants to be able to source it, against the corpus."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.linux.os_release import (
    parse_lsb_release,
    parse_os_release,
    parse_redhat_release,
    parse_suse_release,
    parse_version_file,
)
from parsers.place import Place, Problem
from tests.corpus import corpus, entries
from tests.oracles import needs

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""


def test_debian() -> None:
    release = parse_os_release(DEBIAN)
    assert (release.id, release.name, release.version_id) == ("debian", "Debian GNU/Linux", "12")
    assert (release.pretty_name, release.codename) == ("Debian GNU/Linux 12 (bookworm)", "bookworm")
    assert release.place == Place("/etc/os-release", 6)
    assert release.at("VERSION_ID") == Place("/etc/os-release", 3)
    assert release.at("NOTHING") == Place("/etc/os-release")
    assert release.problems == ()


def test_akin_distributions_and_a_codename_in_the_version() -> None:
    release = parse_os_release("ID=ubuntu\nID_LIKE=\"debian linux\"\nVERSION='22.04 LTS (Jammy Jellyfish)'\n")
    assert release.family == ("ubuntu", "debian", "linux")
    assert release.codename == "jammy jellyfish"


def test_an_empty_file_has_the_defaults_of_the_manual() -> None:
    release = parse_os_release("\n# nothing\n", "/x")
    assert (release.id, release.name, release.pretty_name, release.version_id) == ("linux", "Linux", "Linux", None)
    assert release.place == Place("/x")


@pytest.mark.parametrize("line", ["ID", "ID = x", "ID=two words", 'ID="open', "1D=x", "ID=a'b", "export ID=x"])
def test_a_bad_line_is_reported_and_the_rest_is_read(line: str) -> None:
    release = parse_os_release(f"NAME=x\n{line}\nVERSION_ID=3\n", "/x")
    assert release.problems == (Problem(Place("/x", 2), f"NAME=value wanted, {line} found"),)
    assert (release.name, release.version_id, release.id) == ("x", "3", "linux")


def test_of_a_repeated_variable_the_last_counts() -> None:
    release = parse_os_release("ID=a\nID=b\n")
    assert (release.id, release.place.line) == ("b", 2)


@needs("sh")
def test_the_shell_reads_the_same(tmp_path: Path) -> None:
    chance = random.Random(3)
    inside = ["a", "B 2", "#", "\\\\", '\\"', "\\$", "\\`", "é", "\\x", "'", "=", ";", "(", "*", "\t"]
    plain = ["a", "1.2", "\\ ", "\\#", "\\'", "=", ":", "/", "é", "\\\\", "#"]
    lines = []
    for number in range(300):
        quoted = '"' + "".join(chance.choices(inside, k=3)) + '"'
        single = "'" + "".join(chance.choices(["a b", '"', "\\", "$x", "#", "`"], k=3)) + "'"
        bare = "x" + "".join(chance.choices(plain, k=3))
        lines.append(f"V{number}=" + "".join(chance.choices([quoted, single, bare], k=chance.randint(0, 2))))
    table = tmp_path / "os-release"
    table.write_text("\n".join(lines) + "\n")
    script = f". {table}\n" + "".join(f'printf "%s\\0" "$V{number}"\n' for number in range(300))
    values = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    release = parse_os_release(table.read_text())
    assert release.problems == ()
    assert [release.variables[f"V{number}"] for number in range(300)] == values


@pytest.mark.parametrize(
    ("text", "distribution", "version", "code"),
    [
        ("CentOS release 5.11 (Final)", "centos", "5.11", "final"),
        ("CentOS Linux release 7.9.2009 (Core)", "centos", "7.9.2009", "core"),
        ("CentOS Stream release 9", "centos", "9", None),
        ("Red Hat Enterprise Linux Server release 6.10(Santiago)", "rhel", "6.10", "santiago"),
        ("Fedora release 23 (Twenty Three)", "fedora", "23", "twenty three"),
        ("Rocky Linux release 9.3 (Blue Onyx)", "rocky", "9.3", "blue onyx"),
        ("AlmaLinux release 8.10 (Cerulean Leopard)", "almalinux", "8.10", "cerulean leopard"),
        ("Oracle Linux Server release 8.5", "ol", "8.5", None),
        ("Amazon Linux release 2 (Karoo)", "amzn", "2", "karoo"),
    ],
)
def test_the_prose_of_red_hat_and_its_kin(text: str, distribution: str, version: str, code: str | None) -> None:
    release = parse_redhat_release(f"\n{text}\n")
    assert release is not None
    assert (release.id, release.version_id, release.codename) == (distribution, version, code)
    assert release.place == Place("/etc/redhat-release", 2)


@pytest.mark.parametrize("text", ["", "hello", "Linux 3.10", "x release 5", "(((((", "release 7"])
def test_other_prose_is_nothing(text: str) -> None:
    assert parse_redhat_release(text) is None


def test_suse() -> None:
    release = parse_suse_release("SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n")
    assert release is not None
    assert (release.id, release.version_id) == ("sles", "11.4")
    old = parse_suse_release("openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n")
    assert old is not None
    assert (old.id, old.version_id) == ("opensuse", "13.2")
    assert parse_suse_release("VERSION = 1\n") is None


def test_lsb_release() -> None:
    release = parse_lsb_release('DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=12.04\nDISTRIB_DESCRIPTION="Ubuntu 12.04 LTS"\n')
    assert release is not None
    assert (release.id, release.version_id, release.pretty_name) == ("ubuntu", "12.04", "Ubuntu 12.04 LTS")
    assert parse_lsb_release("LSB_VERSION=1\n") is None


@pytest.mark.parametrize(
    ("text", "version"), [("12.8\n", "12.8"), ("bookworm/sid\n", None), ("", None), ("Slackware 14.2\n", "14.2")]
)
def test_a_file_with_a_version_alone(text: str, version: str | None) -> None:
    release = parse_version_file(text, "/etc/x", "slackware", "Slackware")
    assert release is not None
    assert (release.id, release.version_id) == ("slackware", version)


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(4)
    for _ in range(400):
        raw = bytes(chance.choices(b"ID=\"'\\\n$`# a\x00\xff(12.)release", k=chance.randint(0, 120)))
        text = raw.decode("utf-8", "surrogateescape")
        parse_os_release(text)
        parse_lsb_release(text)
        parse_redhat_release(text)
        parse_suse_release(text)
        parse_version_file(text, "/x", "x", "x")


def test_long_lines_are_read_in_linear_time() -> None:
    for piece in ("a ", "(", "1", "'", '"', "\\", "release "):
        text = piece * 20_000
        parse_os_release("ID=" + text)
        parse_redhat_release("CentOS " + text[:4000])


KNOWN = [entry for entry in entries("known") if "python_platform_3.11" in entry.get("expected", {})]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_corpus(entry: dict[str, Any]) -> None:
    """Python's own reader passes over bad lines, as this one does but for the problems; it has no other difference."""
    expected = entry["expected"]["python_platform_3.11"]
    release = parse_os_release(corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape"))
    assert {"NAME": "Linux", "ID": "linux", "PRETTY_NAME": "Linux"} | release.variables == expected
    assert (release.id, release.name, release.pretty_name) == (
        expected["ID"],
        expected["NAME"],
        expected["PRETTY_NAME"],
    )


PROSE: Final = (
    ("in-redhat_release-REDHAT_RELEASE", "rhel", "7.2", "Red Hat Enterprise Linux Server"),
    ("in-redhat_release-REDHAT_RELEASE2", "rhel", "7.2", "Red Hat Enterprise Linux Server"),
    ("in-redhat_release-REDHAT_RELEASE3", "rhel", "7.5-0.14", "Red Hat Enterprise Linux"),
    ("in-redhat_release-REDHAT_RELEASE10", "rhel", "6.10", "Red Hat Enterprise Linux Server"),
    ("in-redhat_release-RHEVH_RHEV35", None, "6.7", "Red Hat Enterprise Virtualization Hypervisor"),
    ("in-os_release-ALAMALINUX_REDHAT_RELEASE", "almalinux", "8.10", "AlmaLinux"),
    ("in-os_release-REDHAT_RELEASE_86", "rhel", "8.6", "Red Hat Enterprise Linux"),
    ("in-os_release-REDHAT_RELEASE_FEDORA", "fedora", "23", "Fedora"),
)
"""What insights-core asserts of the prose in redhat-release: id, distribution, version, product. It does not call the
hypervisor RHEL, of whose packages it is made; we do. Of 7.5-0.14, a build of 7.5, we take the release alone."""


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "distribution", "version", "product"), PROSE)
def test_insights_reads_the_same_prose(name: str, distribution: str | None, version: str, product: str) -> None:
    folder = "redhat-release" if "redhat_release" in name else "os-release"
    release = parse_redhat_release(corpus(f"known/configs/{folder}/{name}").read_text())
    assert release is not None
    assert (release.id, release.name) == (distribution or "rhel", product)
    assert release.version_id == version.partition("-")[0]
