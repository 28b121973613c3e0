"""sshd_config with its Include and Match: the directives, and everything that `sshd -t` would refuse.

Specification: sshd_config(5) of OpenSSH 9.2p1; where it is silent, what `sshd -t` of Debian 12 does with a table of
hundreds of configurations (the tests hold the two together). sshd stops at some mistakes; here each is noted and the
rest is read.

Like `sshd -t`, this takes no user to match: a block of `Match all` counts for everybody, any other only has to be
valid. The checks over several lines are those of `sshd -t`, for which a line in `Match all` is a line like any other.

Other releases, from 5.3 on, are judged by what the release notes of OpenSSH tell: the keywords, values, algorithms and
criteria that each knows, what may stand in its Match blocks, and that before 8.7 no comment may follow an argument.

Not done: the files that keywords name are not looked at, host names are not resolved, and keywords that only some
updates of a package know are left open (`doubts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.linux.sshd.address import address, listen_parts
from parsers.linux.sshd.algorithms import Release
from parsers.linux.sshd.keywords import KEYWORDS, Keyword, Life
from parsers.linux.sshd.line import Line, split_line
from parsers.linux.sshd.match import COMMENTS_SINCE, Criteria, Pairs, read_criteria
from parsers.linux.sshd.values import anything
from parsers.place import Place, Problem

DEBIAN_12: Final[Release] = (9, 2)
OLDEST: Final[Release] = (5, 3)
NEWEST: Final[Release] = (10, 2)
"""The releases between which the table of keywords is believed to be complete."""

_MAX_DEPTH: Final = 16
_MAX_FILES: Final = 1000
_MAX_PROBLEMS: Final = 1000
_PATHS: Final = frozenset(
    {
        "AuthorizedKeysFile", "AuthorizedPrincipalsFile", "Banner", "HostCertificate", "HostKey", "HostKeyAgent",
        "ModuliFile", "PidFile", "RevokedKeys", "SecurityKeyProvider", "TrustedUserCAKeys", "XAuthLocation",
    }
)  # fmt: skip
"""Keywords whose paths may begin with somebody's home: sshd stops where there is no such user."""
_HOME_OF: Final = re.compile(r"~(?!root(?:/|$))[^/]")

ReadIncluded = Callable[[str], Sequence[tuple[str, str | None]]]
"""Takes the absolute pattern of an Include, returns what matches in the order of glob(3): its path, and its text, which
is None for a symbolic link that leads nowhere. Directories are left out."""


class Directive(msgspec.Struct, frozen=True):
    """A valid line. `keyword` is the current name in its usual writing.

    Attributes:
        active: whether it stands outside of every block but `Match all`.
        matched: whether it stands in such a block.
        rest: what follows the keyword, unparsed.
        criteria: those of the Match block that it stands in, none outside of one.
    """

    place: Place
    keyword: str
    arguments: tuple[str, ...]
    active: bool
    matched: bool
    rest: str
    criteria: Pairs = ()


class SshdConfig(msgspec.Struct, frozen=True):
    """The configuration of sshd.

    Attributes:
        directives: every valid line that sets something, in the order in which sshd meets them.
        problems: what `sshd -t` refuses.
        remarks: keywords that are passed over because they are out of date, or mean nothing to this build.
        doubts: what only the running guest can tell, such as whether a host name resolves.
        files: the files that were read, the main one first.
    """

    directives: tuple[Directive, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]
    doubts: tuple[Problem, ...]
    files: tuple[str, ...]

    def first(self, keyword: str) -> Directive | None:
        """Return the line whose value counts for any user: the first one, those of `Match all` before all others."""
        return next(iter(self.every(keyword)), None)

    def every(self, keyword: str, holds: Callable[[Pairs], bool] = lambda _criteria: False) -> list[Directive]:
        """Return the lines that count of a keyword that accumulates (Port, HostKey, AllowUsers, ...).

        What may stand in a Match block overrides there what is set outside of it. `holds` tells which criteria fit,
        by default none but `all`.
        """
        mine = [item for item in self.directives if item.keyword == keyword]
        known = KEYWORDS.get(keyword.lower())
        blocks = mine if known and known.in_match else []
        matched = [item for item in blocks if item.matched or (not item.active and holds(item.criteria))]
        return matched or [item for item in mine if item.active]


def parse_sshd_config(
    text: str,
    path: str = "/etc/ssh/sshd_config",
    read_included: ReadIncluded = lambda _pattern: (),
    release: Release = DEBIAN_12,
    vendor: str = "debian",
) -> SshdConfig:
    """Read a configuration; `path` labels the places, `vendor` is the distribution whose patches sshd carries."""
    reader = _Reader(read_included, release, vendor)
    reader.read_file(text, path, _Scope(active=True))
    reader.check_whole()
    return SshdConfig(
        tuple(reader.directives),
        tuple(reader.problems),
        tuple(reader.remarks),
        tuple(reader.doubts),
        tuple(reader.files),
    )


class _Scope(msgspec.Struct, frozen=True):
    """Where a line stands: how deep in included files, and in which kind of block."""

    active: bool
    matched: bool = False
    depth: int = 0
    criteria: Pairs = ()


class _Reader(msgspec.Struct):
    read_included: ReadIncluded
    release: Release
    vendor: str
    directives: list[Directive] = msgspec.field(default_factory=list)
    problems: list[Problem] = msgspec.field(default_factory=list)
    remarks: list[Problem] = msgspec.field(default_factory=list)
    doubts: list[Problem] = msgspec.field(default_factory=list)
    files: list[str] = msgspec.field(default_factory=list)
    stopped: bool = False

    def read_file(self, text: str, path: str, outer: _Scope) -> None:
        """Read one file, which stands in `outer`. A Match block ends with the file that it began in."""
        self.files.append(path)
        scope = outer
        for number, written in enumerate(text.split("\n"), start=1):
            if self.stopped or len(self.problems) >= _MAX_PROBLEMS:
                return
            place = Place(path, number)
            line = split_line(written, old=self.release < COMMENTS_SINCE)
            if "\0" in written:
                # sshd loses the rest of the line with its end, and reads the next line as its continuation
                self._problem(place, "text wanted, a NUL byte found")
                continue
            keyword = self._valid(line, place, active=scope.active) if line else None
            if line is None or keyword is None:
                continue
            if keyword.name == "Match":
                criteria = self._match(line, place)
                everybody = criteria.everything and outer.active
                scope = replace(outer, active=everybody, matched=everybody, criteria=_both(outer, criteria))
            elif keyword.name == "Include":
                self._include(line.arguments or (), place, scope)
            elif keyword.life_in(self.release) is Life.CURRENT:
                arguments = line.arguments or ()
                self.directives.append(
                    Directive(place, keyword.name, arguments, scope.active, scope.matched, line.rest, scope.criteria)
                )

    def _problem(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _valid(self, line: Line, place: Place, *, active: bool) -> Keyword | None:
        """Return the keyword of a line in which nothing is wrong."""
        if not line.rest:
            self._problem(place, f"an argument of {line.keyword} wanted, none found")
            return None
        if line.arguments is None:
            self._problem(place, f"closed quotes wanted, {line.rest!r} found")
            return None
        keyword = KEYWORDS.get(line.keyword.lower())
        known = keyword.known(self.release, self.vendor) if keyword else False
        if keyword is None or known is False:
            self._problem(place, f"a keyword of sshd {_dotted(self.release)} wanted, {line.keyword!r} found")
            return None
        if known is None:
            packages = " or ".join(keyword.patched)
            self.doubts.append(Problem(place, f"only some packages of {packages} know {line.keyword}"))
        if not active and not self._allowed_in_match(keyword):
            self._problem(place, f"a keyword that may stand in a Match block wanted, {line.keyword!r} found")
            return None
        life = keyword.life_in(self.release)
        if life in {Life.DEPRECATED, Life.UNSUPPORTED}:
            self.remarks.append(Problem(place, f"{line.keyword} is {life.value} and has no effect"))
        check = keyword.check if life is Life.CURRENT else anything
        homes = [word for word in line.arguments if keyword.name in _PATHS and _HOME_OF.match(word)]
        self.doubts += [Problem(place, f"whether the user of {word} exists cannot be told") for word in homes]
        flaw = _program_flaw(keyword, line.rest) or check(line.arguments, self.release)
        if flaw:
            self._problem(place, f"{line.keyword}: {flaw}")
            return None
        return keyword

    def _allowed_in_match(self, keyword: Keyword) -> bool:
        if keyword.name == "Subsystem":
            return self.release >= (9, 5)
        return keyword.in_match and self.release >= keyword.match_since

    def _include(self, patterns: tuple[str, ...], place: Place, scope: _Scope) -> None:
        if not patterns:
            self._problem(place, "Include: a file wanted, none found")
        for pattern in patterns:
            absolute = pattern if pattern.startswith(("/", "~")) else f"/etc/ssh/{pattern}"
            # sshd reads ~ as the letter it is: it expands no home directories here
            for path, text in self.read_included(absolute):
                if self.stopped:
                    return
                if scope.depth >= _MAX_DEPTH or len(self.files) >= _MAX_FILES:
                    self.stopped = True
                    limit = f"{_MAX_DEPTH} levels" if scope.depth >= _MAX_DEPTH else f"{_MAX_FILES} files"
                    self._problem(place, f"at most {limit} of included files wanted, more found")
                    return
                if text is None:
                    self._problem(place, f"Include: a file wanted, {path} leads nowhere")
                    continue
                self.read_file(text, path, replace(scope, depth=scope.depth + 1))

    def _match(self, line: Line, place: Place) -> Criteria:
        criteria = read_criteria(line.rest, self.release)
        if criteria.flaw:
            self._problem(place, f"Match: {criteria.flaw}")
        if criteria.doubt:
            self.doubts.append(Problem(place, f"Match: {criteria.doubt}"))
        return criteria

    # -- what only the whole file tells ----------------------------------------------------------------------------

    def check_whole(self) -> None:
        """Check what several lines say together."""
        active = [item for item in self.directives if item.active]
        self._programs_have_users(active)
        self._any_method_stands_alone()
        self._methods_can_be_met(active)
        self._subsystems_differ(active)
        self._addresses_fit(active)

    def _programs_have_users(self, active: list[Directive]) -> None:
        if self.release < (6, 2):  # Red Hat's patch of 5.3 runs them as who logs in
            return
        for name in ("AuthorizedKeysCommand", "AuthorizedPrincipalsCommand"):
            program = _first(active, name)
            if program and program.rest.strip().lower() != "none" and not _first(active, f"{name}User"):
                self._problem(program.place, f"{name}User wanted beside {name}, none found")

    def _any_method_stands_alone(self) -> None:
        """No line may say any, be it in a block for others, behind one that counts for everybody."""
        decided = False
        for item in self.directives:
            if item.keyword == "AuthenticationMethods":
                if decided and item.arguments == ("any",):
                    self._problem(item.place, "any alone wanted, methods found in a line before")
                decided = decided or item.active

    def _methods_can_be_met(self, active: list[Directive]) -> None:
        methods = _first(active, "AuthenticationMethods")
        if methods is None or methods.arguments == ("any",):
            return
        enabled = {
            "none": True,
            "publickey": _is_on(active, "PubkeyAuthentication", default=True),
            "password": _is_on(active, "PasswordAuthentication", default=True),
            "keyboard-interactive": _is_on(active, "KbdInteractiveAuthentication", default=True),
            "hostbased": _is_on(active, "HostbasedAuthentication", default=False),
            "gssapi-with-mic": _is_on(active, "GSSAPIAuthentication", default=False),
            "gssapi-keyex": _is_on(active, "GSSAPIAuthentication", default=False),
        }
        lists = [[method.partition(":")[0] for method in text.split(",")] for text in methods.arguments]
        if not any(all(enabled[method] for method in wanted) for wanted in lists):
            found = " ".join(methods.arguments)
            self._problem(methods.place, f"a list of methods that are all enabled wanted, {found!r} found")

    def _subsystems_differ(self, active: list[Directive]) -> None:
        seen: set[str] = set()
        for item in active:
            if item.keyword == "Subsystem":
                if item.arguments[0] in seen:
                    self._problem(item.place, f"one subsystem {item.arguments[0]!r} wanted, a second one found")
                seen.add(item.arguments[0])

    def _addresses_fit(self, active: list[Directive]) -> None:
        family = _first(active, "AddressFamily")
        wanted = {"inet": 4, "inet6": 6}.get(family.arguments[0].lower()) if family else None
        for item in active:
            if item.keyword != "ListenAddress":
                continue
            host = listen_parts(item.arguments[0])[0] or ""
            base, zone, _ = host.partition("%")
            numeric = address(base)
            if numeric is None:
                self._unresolved(item, host, wanted)
            elif zone:
                self.doubts.append(Problem(item.place, f"whether the interface of {host} is there cannot be told"))
            if numeric is not None and wanted and numeric.version != wanted:
                self._problem(item.place, f"an address of the family {item.arguments[0]} is not in wanted")

    def _unresolved(self, item: Directive, host: str, wanted: int | None) -> None:
        looks_numeric = ":" in host or all(char in "0123456789." for char in host)
        if looks_numeric:
            self._problem(item.place, f"an address wanted, {host!r} found")
        elif host != "*" and not (host == "localhost" and wanted != 6):  # which need not have an address of IPv6
            self.doubts.append(Problem(item.place, f"whether the name {host} resolves cannot be told"))


def _dotted(release: Release) -> str:
    return f"{release[0]}.{release[1]}"


def _first(active: list[Directive], keyword: str) -> Directive | None:
    return next((item for item in active if item.keyword == keyword), None)


def _is_on(active: list[Directive], keyword: str, *, default: bool) -> bool:
    found = _first(active, keyword)
    return default if found is None else found.arguments[0].lower() == "yes"


def _both(outer: _Scope, criteria: Criteria) -> Pairs:
    """The criteria of a block that may stand in a file which a block includes; those of `all` add nothing."""
    if not outer.criteria or outer.active:
        return criteria.pairs
    return outer.criteria if criteria.everything else outer.criteria + criteria.pairs


def _program_flaw(keyword: Keyword, rest: str) -> str | None:
    """The programs are taken with all that follows them, quotes included."""
    if keyword.name not in {"AuthorizedKeysCommand", "AuthorizedPrincipalsCommand"}:
        return None
    program = rest.lstrip(" \t\r\n")
    if program.startswith("/") or program.lower() == "none":
        return None
    return f"an absolute path or none wanted, {program!r} found"
