"""The report as JSON: one line per image, so that the reports of several images are JSON Lines.

The schema lies beside this module in `report.schema.json`; `inspector schema` prints it. After a change of
`inspector.report` it is written anew by

    python -m inspector.reports.json > inspector/reports/report.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import msgspec

from inspector.console.json_line import json_text
from inspector.report import SCHEMA_VERSION, Report

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def render_json(report: Report, colour: bool) -> str:  # noqa: ARG001, FBT001 - every format has this signature
    """Return the report as one line of ASCII."""
    return json_text(msgspec.to_builtins(report)) + "\n"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of a report. Fields may be added within a version, so more properties are allowed."""
    (root,), definitions = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    title = f"Report of inspector, schema version {SCHEMA_VERSION}"
    return {"$schema": _DIALECT, "title": title, **root, "$defs": definitions}


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(report_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
