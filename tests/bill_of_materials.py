"""The judge of bills of materials: CycloneDX's published schema, by cyclonedx-python-lib."""

from __future__ import annotations

import importlib.util

import pytest

LIBRARY: pytest.MarkDecorator = pytest.mark.skipif(
    importlib.util.find_spec("cyclonedx") is None, reason="not installed: cyclonedx-python-lib"
)
"""Marks a test that asks the library."""


def schema_error(text: str) -> object:
    """Return what the strict schema of version 1.6 says against a document; None where it accepts it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
