"""The rule about an instance's first boot, which nobody watches."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.place import Place

_FLAGS: Final = {
    "/.unconfigured": "the init scripts of Red Hat ask for a password and the network",
    "/etc/reconfigSys": "firstboot asks for the settings of the system",
}
"""Files that have a system configured anew at its next boot, on the console."""


@rule("first-boot-asks-nothing", "The system does not wait for answers at the console of an instance")
def first_boot_asks_nothing(facts: Facts) -> Verdict:
    """Why: nobody sits at the console of an instance, whose boot waits for an answer before its network is up.

    Fix: remove the files that are named.
    Reads: /.unconfigured, /etc/reconfigSys
    References: virt-sysprep(1), operation flag-reconfiguration
    """
    guest = facts[Guest]
    found = [Evidence(guest.place(path), asks) for path, asks in _FLAGS.items() if guest.exists(path)]
    if found:
        return warning("the next boot asks for settings", *found)
    return ok("the next boot asks for nothing", *(Evidence(Place(path), "no such file") for path in _FLAGS))


RULES = (first_boot_asks_nothing,)
