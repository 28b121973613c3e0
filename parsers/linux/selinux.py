"""/etc/selinux/config: whether SELinux is on, and with which policy.

Format: selinux_config(5), read as libselinux reads it: the keyword begins its line, upper case, without a blank around
the sign; the value counts in either case and by its beginning.
Not done: the kernel arguments `selinux=0` and `enforcing=0`, which win over the file, are not in it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from parsers.place import Place, Problem


class SelinuxMode(StrEnum):
    """What `SELINUX=` may say."""

    ENFORCING = "enforcing"
    PERMISSIVE = "permissive"
    DISABLED = "disabled"


class SelinuxConfig(msgspec.Struct, frozen=True):
    """The file's say; `mode` is None where it names no valid one, `policy` where there is no `SELINUXTYPE=`."""

    mode: SelinuxMode | None = None
    mode_place: Place | None = None
    policy: str | None = None
    policy_place: Place | None = None
    problems: tuple[Problem, ...] = ()
    path: str = "/etc/selinux/config"


def parse_selinux_config(text: str, path: str = "/etc/selinux/config") -> SelinuxConfig:
    """Read the mode and the policy; a line that begins with neither keyword nor # is a problem."""
    mode: tuple[SelinuxMode, Place] | None = None
    policy: tuple[str, Place] | None = None
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = Place(path, number)
        key, separator, value = line.partition("=")
        if key == "SELINUX" and separator:
            found = _mode(value.lstrip())
            if found is None:
                problems.append(Problem(place, f"enforcing, permissive or disabled wanted, {value.strip()[:80]} found"))
            elif mode is None:
                mode = found, place
        elif key == "SELINUXTYPE" and separator:
            policy = value.strip(), place
        elif line.strip() and not line.lstrip().startswith("#") and key not in {"REQUIREUSERS", "SETLOCALDEFS"}:
            problems.append(Problem(place, f"SELINUX= or SELINUXTYPE= wanted, {line.strip()[:80]} found"))
    found_mode, mode_place = mode or (None, None)
    found_policy, policy_place = policy or (None, None)
    return SelinuxConfig(found_mode, mode_place, found_policy, policy_place, tuple(problems), path)


def _mode(value: str) -> SelinuxMode | None:
    return next((mode for mode in SelinuxMode if value.lower().startswith(mode)), None)
