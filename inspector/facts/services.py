"""Which services the guest starts, and which file says so.

`Services.state("ssh.service")` answers in the words of `systemctl is-enabled` (systemctl(1)) and, as that word alone
does not tell it, whether the unit is started at boot or on first use: a disabled service may have an enabled socket,
and an enabled one may hang on a target that nothing reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from inspector.verdict import Evidence
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


class UnitState(msgspec.Struct, frozen=True):
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

    def __init__(
        self,
        manager: str,
        look_up: Callable[[str], UnitState],
        find_flaw: Callable[[UnitState, Sequence[str]], Evidence | None] = lambda _state, _programs: None,
    ) -> None:
        """Take the name of the service manager ("systemd", "sysv", "openrc", "runit") and what answers for one unit.

        `find_flaw` says why a service that is started does not do its work.
        """
        self.manager = manager
        self._look_up = look_up
        self._find_flaw = find_flaw
        self._known: dict[str, UnitState] = {}
        self._working: dict[str, UnitState] = {}

    def state(self, unit: str) -> UnitState:
        """Return the state of `unit`; a name without a suffix means a service."""
        name = unit if "." in unit else f"{unit}.service"
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def working(self, unit: str, *programs: str) -> UnitState:
        """Return the state of `unit`, not started where its command cannot run, or runs none of `programs`.

        `state` is what to ask about a service that should not run, `working` about one that should.
        """
        state = self.state(unit)
        if not state.enabled:
            return state
        if state.unit not in self._working:
            flaw = self._find_flaw(state, programs)
            if flaw is not None:
                state = msgspec.structs.replace(state, started=False, place=flaw.place, reason=flaw.seen)
            self._working[state.unit] = state
        return self._working[state.unit]

    def first_enabled(self, *units: str) -> UnitState | None:
        """Return the first of `units` that is started, or None."""
        return next((state for state in map(self.state, units) if state.enabled), None)
