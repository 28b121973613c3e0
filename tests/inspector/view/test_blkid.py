"""`show` names the volumes of every known image as blkid does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from inspector.errors import InspectorError
from inspector.target import Target
from inspector.view.overview import show
from tests.blkid import blkid, needs_blkid
from tests.corpus import corpus, entries

KNOWN: Final = tuple(
    entry
    for entry in entries("known")
    if entry["kind"] == "disk"
    and entry.get("format") == "raw"
    and isinstance(entry["expected"], dict)
    and "blkid" in entry["expected"].get("tools_on_build_machine", {})
)
TYPE_ONLY: Final = {"adaptec_raid_member", "nvidia_raid_member", "vxfs"}
BETTER: Final = {"ul-fs-erofs-minix-magic": "erofs"}
"""Its minix magic is two stray bytes; later releases of blkid say erofs, as we do."""


def shown(path: Path) -> list[dict[str, Any]]:
    out = bytearray()
    show(Target((str(path),)), out.extend, json=True)
    volumes: list[dict[str, Any]] = json.loads(out)["volumes"]
    return volumes


@pytest.mark.corpus
@needs_blkid
@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: str(entry["id"]))
def test_types_uuids_and_labels_are_those_of_blkid(entry: dict[str, Any]) -> None:
    path = corpus(f"known/{entry['file']}")
    recorded = entry["expected"]["tools_on_build_machine"]["blkid"]
    if recorded.get("TYPE") == "iso9660":  # no disk that a machine starts from: it is named, and refused
        with pytest.raises(InspectorError, match="iso9660 image"):
            shown(path)
        return
    volumes = shown(path)
    assert volumes or "PTTYPE" in recorded
    for volume in volumes:
        if volume["offset"] is None:
            continue
        wanted = blkid(path, volume["offset"], volume["size"] if "PTTYPE" in recorded else 0)
        if entry["id"] in BETTER:
            assert volume["type"] == BETTER[entry["id"]]
        elif wanted.get("TYPE") == "ambivalent":
            assert "signatures of" in volume["reason"]
        else:
            keys = ("TYPE",) if wanted.get("TYPE") in TYPE_ONLY else ("TYPE", "UUID", "LABEL")
            assert {key: volume[key.lower()] for key in keys} == {key: wanted.get(key) for key in keys}


@pytest.mark.corpus
def test_every_image_with_an_answer_is_compared() -> None:
    corpus("known/expected.json")
    answered = [entry for entry in KNOWN if "TYPE" in entry["expected"]["tools_on_build_machine"]["blkid"]]
    assert len(answered) >= 190
