from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources

import jsonschema
import msgspec
import pytest

from inspector.report import Report
from inspector.reports import render
from inspector.reports.json import report_schema, schema_text
from tests.inspector.reports.sample import REPORT


def published() -> str:
    return (resources.files("inspector.reports") / "report.schema.json").read_text()


def test_the_published_schema_is_that_of_the_code() -> None:
    assert published() == schema_text(), "write it anew: python -m inspector.reports.json > ...report.schema.json"
    done = subprocess.run([sys.executable, "-m", "inspector.reports.json"], capture_output=True, text=True, check=True)
    assert done.stdout == published()


def test_the_schema_is_one_and_the_report_keeps_it() -> None:
    schema = json.loads(published())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render(REPORT, "json")), schema)


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "FINE"), ("summary", {"total": 1}), ("checks", [{}]), ("schema_version", "1")]
)
def test_the_schema_refuses_what_is_no_report(field: str, value: object) -> None:
    data = {**json.loads(render(REPORT, "json")), field: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, report_schema())


def test_later_fields_are_allowed() -> None:
    jsonschema.validate({**json.loads(render(REPORT, "json")), "later": 1}, report_schema())


def test_the_report_is_one_line_of_plain_ascii_that_reads_back() -> None:
    text = render(REPORT, "json")
    assert text.count("\n") == 1
    assert text.isascii()
    assert text.rstrip("\n").isprintable()
    assert "\\udcff" in text
    assert msgspec.convert(json.loads(text), Report) == REPORT


def test_the_fields_come_in_the_order_of_the_contract() -> None:
    data = json.loads(render(REPORT, "json"))
    assert list(data) == [
        "schema_version", "tool", "profile", "image", "guest", "verdict", "summary", "checks", "not_applicable",
        "problems", "cost", "disks",
    ]  # fmt: skip
    assert list(data["image"]) == ["path", "format", "virtual_size", "file_size"]
    assert list(data["guest"]) == [
        "os", "distro", "version", "product", "kernel", "architecture", "rtc_mode", "boot_mode", "hostname",
    ]  # fmt: skip
    check = data["checks"][0]
    assert list(check) == ["name", "id", "title", "status", "rules"]
    assert list(check["rules"][0]) == ["rule", "status", "known", "message", "fix", "evidence"]
    assert list(check["rules"][0]["evidence"][0]) == ["path", "line", "key", "offset", "volume", "seen"]
