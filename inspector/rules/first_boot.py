"""The rule about an instance's first boot, which nobody watches."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.linux.presets import first_boot
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.place import Place

_FLAGS: Final = {
    "/.unconfigured": "the init scripts of Red Hat ask for a password and the network",
    "/etc/reconfigSys": "firstboot asks for the settings of the system",
}
"""Files that have a system configured anew at its next boot, on the console."""
_UNIT: Final = "systemd-firstboot.service"
_ASKS: Final = ("--prompt-timezone", "--prompt\n", "--prompt ")
_ZONE: Final = "/etc/localtime"
_ZONES: Final = ("/usr/share/zoneinfo/tzdata.zi", "/usr/share/zoneinfo/zone1970.tab", "/usr/share/zoneinfo/zone.tab")
"""The lists that systemd-firstboot offers; without one it asks for no zone."""
_NO: Final = frozenset({"0", "no", "n", "false", "f", "off"})
_LIMIT: Final = 1 << 16


@rule("first-boot-asks-nothing", "The system does not wait for answers at the console of an instance")
def first_boot_asks_nothing(facts: Facts) -> Verdict:
    """Why: nobody sits at the console of an instance, whose boot waits for an answer before its network is up.

    Fix: remove the files that are named; for systemd-firstboot set the time zone (`ln -s
    ../usr/share/zoneinfo/UTC /etc/localtime`) or boot with systemd.firstboot=off.
    Reads: /.unconfigured, /etc/reconfigSys; where the next boot is a first one, systemd-firstboot.service,
    /etc/localtime and the kernel's arguments
    References: virt-sysprep(1), operation flag-reconfiguration; systemd-firstboot(1)
    """
    guest = facts[Guest]
    found = [Evidence(guest.place(path), asks) for path, asks in _FLAGS.items() if guest.exists(path)]
    if found or (found := _wizard(facts)):
        return warning("the next boot asks for settings", *found)
    return ok("the next boot asks for nothing", *(Evidence(Place(path), "no such file") for path in _FLAGS))


def _wizard(facts: Facts) -> list[Evidence]:
    """What has systemd-firstboot ask for the time zone: a setting that is there is not asked for."""
    guest, state = facts[Guest], facts[Services].state(_UNIT)
    if not state.enabled or state.path is None or guest.glob(_ZONE) or not any(map(guest.is_file, _ZONES)):
        return []
    try:
        arguments = facts[DefaultKernel].arguments
    except UnknownFact:
        arguments = ()
    begins = first_boot(guest, arguments)
    switch = [word.partition("=")[2].lower() for word in arguments if word.startswith("systemd.firstboot=")]
    asks = any(option in guest.read_text(state.path, _LIMIT) for option in _ASKS)
    if begins is None or not asks or not _NO.isdisjoint(switch[-1:]):
        return []
    return [
        Evidence(guest.place(state.path), "it asks for the time zone"),
        Evidence(Place(_ZONE), "no such file"),
        Evidence(begins, "the next boot is a first one"),
    ]


RULES = (first_boot_asks_nothing,)
