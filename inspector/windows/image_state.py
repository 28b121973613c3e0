r"""The state that Setup wrote down last: installed, generalised for copies, or stopped on the way.

Source: Microsoft's documentation, "Windows Setup States" (the values of ImageState).
"""

from __future__ import annotations

from typing import Final

from inspector.facts import UnknownFact
from inspector.verdict import Evidence
from inspector.windows.registry import Registry

_STATE: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State"
GENERALISED: Final = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"


def image_state(registry: Registry) -> tuple[str, Evidence]:
    """Return what Setup wrote down last, and where. Raise `UnknownFact` where it wrote nothing."""
    state = registry.text(_STATE, "ImageState")
    place = registry.place(_STATE, "ImageState")
    if not state:
        raise UnknownFact("how far the setup came is not told", place)
    return state, Evidence(place, state)
