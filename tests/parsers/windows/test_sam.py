"""Accounts of real machines, as chntpw lists them; and what hivex made of one of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.windows.hive import Keys, merged
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import open_hive
from parsers.windows.sam import USERS, SamAccount, parse_sam_accounts
from tests.corpus import corpus

pytestmark = pytest.mark.corpus

HIVES = ("hv-rp-SAM", "hv-vr-SAM", "hv-pl-regf_SAM")


def accounts(content: bytes) -> list[SamAccount]:
    return list(parse_sam_accounts(open_hive(Memory(content, "SAM"))))


def real(name: str) -> bytes:
    return corpus(f"known/hives/{name}.hive.xz").read_bytes()


@pytest.mark.parametrize("name", HIVES)
@pytest.mark.skipif(shutil.which("chntpw") is None, reason="chntpw, which lists accounts, is not installed")
def test_accounts_are_those_that_chntpw_lists(name: str, tmp_path: Path) -> None:
    hive = tmp_path / "SAM"
    hive.write_bytes(real(name))
    text = subprocess.run(["chntpw", "-l", hive], capture_output=True, text=True, check=False).stdout
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| 0")]
    listed = {(int(rid, 16), user, "dis" in lock) for rid, user, _, lock in rows}
    assert {(it.rid, it.name, it.disabled) for it in accounts(real(name))} == listed != set()


def test_passwords() -> None:
    found = {it.name: (it.has_password, it.needs_password) for it in accounts(real("hv-rp-SAM"))}
    assert found == {"Administrator": (True, True), "Guest": (False, False), "Preston": (True, True)}
    newer = {it.name: it.has_password for it in accounts(real("hv-vr-SAM"))}
    assert newer == {
        "Administrator": False, "Guest": False, "DefaultAccount": False, "WDAGUtilityAccount": True, "test": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {rf"{USERS}\000001F4": {"F": b"short"}},
        {rf"{USERS}\000001F4": {"V": None}},
        {rf"{USERS}\000001F4": {"V": bytes(12) + b"\xff" * 192}},
        {rf"{USERS}\odd": {}},
        {"SAM": None},
    ],
)
def test_damage_is_an_error(change: Keys) -> None:
    with pytest.raises(ParseError):
        accounts(merged(real("hv-rp-SAM"), change))
