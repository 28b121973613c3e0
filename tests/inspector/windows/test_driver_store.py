from __future__ import annotations

import pytest

from fixtures.windows import virtio
from fixtures.windows.virtio import DATABASE, PACKAGES, REPOSITORY, VIOSTOR
from inspector.facts import UnknownFact
from inspector.guest import Guest
from inspector.windows import driver_store
from inspector.windows.driver_store import DriverStore
from inspector.windows.registry import Registry
from parsers.place import ParseError
from tests.windows import CONFIG, golden, hive

pytestmark = pytest.mark.corpus

PACKAGE = rf"{PACKAGES}\{VIOSTOR.folder()}"


def store(*args: object, **kwargs: object) -> DriverStore:
    facts = golden(*args, **kwargs)  # type: ignore[arg-type]  # what golden takes
    return DriverStore(facts[Guest], facts[Registry])


def test_a_package_its_service_and_where_its_version_stands() -> None:
    package, service, flaw = store().driver("OEM1.inf", VIOSTOR.ids[3])
    assert package
    assert (service, flaw) == ("viostor", None)
    assert (package.inf, package.published, package.provider) == ("viostor.inf", "OEM1.inf", "Red Hat, Inc.")
    assert (package.version, package.date) == (virtio.VERSION, virtio.DATE)
    assert package.place.key == rf"{PACKAGE}\Version"


def test_a_package_may_be_in_the_other_hive() -> None:
    """Its id and its published name in SYSTEM, the package in DRIVERS."""
    drivers = hive({key: values for key, values in virtio.database(VIOSTOR).items() if key.startswith(PACKAGE)})
    package, service, flaw = store({PACKAGE: None}, files={f"{CONFIG}/DRIVERS": drivers}).driver(
        "oem1.inf", VIOSTOR.ids[0]
    )
    assert package
    assert (service, flaw) == ("viostor", None)
    assert package.place.path == r"C:\Windows\System32\config\DRIVERS"


@pytest.mark.parametrize("published", ["", "none.inf", r"..\..\x", "a/b", "\0"])
def test_names_that_lead_nowhere(published: str) -> None:
    package, service, flaw = store().driver(published, VIOSTOR.ids[0])
    assert (package, service, flaw) == (None, "", f"no package of {published} is active")


def test_a_package_whose_names_lead_out_of_the_store_is_looked_for_inside_the_guest() -> None:
    keys = {
        rf"{DATABASE}\DriverInfFiles\oem1.inf": {"Active": "strange"},
        rf"{PACKAGES}\strange": {"InfName": r"..\..\..\..\..\..\..\etc\passwd", "Version": bytes(48)},
    }
    package, service, _ = store(keys).driver("oem1.inf", VIOSTOR.ids[0])
    assert package
    assert (package.version, service) == (None, "")


def test_services_of_an_inf_file() -> None:
    path = rf"{driver_store.REPOSITORY}\{VIOSTOR.folder()}\viostor.inf"
    assert store().services(path) == dict.fromkeys(VIOSTOR.ids, "viostor")
    gone = store(files={f"{REPOSITORY}/{VIOSTOR.folder()}/viostor.inf": None})
    assert gone.services(path) == {}
    assert gone.inf(path) is None


def test_without_the_hive_there_are_no_subkeys_and_nothing_is_known() -> None:
    facts = golden(files={f"{CONFIG}/SYSTEM": b"regf"})
    found = DriverStore(facts[Guest], facts[Registry])
    with pytest.raises((UnknownFact, ParseError)):
        list(found.subkeys(rf"{driver_store.DATABASES[0]}\DeviceIds\PCI"))
    assert list(found.subkeys(rf"{driver_store.DATABASES[1]}\DeviceIds\PCI")) == []
