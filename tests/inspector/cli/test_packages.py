"""`inspector packages`, on a disk whose database rpm wrote, and on the small guest, which has none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.rpm import header, initialise, query, write_sqlite
from tests.guest import guest
from tests.inspector.cli.conftest import Done, call, run
from tests.oracles import missing, needs

PACKAGES = [
    (1, header(name="bash", version="5.1.8", release="9.el9", architecture="x86_64", licence="GPLv3+",
               source_rpm="bash-5.1.8-9.el9.src.rpm", vendor="CentOS", install_time=1_700_000_000)),
    (2, header(name="openssl", version="3.0.7", release="27.el9", epoch=1, architecture="x86_64", summary="\x1b[2J")),
    (3, header(name="gpg-pubkey", version="8483c65d", release="5ccc5b19")),
]  # fmt: skip
RELEASE = 'ID="centos"\nVERSION_ID="9"\nID_LIKE="rhel fedora"\n'


def disk_of(folder: Path, packages: list[tuple[int, bytes]]) -> Path:
    if absent := missing("rpm", "mke2fs"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    top = folder / "guest"
    initialise(top / "var/lib/rpm")
    write_sqlite(top / "var/lib/rpm/rpmdb.sqlite", packages)
    for name in ("etc", "usr/bin", "usr/lib", "boot", "proc"):
        (top / name).mkdir(parents=True)
    (top / "etc/os-release").write_text(RELEASE)
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (top / "etc/fstab").write_text("")
    image = folder / "disk.raw"
    with image.open("wb") as stream:
        stream.truncate(24 << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", str(top), str(image)], check=True)
    return image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return disk_of(tmp_path_factory.mktemp("rpm"), PACKAGES)


def test_a_table_for_a_person(image: Path) -> None:
    done = call("packages", image)
    assert done == Done(
        0,
        b"NAME        VERSION            ARCHITECTURE  SOURCE\n"
        b"bash        5.1.8-9.el9        x86_64        bash-5.1.8-9.el9.src.rpm\n"
        b"gpg-pubkey  8483c65d-5ccc5b19  -\n"
        b"openssl     1:3.0.7-27.el9     x86_64\n",
        b"",
    )


def test_json_says_what_rpm_says(image: Path) -> None:
    done = call("packages", "--format", "json", image)
    assert (done.returncode, done.stderr) == (0, b"")
    entries = json.loads(done.stdout)
    theirs = query(image.parent / "guest/var/lib/rpm", "%{NAME} %{EPOCH} %{VERSION} %{RELEASE} %{ARCH}\\n")
    keys = ("name", "epoch", "version", "release", "architecture")
    assert sorted(" ".join(str(entry[key] or "(none)") for key in keys) for entry in entries) == sorted(theirs)
    assert entries[0] == {
        "name": "bash",
        "epoch": None,
        "version": "5.1.8",
        "release": "9.el9",
        "architecture": "x86_64",
        "manager": "rpm",
        "state": "installed",
        "source": "bash-5.1.8-9.el9.src.rpm",
        "source_version": None,
        "licence": "GPLv3+",
        "vendor": "CentOS",
        "packager": None,
        "summary": None,
        "url": None,
        "installed_at": 1_700_000_000,
        "purl": "pkg:rpm/centos/bash@5.1.8-9.el9?arch=x86_64&distro=centos-9",
        "path": "/var/lib/rpm/rpmdb.sqlite",
        "line": None,
    }
    assert b"\x1b" not in done.stdout


def test_a_bill_of_materials_into_a_file(image: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    for path in (first, second):
        assert run("packages", "--format", "cyclonedx", "-o", path, image).returncode == 0
    assert first.read_bytes() == second.read_bytes()
    assert [component["purl"] for component in json.loads(first.read_text())["components"]] == [
        "pkg:rpm/centos/bash@5.1.8-9.el9?arch=x86_64&distro=centos-9",
        "pkg:rpm/centos/openssl@3.0.7-27.el9?arch=x86_64&distro=centos-9&epoch=1",
    ]


def test_no_packages_and_damage_do_not_pass_for_a_list(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    image = disk_of(empty, [])
    done = call("packages", "--format", "json", image)
    assert (done.returncode, done.stdout) == (3, b"[]\n")
    assert done.stderr.decode() == f"inspector: {image}: /var/lib/rpm/rpmdb.sqlite holds no packages\n"
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    image = disk_of(damaged, [PACKAGES[0], (2, PACKAGES[1][1].replace(b"openssl", b"opensst"))])
    done = call("packages", image)
    assert (done.returncode, done.stdout.count(b"\n")) == (3, 2)
    assert b"packages that could not be read: 1; the first: /var/lib/rpm/rpmdb.sqlite package 2: sha256 " in done.stderr
    output = tmp_path / "sbom.json"
    assert call("packages", "-o", output, image).returncode == 3
    assert not output.exists()


def test_a_guest_without_a_database(disk: Path) -> None:
    done = call("packages", disk)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode() == f"inspector: {disk}: no package database of dpkg was found\n"


@pytest.mark.guest
@pytest.mark.slow
@needs("debugfs", "dpkg-query")
def test_the_real_guest_has_the_packages_that_dpkg_query_lists(tmp_path: Path) -> None:
    image = guest("mbr.raw")
    status = tmp_path / "status"
    subprocess.run(["debugfs", "-R", f"dump /var/lib/dpkg/status {status}", f"{image}?offset={1 << 20}"], check=True)
    form = "${Package} ${Version} ${Architecture} ${source:Package}\n"
    done = subprocess.run(["dpkg-query", f"--admindir={tmp_path}", "-W", "-f", form], check=True, capture_output=True)
    entries = json.loads(call("packages", "--format", "json", image).stdout)
    ours = [f"{entry['name']} {_full_version(entry)} {entry['architecture']} {entry['source']}" for entry in entries]
    assert sorted(ours) == sorted(done.stdout.decode().splitlines())
    assert len(ours) > 150
    document = call("packages", "--format", "cyclonedx", image).stdout
    components = json.loads(document)["components"]
    assert sorted(item["purl"] for item in components) == sorted(entry["purl"] for entry in entries)
    assert document == call("packages", "--format", "cyclonedx", image).stdout


def _full_version(entry: dict[str, str | int | None]) -> str:
    epoch = "" if entry["epoch"] is None else f"{entry['epoch']}:"
    return f"{epoch}{entry['version']}" + (f"-{entry['release']}" if entry["release"] else "")
