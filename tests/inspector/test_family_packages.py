"""The packages of the families' guests: as their own managers list them, and as bills of materials that others read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.families import RECIPES, guest_of_family
from fixtures.files import File
from fixtures.rpm import query
from inspector.facts.packages import Packages
from inspector.view.cyclonedx import cyclonedx
from parsers.linux.os_release import OsRelease
from tests.bill_of_materials import LIBRARY, schema_error
from tests.inspector.absence import missing_for
from tests.inspector.family_guests import facts_of

NAMES = {
    "centos-6": "rpm/centos", "centos-7.9": "rpm/centos", "rocky-8": "rpm/rocky", "oracle-8": "rpm/ol",
    "almalinux-9": "rpm/almalinux", "centos-stream-10": "rpm/centos", "fedora-43": "rpm/fedora",
    "amazon-2": "rpm/amzn", "amazon-2023": "rpm/amzn", "opensuse-15.6": "rpm/opensuse", "sles-12": "rpm/suse",
    "ubuntu-14.04": "deb/ubuntu", "ubuntu-24.04": "deb/ubuntu", "alpine-3.20": "apk/alpine", "arch": "alpm/arch",
}  # fmt: skip
"""The type and the namespace of the package URLs, by the types' definitions in the specification."""
BACKENDS = {"Packages": "bdb_ro", "rpmdb.sqlite": "sqlite"}
FORM = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n"


def packages(name: str) -> tuple[Packages, OsRelease]:
    if missing := missing_for(name):
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    facts = facts_of(guest_of_family(name))
    return facts[Packages], facts[OsRelease]


def test_every_family_has_a_name() -> None:
    assert set(NAMES) == set(RECIPES)


@pytest.mark.parametrize("name", [name for name, url in NAMES.items() if url.startswith("rpm/")])
def test_rpm_lists_the_same(name: str, tmp_path: Path) -> None:
    found, _ = packages(name)
    file = Path(found.database).name
    if file not in BACKENDS:
        pytest.skip(f"Debian's rpm does not read {file}; a real one is in the corpus")
    node = guest_of_family(name).files[found.database]
    content = node.content if isinstance(node, File) else node
    assert isinstance(content, bytes)
    (tmp_path / file).write_bytes(content)
    theirs = query(tmp_path, FORM, f"_db_backend {BACKENDS[file]}")
    ours = ["\t".join((p.name, str(p.epoch or 0), p.version, p.release, p.architecture)) for p in found]
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("name", NAMES)
@LIBRARY
def test_the_bill_of_materials_is_valid_and_others_read_its_package_urls(name: str) -> None:
    from cyclonedx.model.bom import Bom
    from packageurl import PackageURL

    found, release = packages(name)
    text = "".join(cyclonedx(found, release))
    assert schema_error(text) is None
    document = json.loads(text)
    bom: Any = Bom.from_json(document)  # type: ignore[attr-defined]  # made by a decorator
    assert len(bom.components) == len(document["components"]) == len(found)
    for component in bom.components:
        url: PackageURL = component.purl
        (package,) = [one for one in found if one.name == component.name]
        assert f"{url.type}/{url.namespace}" == NAMES[name]
        qualifiers = url.qualifiers
        assert isinstance(qualifiers, dict)
        assert qualifiers["arch"] == package.architecture
        assert qualifiers["distro"].startswith(release.id)
        epoch = f"{package.epoch}:" if package.epoch else ""
        if url.type == "rpm":
            assert (url.name, url.version) == (package.name, f"{package.version}-{package.release}")
            assert qualifiers.get("epoch", "0") == str(package.epoch or 0)
        else:
            assert (url.name, url.version) == (package.name, package.full_version)
            assert "epoch" not in qualifiers
        assert package.full_version.startswith(epoch)
    # the library writes each as it stands here: so it is in the canonical form
    assert [PackageURL.from_string(one["purl"]).to_string() for one in document["components"]] == [
        one["purl"] for one in document["components"]
    ]
