"""The recipes of the guests of Windows beside what real machines have: two SYSTEM hives, read by python-registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.windows.golden import SERVICES
from fixtures.windows.hives import system
from fixtures.windows.release import RELEASES
from tests.corpus import corpus
from tests.samples import SYSTEM_HIVE, sample

pytestmark = pytest.mark.corpus

ADDED: Final = {
    "aliyunservice",
    "balloon",
    "cloudbase-init",
    "netkvm",
    "pvpanic",
    "viostor",
    "vioserial",
    "virtioserial",
    "vminit",
}
"""What is installed in the good guest, and not in these machines."""
JUDGED: Final = ("Type", "Start", "ErrorControl", "ImagePath", "DependOnService")
UNLIKE: Final = {
    "windows-10": {},
    "server-2008-r2": {
        ("netlogon", "Start"): "the machine is a member of a domain",
        ("lanmanworkstation", "DependOnService"): "the guest has no MRxSmb10, as where SMB 1 was taken away",
    },
}
OPTIONAL: Final = {("mrxsmb20", "DependOnService")}


@pytest.fixture
def hive(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    reader = pytest.importorskip("Registry.Registry", reason="not installed: python-registry")
    if request.param == "windows-10":
        return reader.Registry(str(sample(SYSTEM_HIVE, tmp_path / "SYSTEM")))
    path = tmp_path / "SYSTEM"
    path.write_bytes(corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes())
    return reader.Registry(str(path))


@pytest.mark.slow
@pytest.mark.parametrize(("hive", "name"), [(name, name) for name in UNLIKE], indirect=["hive"])
def test_services_are_those_of_a_real_machine(hive: Any, name: str) -> None:
    unlike: dict[tuple[str, str], Any] = {}
    count = 0
    for path, values in system(RELEASES[name]).items():
        service = path.removeprefix(f"{SERVICES}\\").lower()
        if not path.startswith(f"{SERVICES}\\") or "\\" in service or service in ADDED:
            continue
        count += 1
        real = values_of(hive, path)
        for value in JUDGED:
            ours, theirs = plain(values.get(value)), plain(real.get(value))
            if ours != theirs and (service, value) not in OPTIONAL:
                unlike[service, value] = (ours, theirs)
    assert unlike.keys() == UNLIKE[name].keys(), unlike
    assert count > 35


@pytest.mark.slow
@pytest.mark.parametrize(("hive", "version"), [("windows-10", "v2.30"), ("server-2008-r2", "v2.10")], indirect=["hive"])
def test_rules_of_the_firewall_are_of_the_version_of_the_release(hive: Any, version: str) -> None:
    path = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
    real = values_of(hive, path)
    assert {rule.partition("|")[0] for rule in real.values()} == {version}
    name = "windows-10" if version == "v2.30" else "server-2008-r2"
    ours = system(RELEASES[name])[path]
    assert {str(rule).partition("|")[0] for rule in ours.values()} == {version}
    shared = ours.keys() & real.keys()
    assert shared >= {"CoreNet-DHCP-In", "FPS-SMB-In-TCP"}
    for rule in shared:
        assert {
            part for part in fields(ours[rule]) if part.startswith(("App=", "Svc=", "LPort=", "Protocol="))
        } <= fields(real[rule])


def values_of(hive: Any, path: str) -> dict[str, Any]:
    reader = pytest.importorskip("Registry.Registry")
    try:
        key = hive.open(path)
    except reader.RegistryKeyNotFoundException:
        return {}
    return {value.name(): value.value() for value in key.values()}


def plain(data: Any) -> Any:
    """Return data of a value so that the same thing is equal, whatever its spelling."""
    if isinstance(data, str):
        return data.rstrip("\0").lower().removeprefix("\\systemroot\\")
    if isinstance(data, list):
        return [name.lower() for name in data if name]
    return data


def fields(rule: Any) -> set[str]:
    return set(str(rule).split("|"))
