"""Collects `Services`: systemd units, and on older and smaller guests those of SysV, upstart, OpenRC and runit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.packages import Packages
from inspector.facts.services import Enablement, Services, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.commands import required_units, service_flaw
from inspector.linux.conditions import unmet_condition
from inspector.linux.init_scripts import SCRIPTS, InitScripts, default_runlevel
from inspector.linux.openrc import FOLDER as RUNLEVELS
from inspector.linux.openrc import OpenRc
from inspector.linux.presets import FirstBoot, applied_in_full, first_boot
from inspector.linux.programs import program_flaw
from inspector.linux.pull import Pull
from inspector.linux.runit import LEVELS, Runit
from inspector.linux.sysv_units import unit_of_script
from inspector.linux.template import template_of
from inspector.linux.units import CONFIG, SEARCH, Fragment, Kind, UnitFiles
from inspector.linux.upstart import FOLDER as JOBS
from inspector.linux.upstart import Upstart
from inspector.verdict import Evidence
from parsers.linux.os_release import OsRelease
from parsers.place import Place

_INITS: Final = ("/sbin/init", "/usr/sbin/init")
_FOREIGN: Final = frozenset({"dinit", "finit", "s6-linux-init", "s6-svscan", "shepherd", "sinit", "epoch"})
"""Inits that take no notice of the scripts that packages leave in /etc/init.d."""
_RELEASE: Final = re.compile(r"\d{1,4}")
_INSTALL_KEYS: Final = ("WantedBy", "RequiredBy", "UpheldBy", "Alias")


def collect_services(facts: Facts) -> Services:
    """Find the service manager; units are looked up when they are asked for."""
    guest = facts[Guest]
    init = _init(guest)
    if init.endswith("/systemd") or (not init and any(guest.is_dir(path) for path in SEARCH)):
        systemd = _Systemd(guest, _masked_by_kernel(facts), _first_boot(facts))
        return Services("systemd", systemd.look_up, systemd.find_flaw)
    if init.rpartition("/")[2] in _FOREIGN:
        raise UnknownFact(f"the services of {init} are not known", Place(init))
    arguments, place = _arguments(facts)
    flaw = partial(_script_flaw, guest)
    if "runit" in init or (guest.is_dir(LEVELS) and not guest.is_dir(RUNLEVELS)):
        return Services("runit", Runit(guest, arguments).state, flaw)
    if guest.is_dir(RUNLEVELS):
        return Services("openrc", OpenRc(guest, arguments).state, flaw)
    if any(map(guest.is_dir, (*SCRIPTS, JOBS))):
        runlevel = default_runlevel(guest, arguments, place)
        jobs, scripts = Upstart(guest, runlevel), InitScripts(guest)
        return Services(
            "sysv",
            lambda unit: jobs.state(unit) or scripts.state(unit, runlevel),
            lambda state, words: jobs.flaw(state) or flaw(state, words),
        )
    raise UnknownFact(
        "no service manager was recognised: no systemd, OpenRC, runit, upstart or init scripts",
        *map(Place, (*SEARCH, *SCRIPTS)),
    )


def _init(guest: Guest) -> str:
    """Return the canonical path of the program that the kernel starts; empty where there is none."""
    for init in _INITS:
        try:
            return guest.realpath(init)
        except NotFound:
            continue
    return ""


def _arguments(facts: Facts) -> tuple[tuple[str, ...], Place | None]:
    """The kernel's arguments and where they stand; none where those are not known."""
    try:
        kernel = facts[DefaultKernel]
    except UnknownFact:
        return (), None
    return tuple(kernel.arguments), kernel.place


def _script_flaw(guest: Guest, state: UnitState, _programs: Sequence[str]) -> Evidence | None:
    """Return why a script that is started cannot run; a job of upstart is judged by its own command.

    Which programs a script runs is not looked for: it may name them by variables.
    """
    if state.path is None or state.path.startswith(f"{JOBS}/"):
        return None
    return program_flaw(guest, state.path)


def _masked_by_kernel(facts: Facts) -> dict[str, Place]:
    """The units that the kernel's arguments mask (kernel-command-line(7)); none where those are not known."""
    arguments, place = _arguments(facts)
    words = (word.partition("=") for word in arguments)
    names = [name for key, _, name in words if key == "systemd.mask" and name]
    return {name if "." in name else f"{name}.service": place for name in names} if place else {}


def _first_boot(facts: Facts) -> FirstBoot | None:
    """The next boot, where it is a first one."""
    place = first_boot(facts[Guest], _arguments(facts)[0], partial(_systemd_release, facts))
    if place is None:
        return None
    try:
        full = applied_in_full(facts[OsRelease])
    except UnknownFact:
        full = False
    return FirstBoot(facts[Guest], place, full=full)


def _systemd_release(facts: Facts) -> int | None:
    try:
        package = facts[Packages].find("systemd")
    except UnknownFact:
        return None
    match = _RELEASE.match(package.version) if package else None
    return int(match[0]) if match else None


class _Systemd:
    """Answers for one unit as `systemctl is-enabled` would, and whether it is started."""

    def __init__(self, guest: Guest, masks: dict[str, Place], first_boot: FirstBoot | None) -> None:
        self._guest = guest
        self._units = UnitFiles(guest, first_boot)
        self._first_boot = first_boot
        self._scripts = InitScripts(guest)
        self._masks = masks

    def find_flaw(self, state: UnitState, programs: Sequence[str]) -> Evidence | None:
        """Return why a service that is started does not do its work."""
        if not state.unit.endswith(".service") or state.path is None:
            return None
        if state.state is Enablement.GENERATED:
            return program_flaw(self._guest, state.path) if state.path.startswith(SCRIPTS) else None
        text = self._units.text(state.unit)
        required = tuple(map(self.look_up, required_units(text)))
        return service_flaw(self._guest, text, state.path, programs, required)

    def look_up(self, unit: str) -> UnitState:
        if unit in self._masks:
            return UnitState(unit, Enablement.MASKED, self._masks[unit], f"masked by the argument systemd.mask={unit}")
        fragment = self._units.fragment(unit)
        if fragment is None or fragment.kind is Kind.DANGLING:
            made = unit_of_script(self._guest, self._scripts, unit, partial(self._units.reached, deep=False))
            return made or self._absent(unit, fragment)
        own = self._units.canonical(unit)
        if own is None or own.kind is Kind.DANGLING:
            return self._absent(unit, fragment)
        if own.name in self._masks:
            return UnitState(
                unit, Enablement.MASKED, self._masks[own.name], f"masked by systemd.mask={own.name}", own.path
            )
        if own.kind is Kind.MASK:
            what = "a link to /dev/null" if own.target else "an empty file"
            return UnitState(unit, Enablement.MASKED, Place(own.path), f"masked by {what}", own.path)
        state, place = self._enablement(unit, fragment)
        pull = self._pull(unit, own)
        if pull is not None:
            unmet = unmet_condition(self._guest, self._units.text(unit))
            if unmet is not None:
                reason = f"{state}, but passed over at boot: {unmet.key}={unmet.value}"
                return UnitState(unit, state, unmet.place, reason, own.path)
            return UnitState(unit, state, pull.place, pull.reason, own.path, started=True)
        return self._not_started(unit, state, place, own.path)

    def _not_started(self, unit: str, state: Enablement, place: Place, path: str) -> UnitState:
        first, reason = self._first_boot, f"{state}, and nothing at boot reaches it"
        taken = first.disables(unit) if first and state is Enablement.ENABLED else None
        if first and taken:
            reason = f"{state}, but the next boot is a first one ({first.place}), whose presets disable it"
        return UnitState(unit, state, taken or place, reason, path)

    def _pull(self, unit: str, own: Fragment) -> Pull | None:
        """What has the unit started, under any of its names."""
        names = [unit]
        if own.name != template_of(unit):
            names += [own.name, *(alias.name for alias in self._units.own_aliases.get(own.name, ()))]
        for deep in (False, True):
            reached = self._units.reached(deep=deep)
            for name in names:
                if name in reached:
                    return reached[name]
        return None

    def _enablement(self, unit: str, fragment: Fragment) -> tuple[Enablement, Place]:
        if fragment.kind is Kind.ALIAS:
            return Enablement.ALIAS, Place(fragment.path)
        for pull in self._links(unit):
            if pull.place.path.startswith(f"{CONFIG}/"):
                return Enablement.ENABLED, pull.place
        declared = self._units.text(unit).words("Install", "Alias")
        for alias in self._units.own_aliases.get(unit, ()):
            if alias.name in declared:
                return Enablement.ENABLED, Place(alias.path)
        return self._by_instance(unit) or self._not_enabled(unit, fragment)

    def _by_instance(self, unit: str) -> tuple[Enablement, Place] | None:
        """A template is as enabled as its default instance; an instance that the vendor links is static."""
        if template_of(unit):
            links = self._links(unit)
            return (Enablement.STATIC, links[0].place) if links else None
        default = self._units.text(unit).last("Install", "DefaultInstance")
        for pull in (pull for pulls in self._units.links.values() for pull in pulls if template_of(pull.unit) == unit):
            if pull.place.path.startswith(f"{CONFIG}/"):
                named = default is not None and pull.unit == unit.replace("@.", f"@{default.value}.")
                return (Enablement.ENABLED if named else Enablement.INDIRECT), pull.place
        return None

    def _links(self, unit: str) -> list[Pull]:
        return [pull for pulls in self._units.links.values() for pull in pulls if pull.unit == unit]

    def _not_enabled(self, unit: str, fragment: Fragment) -> tuple[Enablement, Place]:
        install = self._units.text(unit)
        place = Place(fragment.path)
        if fragment.kind is Kind.LINKED and fragment.name == unit and fragment.path.startswith(f"{CONFIG}/"):
            return Enablement.LINKED, place
        if unit in self._units.own_aliases:
            return Enablement.INDIRECT, place
        if any(install.words("Install", key) for key in _INSTALL_KEYS):
            return Enablement.DISABLED, place
        if install.words("Install", "Also"):
            return Enablement.INDIRECT, place
        return Enablement.STATIC, place

    def _absent(self, unit: str, dangling: Fragment | None) -> UnitState:
        if dangling is not None:
            reason = f"the link leads to {dangling.target}, which does not exist"
            return UnitState(unit, Enablement.ABSENT, Place(dangling.path), reason)
        where = self._units.directories[0] if self._units.directories else CONFIG
        return UnitState(unit, Enablement.ABSENT, Place(where), f"there is no {unit}")
