"""Which services the guest starts, and which file says so.

`Services.state("ssh.service")` answers in the words of `systemctl is-enabled` (systemctl(1)) and, as that word alone
does not tell it, whether the unit is started at boot or on first use: a disabled service may have an enabled socket,
and an enabled one may hang on a target that nothing reaches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from parsers.place import Place


class Enablement(StrEnum):
    """The state of a unit's files, as `systemctl is-enabled` calls it; "absent" where that says not-found."""

    ENABLED = "enabled"
    LINKED = "linked"
    ALIAS = "alias"
    MASKED = "masked"
    DISABLED = "disabled"
    STATIC = "static"
    GENERATED = "generated"
    INDIRECT = "indirect"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class UnitState:
    """What is known of one unit.

    Attributes:
        unit: its full name.
        state: the state of its files.
        place: the link or the line that has it started; else that masks it; else its file; else where it was sought.
        reason: one sentence about `place`.
        path: the unit file; None where there is none.
        started: whether the default target reaches it, or a socket, timer or path unit that activates it, and no
            condition on a file of the guest keeps it from starting.
    """

    unit: str
    state: Enablement
    place: Place
    reason: str
    path: str | None = None
    started: bool = False

    @property
    def enabled(self) -> bool:
        """Whether the guest starts it at boot or on first use."""
        return self.started and self.state not in {Enablement.MASKED, Enablement.ABSENT}

    @property
    def masked(self) -> bool:
        """Whether it was made impossible to start."""
        return self.state is Enablement.MASKED

    @property
    def installed(self) -> bool:
        """Whether there is a unit of that name at all, masked ones included."""
        return self.state is not Enablement.ABSENT


class Services:
    """The services of a guest; each is looked up on first use, once."""

    def __init__(self, manager: str, look_up: Callable[[str], UnitState]) -> None:
        """Take the name of the service manager ("systemd", "sysv", "openrc") and what answers for one unit."""
        self.manager = manager
        self._look_up = look_up
        self._known: dict[str, UnitState] = {}

    def state(self, unit: str) -> UnitState:
        """Return the state of `unit`; a name without a suffix means a service."""
        name = unit if "." in unit else f"{unit}.service"
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def first_enabled(self, *units: str) -> UnitState | None:
        """Return the first of `units` that is started, or None."""
        return next((state for state in map(self.state, units) if state.enabled), None)
