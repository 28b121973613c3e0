"""Profiles: which checks, made of which rules, with which thresholds and levels. TOML data, no code.

A profile may be based on another one (`base = "ecs"`) and then lists the checks it keeps by name (`keep = [...]`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from inspector.errors import UsageError
from inspector.rules import WINDOWS, find_rule, rules
from inspector.rules.rule import Rule
from inspector.suggestion import suggestion
from inspector.verdict import Status

_FOLDER: Final = Path(__file__).with_name("profiles")  # importlib.resources brings tempfile and zipfile with it
_KEYS: Final = frozenset({"name", "title", "base", "keep", "systems", "check", "parameters", "levels"})
_CHECK_KEYS: Final = frozenset({"name", "id", "title", "rules"})
_FAMILIES: Final = frozenset({"linux", "windows"})
_LEVELS: Final = {"ok": Status.OK, "warning": Status.WARNING, "failed": Status.FAILED}


class ProfileError(UsageError):
    """A profile that does not exist, or that names what does not exist."""


class Check(msgspec.Struct, frozen=True):
    """What a cloud's user knows by name: a group of rules, as bad as its worst one."""

    name: str
    id: str
    title: str
    rules: tuple[str, ...]


class Profile(msgspec.Struct, frozen=True):
    """The checks in report order.

    Attributes:
        parameters: rule -> its keyword arguments.
        levels: rule -> status it gives ("FAILED", "WARNING" or "unknown") -> status that counts.
        systems: the families of guests that it judges: those it names, or else those that it has rules about. A guest
            of another family is not inspected, since what is left of the profile would say next to nothing of it.
        verified: its rules are known to exist and to take these parameters; of one that was not loaded they are not.
    """

    name: str
    title: str
    checks: tuple[Check, ...]
    parameters: Mapping[str, Mapping[str, Any]] = msgspec.field(default_factory=dict)
    levels: Mapping[str, Mapping[str, Status]] = msgspec.field(default_factory=dict)
    systems: frozenset[str] = _FAMILIES
    verified: bool = False


def profile_names() -> list[str]:
    """Return the names of the profiles that come with the program."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_profile(name: str) -> Profile:
    """Return the profile of that name, or the one in that TOML file (a name with a slash or ending in .toml)."""
    return _profile(_resolved(name), name)


def _resolved(name: str, *above: str) -> dict[str, Any]:
    """Return the data of a profile with those of what it is based on, which may have a base itself."""
    if name in above:
        raise ProfileError(f"profile {above[0]}: it is based on itself, by way of {name}")
    data = _read(name)
    base = data.get("base")
    return _inherit(_resolved(str(base), *above, name), data, name) if base else data


def _is_own(name: str) -> bool:
    """Tell whether a profile is a user's own file, not one that comes with the program."""
    return "/" in name or name.endswith(".toml")


def _read(name: str) -> dict[str, Any]:
    try:
        if _is_own(name):
            return _checked(tomllib.loads(Path(name).read_text(encoding="utf-8")), _KEYS, name)
        if name not in profile_names():
            raise ProfileError(f"no profile is called {name!r}{suggestion(name, profile_names())}")
        text = (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        return _checked(tomllib.loads(text), _KEYS, name)
    except OSError as error:
        raise ProfileError(f"profile {name} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"profile {name}: {error}") from error


def _checked(data: dict[str, Any], allowed: frozenset[str], where: str) -> dict[str, Any]:
    for key in data:
        if key not in allowed:
            raise ProfileError(f"profile {where}: unknown key {key!r}{suggestion(key, allowed)}")
    return data


def _inherit(base: dict[str, Any], data: dict[str, Any], where: str) -> dict[str, Any]:
    checks = {check["name"]: check for check in base.get("check", [])}
    for name in data.get("keep", []):
        if name not in checks:
            raise ProfileError(f"profile {where}: no check is called {name!r}{suggestion(name, checks)}")
    kept = [checks[name] for name in data.get("keep", checks)]
    return {
        **{key: value for key, value in base.items() if key == "systems"},
        **data,
        "check": kept + data.get("check", []),
        "parameters": {**base.get("parameters", {}), **data.get("parameters", {})},
        "levels": {**base.get("levels", {}), **data.get("levels", {})},
    }


def _profile(data: dict[str, Any], where: str) -> Profile:
    try:
        checks = tuple(
            Check(check["name"], check.get("id", check["name"]), check["title"], tuple(check["rules"]))
            for check in (_checked(check, _CHECK_KEYS, where) for check in data["check"])
        )
        title = str(data["title"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ProfileError(f"profile {where}: {error} is missing or of the wrong kind") from error
    for check in checks:
        if not check.rules:
            raise ProfileError(f"profile {where}: the check {check.name!r} wants rules")
    used = [rule for check in checks for rule in check.rules]
    parameters = {rule: data.get("parameters", {}).get(rule, {}) for rule in used}
    levels = {rule: _levels(rule, given, where) for rule, given in data.get("levels", {}).items()}
    name, systems = str(data.get("name", where)), _systems(data, used, where)
    found = Profile(name, title, checks, parameters, levels, systems, verified=True)
    if _is_own(where):  # a test looks at ours: to import all their rules would cost every start
        verify(found, where)
        for rule in (*data.get("parameters", {}), *data.get("levels", {})):
            _known_rule(rule, where)
    return found


def verify(profile: Profile, where: str) -> None:
    """Raise `ProfileError` where the rules of a profile do not exist, or do not take the parameters that it has."""
    for name in (rule for check in profile.checks for rule in check.rules):
        _check_parameters(_known_rule(name, where), profile.parameters.get(name, {}), where)


def _systems(data: dict[str, Any], used: list[str], where: str) -> frozenset[str]:
    """Return the families that a profile names, or that its rules are about; all where they are about any guest."""
    about = {_family(rule) for rule in used} - {"any"} or _FAMILIES
    named = data.get("systems", sorted(about))
    if not named or not isinstance(named, list) or not all(family in sorted(_FAMILIES) for family in named):
        raise ProfileError(f"profile {where}: systems out of {sorted(_FAMILIES)} wanted, {named!r} found")
    return frozenset(named)


def _family(name: str) -> str:
    """Return the family that a rule is about; those about one family alone are not imported for that."""
    if name.startswith(WINDOWS):
        return "windows"
    found = find_rule(name, "windows")
    return found.os if found else "linux"


def _known_rule(name: str, where: str) -> Rule:
    found = find_rule(name)
    if found is None:
        raise ProfileError(f"profile {where}: no rule is called {name!r}{suggestion(name, rules())}")
    return found


def _check_parameters(rule: Rule, given: Mapping[str, Any], where: str) -> None:
    wanted = rule.parameters
    for key in given:
        if key not in wanted:
            raise ProfileError(f"profile {where}: {rule.name} has no parameter {key!r}{suggestion(key, wanted)}")
    for key in wanted:
        if key not in given:
            raise ProfileError(f"profile {where}: {rule.name} wants the parameter {key!r}")


def _levels(rule: str, given: Mapping[str, str], where: str) -> dict[str, Status]:
    levels: dict[str, Status] = {}
    for given_key, given_value in given.items():
        key, value = given_key.lower(), str(given_value).lower()
        if key not in {"failed", "warning", "unknown"} or value not in _LEVELS:
            raise ProfileError(f"profile {where}: {rule}: failed, warning or unknown = a status wanted")
        if key == "unknown" and value == "ok":
            raise ProfileError(f"profile {where}: {rule}: what is unknown cannot be OK")
        levels[key] = _LEVELS[value]
    return levels
