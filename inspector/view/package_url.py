"""Package URLs: one name for a package that every tool understands (pkg:deb/debian/bash@5.2.15-2?arch=amd64).

Specification: ECMA-427 and the definitions of its types deb, rpm, apk, alpm and generic. The epoch is part of the
version but for rpm, where it is a qualifier. `distro` is ID and VERSION_ID of os-release. Software of Windows has no
type of its own: it is generic, which says no more than its name and version.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from parsers.linux.os_release import OsRelease
from parsers.linux.package import Package

_TYPES: Final = {"dpkg": "deb", "rpm": "rpm", "apk": "apk", "pacman": "alpm"}
_VENDORS: Final = {
    "rhel": "redhat",
    "opensuse-leap": "opensuse",
    "opensuse-tumbleweed": "opensuse",
    "sled": "suse",
    "sles": "suse",
}
"""The vendor's name where it is not the ID of os-release."""


def package_url(package: Package, manager: str, release: OsRelease | None) -> str:
    """Return the URL of a package of `manager`; without `release`, neither the vendor nor the distribution is named."""
    kind = _TYPES[manager]
    rpm = kind == "rpm"
    vendor = _VENDORS.get(release.id, release.id).lower() if release else ""
    version = _without_epoch(package) if rpm else package.full_version
    parts = ["pkg:", kind, "/", f"{_encoded(vendor)}/" if vendor else ""]
    parts += [_encoded(package.name if rpm else package.name.lower()), f"@{_encoded(version)}" if version else ""]
    qualifiers = {
        "arch": package.architecture,
        "distro": "-".join(filter(None, (release.id, release.version_id))) if release else "",
        "epoch": "" if package.epoch is None or not rpm else str(package.epoch),
    }
    words = [f"{name}={_encoded(value)}" for name, value in qualifiers.items() if value]
    return "".join(parts) + ("?" + "&".join(words) if words else "")


def generic_url(name: str, version: str, architecture: str = "") -> str:
    """Return the URL of software that no manager of packages has; the version and the architecture may be ""."""
    ends = " \t\r\n/"  # which no component may have
    version = f"@{_encoded(version.strip(ends))}" if version.strip(ends) else ""
    architecture = f"?arch={_encoded(architecture)}" if architecture else ""
    return f"pkg:generic/{_encoded(name.strip(ends) or '-')}{version}{architecture}"


def _without_epoch(package: Package) -> str:
    return f"{package.version}-{package.release}" if package.release else package.version


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=":")
