r"""Collects `Registry`, `Services` and `WindowsVersion`.

Source: Microsoft's documentation of `SOFTWARE\Microsoft\Windows NT\CurrentVersion`: `CurrentVersion` stayed 6.3 when
Windows 10 came, whose version stands in numbers of their own. Windows 11 calls itself "Windows 10" there; its builds
begin at 22000.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.windows.registry import CURRENT_VERSION, Registry
from inspector.windows.services import Services, services

_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,3})")
_BUILDS: Final = ("CurrentBuild", "CurrentBuildNumber")
_BUILD: Final = re.compile(r"\d{1,6}")
_WINDOWS_11: Final = 22000


def collect_registry(facts: Facts) -> Registry:
    """Return the registry, of which nothing is read yet."""
    guest = facts[Guest]
    if guest.family != "windows":
        raise UnknownFact("a Linux guest has no registry")
    return Registry(guest, whole_only=True)


def collect_services(facts: Facts) -> Services:
    """Read every service once: a real machine has several hundred."""
    return services(facts[Registry])


def collect_windows_version(facts: Facts) -> WindowsVersion:
    """Read the key CurrentVersion; without a product and a build nothing is known."""
    registry = facts[Registry]
    product = registry.text(CURRENT_VERSION, "ProductName")
    name = next((name for name in _BUILDS if registry.text(CURRENT_VERSION, name)), _BUILDS[0])
    build = registry.text(CURRENT_VERSION, name) or ""
    if not product or not _BUILD.fullmatch(build):
        raise UnknownFact("no product and build are known", registry.place(CURRENT_VERSION, "CurrentBuild"))
    installation = registry.text(CURRENT_VERSION, "InstallationType")
    if int(build) >= _WINDOWS_11 and installation == "Client":
        product = product.replace("Windows 10", "Windows 11")
    major, minor = _version(registry)
    return WindowsVersion(
        product=product,
        edition=registry.text(CURRENT_VERSION, "EditionID"),
        installation=installation,
        major=major,
        minor=minor,
        build=int(build),
        revision=registry.number(CURRENT_VERSION, "UBR"),
        release=registry.text(CURRENT_VERSION, "DisplayVersion") or registry.text(CURRENT_VERSION, "ReleaseId"),
        place=registry.place(CURRENT_VERSION, name),
    )


def _version(registry: Registry) -> tuple[int, int]:
    major = registry.number(CURRENT_VERSION, "CurrentMajorVersionNumber")
    if major is not None:
        return major, registry.number(CURRENT_VERSION, "CurrentMinorVersionNumber") or 0
    if match := _VERSION.fullmatch(registry.text(CURRENT_VERSION, "CurrentVersion") or ""):
        return int(match[1]), int(match[2])
    raise UnknownFact("no version of NT is known", registry.place(CURRENT_VERSION, "CurrentVersion"))
