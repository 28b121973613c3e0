"""What a header says of a package and its files, against what rpm prints of packages that rpmbuild made."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.rpm import header, query, record, recorded, rpmbuild
from parsers.linux.package import Package
from parsers.linux.rpm.header import Header
from parsers.linux.rpm.package import RpmFile, files_of, package_of
from parsers.place import ParseError, Place
from tests.oracles import needs

PLACE = Place("rpmdb.sqlite", key="package 1")
SPEC = """\
Name: demo
Version: 1.2
Release: 3.el9
Epoch: 2
Summary: Démonstration
License: GPLv2+ and MIT
Vendor: Example Inc.
URL: https://example.org/demo
Packager: Someone <someone@example.org>
%description
Text.
%package libs
Summary: Libraries
BuildArch: noarch
%description libs
Text.
%package empty
Summary: Nothing at all
Version: 9
%description empty
Text.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/demo.d %{buildroot}/usr/share/demo
echo hello > %{buildroot}/usr/bin/demo
ln -s demo %{buildroot}/usr/bin/demo2
echo x > %{buildroot}/etc/demo.conf
touch %{buildroot}/etc/demo.d/none
for n in $(seq 40); do echo $n > %{buildroot}/usr/share/demo/$n; done
%files
%attr(4755,root,adm) /usr/bin/demo
/usr/bin/demo2
%config(noreplace) /etc/demo.conf
%dir /etc/demo.d
%ghost /etc/demo.d/none
%files libs
/usr/share/demo
%files empty
"""
FIELDS = (
    "NAME", "EPOCH", "VERSION", "RELEASE", "ARCH", "INSTALLTIME", "LICENSE", "VENDOR", "SUMMARY", "SOURCERPM", "URL",
    "PACKAGER",
)  # fmt: skip
FILES = (
    "[%{FILENAMES}\\t%{FILEMODES}\\t%{FILESIZES}\\t%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILEDIGESTS}"
    "\\t%{FILELINKTOS}\\t%{FILEFLAGS}\\n]"
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rpm")
    record(folder / "db", rpmbuild(SPEC, folder))
    return folder / "db"


def headers(database: Path) -> list[Header]:
    return [Header(blob, PLACE) for _, blob in recorded(database)]


@needs("rpm", "rpmbuild")
def test_rpm_prints_the_same_of_packages(database: Path) -> None:
    theirs = query(database, "\\t".join(f"%{{{field}}}" for field in FIELDS) + "\\n")
    found = [package_of(item) for item in headers(database)]
    ours = [
        (p.name, p.epoch, p.version, p.release, p.architecture, p.installed_at, p.licence, p.vendor, p.summary,
         p.source, p.url, p.packager)
        for p in found
    ]  # fmt: skip
    assert len(found) == 3
    assert sorted("\t".join("(none)" if item is None else str(item) for item in line) for line in ours) == sorted(
        theirs
    )


@needs("rpm", "rpmbuild")
def test_rpm_prints_the_same_of_files(database: Path) -> None:
    theirs = [line.split("\t") for line in query(database, FILES) if line != "(none)\t" * 7 + "(none)"]
    found = [file for item in headers(database) for file in files_of(item)]
    ours = [
        [f.path, str(f.mode), str(f.size), f.user, f.group, f.digest, f.target, str(f.flags)] for f in found
    ]  # fmt: skip
    assert sorted(ours) == sorted(theirs)
    assert len(ours) > 40
    demo = next(file for file in found if file.path == "/usr/bin/demo")
    assert (demo.mode, demo.group, demo.algorithm, len(demo.digest)) == (0o104755, "adm", "sha256", 64)


def test_an_absent_value_is_empty() -> None:
    found = package_of(Header(header(name="a", version="1"), PLACE))
    assert found == Package(PLACE, "a", "1")
    assert found.full_version == "1"


@pytest.mark.parametrize("values", [{"name": "a"}, {"version": "1"}, {"name": "", "version": "1"}])
def test_a_package_without_name_or_version_is_an_error(values: dict[str, str]) -> None:
    with pytest.raises(ParseError, match="package 1: a package with a name and a version wanted"):
        package_of(Header(header(**values), PLACE))  # type: ignore[arg-type]  # names of tags, not `digest`


def test_files_of_old_without_folders() -> None:
    assert files_of(Header(header(name="a", version="1"), PLACE)) == ()


def test_files_whose_arrays_do_not_fit_are_an_error() -> None:
    files = {"base_names": ["a", "b"], "folders": ["/"], "folder_indices": [0, 0], "file_modes": [1, 1]}
    with pytest.raises(ParseError, match="2 values, one for each file, wanted, 0 found"):
        files_of(Header(header(name="a", version="1", **files), PLACE))  # type: ignore[arg-type]  # of mixed values
    outside = files | {"folder_indices": [0, 7]}
    with pytest.raises(ParseError, match="a folder for each of 2 files wanted"):
        files_of(Header(header(name="a", version="1", **outside), PLACE))  # type: ignore[arg-type]  # as above


def test_a_long_folder_named_by_many_files_is_bounded() -> None:
    names = [""] * 3000
    values = {"base_names": names, "folders": ["/" * 100_000], "folder_indices": [0] * 3000}
    with pytest.raises(ParseError, match="paths of at most 268435456 characters wanted"):
        files_of(Header(header(name="a", version="1", **values), PLACE))  # type: ignore[arg-type]  # as above


def test_md5_where_nothing_is_said() -> None:
    one = {"base_names": ["a"], "folders": ["/"], "folder_indices": [0], "file_modes": [0o100644], "file_sizes": [4],
           "file_users": ["root"], "file_groups": ["root"], "file_digests": ["d" * 32], "file_links": [""],
           "file_flags": [0]}  # fmt: skip
    found = files_of(Header(header(name="a", version="1", **one), PLACE))  # type: ignore[arg-type]  # as above
    assert found == (RpmFile("/a", 0o100644, 4, "root", "root", "d" * 32, "md5"),)
