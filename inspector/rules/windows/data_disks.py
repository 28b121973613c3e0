"""The disks of an instance besides its system drive: that Windows brings them online."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES

_PARTMGR: Final = rf"{SERVICES}\partmgr\Parameters"
_ONLINE_ALL: Final = 1


@rule("windows-brings-new-disks-online", "Windows brings the data disks of an instance online", "windows")
def windows_brings_new_disks_online(facts: Facts) -> Verdict:
    r"""The policy for new disks (SAN policy): 1 is "online all".

    The default of Server 2016 and of the larger editions of Server 2008 keeps disks on shared buses offline; where the
    value is not set the default of the release holds, which Microsoft documents for these alone.

    Why: data disks stay offline until somebody brings each of them online by hand; Vminit's plugins ConfigDisk and
    ExtendVolume do it at the first boot only.

    Fix: `diskpart`, then `san policy=OnlineAll`.

    Reads: Services\partmgr\Parameters\SanPolicy

    References: Microsoft, VDS_SAN_POLICY enumeration; diskpart, san; Alibaba Cloud, Initialization tools, Vminit
    (ConfigDisk). Where the value stands is known from a real hive.
    """
    registry = facts[Registry]
    number = registry.number(_PARTMGR, "SanPolicy")
    seen = Evidence(registry.place(_PARTMGR, "SanPolicy"), "not set" if number is None else str(number))
    if number == _ONLINE_ALL:
        return ok("new disks are brought online", seen)
    return warning("new disks may stay offline", seen)


RULES = (windows_brings_new_disks_online,)
