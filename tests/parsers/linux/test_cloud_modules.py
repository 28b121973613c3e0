"""The modules of cloud-init: the installed ones are the oracle."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path

import pytest

from parsers.linux.cloud_modules import (
    ALWAYS,
    KNOWN,
    ONCE,
    PER_INSTANCE,
    RENAMED,
    canonical_name,
    default_frequency,
    parse_module_frequency,
)

FOLDER = Path("/usr/lib/python3/dist-packages/cloudinit/config")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="cloud-init is not installed")
def test_the_source_of_every_module_gives_the_frequency_that_it_runs_at() -> None:
    program = """
        import importlib, json, pkgutil, cloudinit.config as package
        names = [it.name for it in pkgutil.iter_modules(package.__path__) if it.name.startswith("cc_")]
        print(json.dumps({it[3:]: importlib.import_module(f"cloudinit.config.{it}").meta["frequency"] for it in names}))
    """
    command = ["/usr/bin/python3", "-c", textwrap.dedent(program)]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    sources = {path.stem.removeprefix("cc_"): path.read_text() for path in FOLDER.glob("cc_*.py")}
    assert {name: parse_module_frequency(text) for name, text in sources.items()} == theirs
    assert {name: default_frequency(name) for name in sources} == theirs
    assert sources.keys() <= KNOWN


@pytest.mark.parametrize(
    ("source", "frequency"),
    [
        ("from cloudinit.settings import PER_ALWAYS\nfrequency = PER_ALWAYS\n", "always"),
        ('meta = {\n    "id": "cc_x",\n    "frequency": PER_ONCE,\n}\n', "once"),
        ("from cloudinit.CloudConfig import per_always\nfrequency = per_always\n", "always"),
        ("import cloudinit.settings as settings\nfrequency = settings.PER_INSTANCE\n", "once-per-instance"),
        ("def handle(): pass\n", "once-per-instance"),
        ("# frequency = PER_ALWAYS\n", "once-per-instance"),
        ("frequency = wat\n", "once-per-instance"),
    ],
)
def test_sources_of_every_age(source: str, frequency: str) -> None:
    assert parse_module_frequency(source) == frequency


def test_names() -> None:
    assert canonical_name(" cc_write-files.py ") == canonical_name("write_files") == "write_files"
    assert not ALWAYS & ONCE
    assert not PER_INSTANCE & (ALWAYS | ONCE)
    assert set(RENAMED) | set(RENAMED.values()) < KNOWN
