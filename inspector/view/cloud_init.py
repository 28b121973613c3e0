"""cloud-init in the overview: its version, the data sources it may use, and the modules each boot stage runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.facts import Facts, UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.guest import Guest
from inspector.linux.cloud_modules import frequency, is_there, module_sources
from parsers.linux.cloud_init import FREQUENCIES, STAGES
from parsers.place import ParseError


def cloud_init_facts(facts: Facts) -> dict[str, Any] | None:
    """Return what `show --format json` says of cloud-init; None where the guest has none.

    A module has a `stage` ("network", "config", "final"), a `frequency` ("always", "once-per-instance", "once"), and
    `present`: whether this release has a module of that name. Where cloud-init cannot be read, `reason` says why.
    """
    nothing: dict[str, Any] = {"version": None, "runs": None, "datasources": None, "modules": [], "reason": None}
    try:
        cloud, guest = facts[CloudInit], facts[Guest]
        return nothing | _known(cloud, guest) if cloud.installed else None
    except UnknownFact as unknown:
        return nothing | {"reason": unknown.reason}
    except ParseError as error:
        return nothing | {"reason": str(error)}


def _known(cloud: CloudInit, guest: Guest) -> dict[str, Any]:
    sources = module_sources(guest)
    python = cloud.python
    return {
        "version": cloud.version.text if cloud.version else None,
        "runs": cloud.runs,
        "datasources": list(python.names) if python else None,
        "modules": [
            {
                "stage": stage,
                "name": module.name,
                "frequency": frequency(guest, module, sources),
                "present": is_there(module, sources),
                "path": module.place.path,
                "line": module.place.line,
            }
            for section, stage in STAGES.items()
            for module in cloud.config.modules(section)
        ],
    }


def cloud_init_lines(view: dict[str, Any] | None) -> Iterator[str]:
    """Give the lines for a person; none for a guest without cloud-init."""
    if view is None:
        return
    if view["reason"]:
        yield f"cloud-init: not known ({view['reason']})"
        return
    runs = "" if view["runs"] else ", does not run"
    sources = "any data source" if view["datasources"] is None else f"data sources {', '.join(view['datasources'])}"
    yield f"cloud-init: {view['version'] or 'of unknown version'}{runs}, {sources}"
    for stage, often in ((stage, often) for stage in STAGES.values() for often in FREQUENCIES):
        names = [
            it["name"] for it in view["modules"] if it["present"] and (it["stage"], it["frequency"]) == (stage, often)
        ]
        if names:
            yield f"  {stage} stage, {often}: {', '.join(names)}"
    absent = [it["name"] for it in view["modules"] if not it["present"]]
    if absent:
        yield f"  in no stage, as this release has no such module: {', '.join(absent)}"
