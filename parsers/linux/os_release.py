r"""Which distribution this is: os-release, and the release files of systems that have none.

Format: os-release(5): shell-like assignments without expansion; a value may stand in single or double quotes, where
`\`, `"`, `$` and the backtick are escaped by a backslash. The older files are one line of prose each, apart from
lsb-release (assignments) and SuSE-release (assignments with blanks around the sign).
Not done: /etc/issue, which anyone may edit.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

_LINE: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PART: Final = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|((?:\\.|[^\s"'\\])+)""", re.DOTALL)
_IN_QUOTES: Final = re.compile(r'\\([\\"$`])')
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_PROSE: Final = re.compile(r"(?P<name>\S.*?)\s+(?:release\s+)?(?P<version>\d[\w.]*)(?:[^()]*\((?P<code>[^()]*)\))?")
_CODENAME: Final = re.compile(r"\(([^()]*)\)")
_RED_HAT_IDS: Final = (
    ("red hat enterprise", "rhel"), ("red hat linux", "redhat"), ("centos", "centos"), ("fedora", "fedora"),
    ("oracle linux", "ol"), ("enterprise linux enterprise linux", "ol"), ("scientific linux", "scientific"),
    ("alma", "almalinux"), ("rocky", "rocky"), ("cloudlinux", "cloudlinux"), ("amazon linux", "amzn"),
    ("alibaba cloud linux", "alinux"), ("aliyun linux", "alinux"), ("anolis", "anolis"), ("openeuler", "openEuler"),
    ("kylin linux", "kylin"), ("virtuozzo", "virtuozzo"), ("xenserver", "xenserver"), ("miracle linux", "miraclelinux"),
)  # fmt: skip
"""The beginning of the prose, in lower case, and the ID that the distribution's own os-release has."""


class OsRelease(msgspec.Struct, frozen=True):
    """What a release file says.

    Attributes:
        place: the file, and the line that names the distribution.
        id: lower-case word for the distribution ("debian"); "linux" where none is given, as os-release(5) has it.
        id_like: distributions that it is akin to, the closest first.
        name, pretty_name: for a person.
        version_id: "12", "8.10", or None for a rolling or unreleased one.
        version: the version for a person, None where not given.
        codename: "bookworm", None where not given.
        release: the most exact version known ("12.7", "7.9.2009"); the point release stands in a file of its own.
        lines: the line of each variable.
        variables: every variable, in the file's order; of a repeated one the last.
    """

    place: Place
    id: str
    name: str
    pretty_name: str
    version_id: str | None = None
    version: str | None = None
    codename: str | None = None
    release: str | None = None
    id_like: tuple[str, ...] = ()
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    lines: dict[str, int] = msgspec.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def at(self, variable: str) -> Place:
        """Return the place of a variable; the file's where it is not given."""
        return Place(self.place.path, self.lines.get(variable))

    @property
    def family(self) -> tuple[str, ...]:
        """The distribution and those that it is akin to."""
        return (self.id, *self.id_like)


def parse_os_release(text: str, path: str = "/etc/os-release") -> OsRelease:
    """Read every assignment that can be read; `path` only labels the places."""
    variables, lines, problems = _assignments(text, path)
    name = variables.get("NAME") or "Linux"
    version = variables.get("VERSION") or None
    return OsRelease(
        place=Place(path, lines.get("ID", lines.get("NAME"))),
        id=variables.get("ID") or "linux",
        name=name,
        pretty_name=variables.get("PRETTY_NAME") or "Linux",
        version_id=variables.get("VERSION_ID") or None,
        version=version,
        codename=variables.get("VERSION_CODENAME") or _codename(version),
        release=variables.get("VERSION_ID") or None,
        id_like=tuple(variables.get("ID_LIKE", "").split()),
        variables=variables,
        lines=lines,
        problems=problems,
    )


def _codename(version: str | None) -> str | None:
    match = _CODENAME.search(version or "")
    return match[1].lower() if match and match[1] else None


def _assignments(text: str, path: str) -> tuple[dict[str, str], dict[str, int], tuple[Problem, ...]]:
    variables: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _value(match[2]) if match else None
        if match is None or value is None:
            problems.append(Problem(Place(path, number), f"NAME=value wanted, {line.strip()[:80]} found"))
            continue
        variables[match[1]] = value
        lines[match[1]] = number
    return variables, lines, tuple(problems)


def _value(raw: str) -> str | None:
    """Take quotes and escapes away; None where a quote is open or a second word follows."""
    position = 0
    parts: list[str] = []
    for match in _PART.finditer(raw):
        if match.start() != position:
            return None
        position = match.end()
        if match[1] is not None:
            parts.append(match[1])
        elif match[2] is not None:
            parts.append(_IN_QUOTES.sub(r"\1", match[2]))
        else:
            parts.append(_ESCAPE.sub(r"\1", match[3]))
    return None if raw[position:].strip() else "".join(parts)


def parse_lsb_release(text: str, path: str = "/etc/lsb-release") -> OsRelease | None:
    """Read /etc/lsb-release (`DISTRIB_ID=Ubuntu`); None where it names no distribution."""
    variables, lines, problems = _assignments(text, path)
    name, version = variables.get("DISTRIB_ID"), variables.get("DISTRIB_RELEASE") or None
    if not name:
        return None
    pretty = variables.get("DISTRIB_DESCRIPTION") or f"{name} {version or ''}".strip()
    return OsRelease(
        Place(path, lines["DISTRIB_ID"]),
        name.lower(),
        name,
        pretty,
        version,
        codename=variables.get("DISTRIB_CODENAME") or None,
        release=version,
        variables=variables,
        lines=lines,
        problems=problems,
    )


def parse_redhat_release(text: str, path: str = "/etc/redhat-release") -> OsRelease | None:
    """Read the prose of redhat-release, centos-release, system-release...; None where it is not that prose."""
    for number, line in enumerate(text.split("\n"), start=1):
        match = _PROSE.match(line.strip())
        if match is None:
            continue
        prose = match["name"].lower()
        distribution = next((id_ for start, id_ in _RED_HAT_IDS if prose.startswith(start)), None)
        if distribution is None:
            continue
        version = match["version"]
        code = (match["code"] or "").lower() or None
        return OsRelease(
            Place(path, number),
            distribution,
            match["name"],
            line.strip(),
            version,
            codename=code,
            release=version,
            id_like=() if distribution == "fedora" else ("rhel", "fedora"),
        )
    return None


def parse_suse_release(text: str, path: str = "/etc/SuSE-release") -> OsRelease | None:
    """Read /etc/SuSE-release (a line of prose, `VERSION = 11`, `PATCHLEVEL = 4`); None where it is none."""
    first = text.split("\n", 1)[0].strip()
    values = dict(re.findall(r"^(VERSION|PATCHLEVEL|CODENAME)\s*=\s*(\S+)", text, re.MULTILINE))
    version = values.get("VERSION")
    if "suse" not in first.lower() or version is None:
        return None
    if values.get("PATCHLEVEL", "0") != "0":
        version = f"{version}.{values['PATCHLEVEL']}"
    distribution = "sles" if "enterprise server" in first.lower() else "opensuse"
    return OsRelease(Place(path, 1), distribution, first, first, version, release=version, id_like=("suse",))


def parse_version_file(text: str, path: str, distribution: str, name: str) -> OsRelease | None:
    """Read a file that holds a version alone: debian_version, alpine-release, slackware-version, arch-release."""
    word = text.strip().split("\n", 1)[0].strip().removeprefix(name).strip()
    version = word if re.fullmatch(r"\d[\w.~-]*", word) else None
    pretty = f"{name} {word}".strip()
    return OsRelease(Place(path, 1), distribution, name, pretty, version, version=word or None, release=version)
