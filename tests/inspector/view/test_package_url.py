"""Package URLs: the examples of the specification."""

from __future__ import annotations

import pytest

from inspector.view.package_url import package_url
from parsers.linux.os_release import OsRelease, parse_os_release
from parsers.linux.package import Package
from parsers.place import Place


def release(text: str) -> OsRelease:
    return parse_os_release(text.replace(" ", "\n"))


def package(name: str, version: str, release: str, architecture: str, epoch: int | None = None) -> Package:
    return Package(Place("/db"), name, version, release, epoch, architecture)


FEDORA, DEBIAN = release("ID=fedora VERSION_ID=25"), release('ID=debian VERSION_ID="12"')
ALPINE, ARCH = release("ID=alpine VERSION_ID=3.20.3"), release("ID=arch")


@pytest.mark.parametrize(
    ("manager", "of", "given", "url"),
    [
        ("rpm", FEDORA, package("curl", "7.50.3", "1.fc25", "i386"),
         "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25"),
        ("rpm", None, package("centerim", "4.22.10", "1.el6", "i686", 1),
         "pkg:rpm/centerim@4.22.10-1.el6?arch=i686&epoch=1"),
        ("rpm", release("ID=rhel VERSION_ID=9.4"), package("libstdc++", "11", "1~rc^2", "x86_64"),
         "pkg:rpm/redhat/libstdc%2B%2B@11-1~rc%5E2?arch=x86_64&distro=rhel-9.4"),
        ("rpm", release("ID=opensuse-leap VERSION_ID=15.6"), package("perl-Bit-Vector", "7.4", "", "noarch"),
         "pkg:rpm/opensuse/perl-Bit-Vector@7.4?arch=noarch&distro=opensuse-leap-15.6"),
        ("dpkg", DEBIAN, package("attr", "2.4.47", "2+b1", "amd64", 1),
         "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12"),
        ("dpkg", release("ID=ubuntu"), package("dpkg", "1.19.0.4", "", "amd64"),
         "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64&distro=ubuntu"),
        ("apk", ALPINE, package("curl", "7.83.0", "r0", "x86"),
         "pkg:apk/alpine/curl@7.83.0-r0?arch=x86&distro=alpine-3.20.3"),
        ("pacman", ARCH, package("containers-common", "0.47.4", "4", "x86_64", 1),
         "pkg:alpm/arch/containers-common@1:0.47.4-4?arch=x86_64&distro=arch"),
        ("rpm", FEDORA, package("na me@/é\udcff", "1?#&=%", "", ""),
         "pkg:rpm/fedora/na%20me%40%2F%C3%A9%FF@1%3F%23%26%3D%25?distro=fedora-25"),
    ],
)  # fmt: skip
def test_examples(manager: str, of: OsRelease | None, given: Package, url: str) -> None:
    assert package_url(given, manager, of) == url
