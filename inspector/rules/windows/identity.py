r"""What a Windows is told apart by, and what all copies of an image share that was not generalised.

Source: Microsoft's documentation, "Sysprep (Generalize) a Windows installation" (the security identifier of the
machine), and "Clients that are cloned do not report to WSUS" (KB 903262: SusClientId); the places of the others are
those that Windows itself writes, as in real hives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.image_state import GENERALISED, image_state
from inspector.windows.registry import MOUNTED_DEVICES, Registry
from parsers.windows.sam_domain import MACHINE, parse_machine_sid

_NAMED: Final = (
    (r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid", "the machine's GUID"),
    (r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate", "SusClientId", "the id at update servers"),
)


@rule("windows-ids-are-not-shared", "No copy has the ids of the machine that the image was made of", "windows")
def windows_ids_are_not_shared(facts: Facts) -> Verdict:
    r"""The machine's SID and GUID, its id at update servers, the ids of its volumes; Sysprep makes each copy its own.

    Why: update servers, domains and agents take copies with the same ids for one machine, of which one is served.

    Fix: run `sysprep /generalize /oobe /shutdown` and take the image before Windows starts again.

    Reads: SAM\Domains\Account, SOFTWARE\Microsoft\Cryptography, WindowsUpdate\SusClientId, SYSTEM\MountedDevices,
    Setup\State

    References: Microsoft, Sysprep (Generalize) a Windows installation; Microsoft, KB 903262.
    """
    registry = facts[Registry]
    state, evidence = image_state(registry)
    if state == GENERALISED:
        return ok("each copy makes ids of its own", evidence)
    return warning("copies share the ids of this machine", *_ids(registry), evidence)


def _ids(registry: Registry) -> Iterator[Evidence]:
    hive = registry.hive("SAM")
    sid = parse_machine_sid(hive)
    yield Evidence(registry.place(rf"HKLM\SAM\{MACHINE}", "V"), f"the machine's SID: {sid}")
    for path, name, title in _NAMED:
        if found := registry.text(path, name):
            yield Evidence(registry.place(path, name), f"{title}: {found}")
    if count := sum(1 for _ in registry.values(MOUNTED_DEVICES)):
        yield Evidence(registry.place(MOUNTED_DEVICES), f"{count} volumes and drive letters")


RULES = (windows_ids_are_not_shared,)
