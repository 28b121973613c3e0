"""Services of upstart (EL 6, Ubuntu until 14.10): jobs of /etc/init, started by events (init(5) of upstart).

A job starts at boot where its `start on` comes true by what happens at every boot: the events of mountall, udev and
the runlevel, and jobs that start before it. The `.override` file is read after the job; of `start on` and `manual`
the last one counts. Not done: the conditions that a script of the job asks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from inspector.facts import UnknownFact
from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest
from inspector.linux.init_scripts import MULTI_USER
from inspector.linux.programs import find_program, program_flaw
from inspector.verdict import Evidence
from parsers.place import Place

FOLDER: Final = "/etc/init"
_LIMIT: Final = 1 << 18
_MAX_WORDS: Final = 512
_MAX_DEPTH: Final = 32
_MAX_JOBS: Final = 1024
_SCRIPT: Final = re.compile(r"(?:(?:pre|post)-(?:start|stop)\s+)?script\Z")
_WORD: Final = re.compile(r"""[()]|(?:"[^"]*"|'[^']*'|[^\s()"'])+""")
_AT_BOOT: Final = frozenset({
    "startup", "virtual-filesystems", "local-filesystems", "remote-filesystems", "all-swaps", "filesystem", "mounting",
    "mounted", "static-network-up", "net-device-added", "net-device-up", "tty-device-added", "block-device-added",
    "socket", "not-container",
})  # fmt: skip
"""Those of mountall, the udev and socket bridges and ifupdown. A socket's is given on first use."""
_NOT_AT_BOOT: Final = frozenset({
    "control-alt-delete", "power-status-changed", "keyboard-request", "container", "dbus-activation", "failsafe-boot",
    "net-device-removed", "deconfiguring-networking", "unmounted-remote-filesystems", "recovery", "desktop-shutdown",
    "desktop-session-start", "login-session-start", "session-end", "net-device-down",
})  # fmt: skip
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_./+-]+\Z")
"""What is no word of the shell, which runs the command where there are others."""
_OF_JOBS: Final = frozenset({"starting", "started", "stopping", "stopped"})


class _Job(msgspec.Struct, frozen=True):
    """What a job and its override say of its start: the words of `start on`, none for manual ones; and what it runs."""

    path: str
    words: tuple[str, ...] = ()
    place: Place | None = None
    manual: bool = False
    emits: tuple[str, ...] = ()
    command: Evidence | None = None


class Upstart:
    """The jobs of one guest, read as they are asked for."""

    def __init__(self, guest: Guest, runlevel: Evidence | None) -> None:
        self._guest = guest
        self._levels = runlevel.seen if runlevel else MULTI_USER
        self._jobs: dict[str, _Job | None] = {}
        self._starts: dict[str, bool | None] = {}

    def state(self, unit: str) -> UnitState | None:
        """Return the state of a job; None where there is none of that name. Raise `UnknownFact` on a foreign event."""
        name = unit.removesuffix(".service")
        job = self._job(name)
        if job is None:
            return None
        if job.manual and job.place:
            return UnitState(unit, Enablement.DISABLED, job.place, "the job says manual", job.path)
        if job.place is None:
            return UnitState(unit, Enablement.STATIC, Place(job.path), "the job has no event", job.path)
        starts = self._started(name)
        said = " ".join(job.words)[:120]
        if starts is None:
            raise UnknownFact(f"whether this comes true at boot is not known: start on {said}", job.place)
        if starts:
            return UnitState(unit, Enablement.ENABLED, job.place, f"start on {said}", job.path, started=True)
        reason = f"nothing at boot makes this true: start on {said}"
        return UnitState(unit, Enablement.DISABLED, job.place, reason, job.path)

    def flaw(self, state: UnitState) -> Evidence | None:
        """Return why a job that is started cannot run: its program is gone, or may not be executed."""
        job = self._job(state.unit.removesuffix(".service"))
        if job is None or job.command is None:
            return None
        name = job.command.seen
        if not _PROGRAM.match(name):
            return None
        path = find_program(self._guest, name) or name
        flaw = program_flaw(self._guest, path) if path.startswith("/") else Evidence(Place(path), "no such program")
        return flaw and Evidence(job.command.place, f"exec {path}: {flaw.seen}")

    def _job(self, name: str) -> _Job | None:
        if name not in self._jobs:
            path = f"{FOLDER}/{name}.conf"
            self._jobs[name] = self._read(path) if "/" not in name and self._guest.is_file(path) else None
        return self._jobs[name]

    def _read(self, path: str) -> _Job:
        job = _Job(path)
        for file in (path, path.removesuffix(".conf") + ".override"):
            if self._guest.is_file(file):
                for place, stanza in _stanzas(self._guest.read_text(file, limit=_LIMIT), file):
                    job = _with_stanza(job, place, stanza)
        return job

    def _started(self, name: str, depth: int = 0) -> bool | None:
        """Tell whether a job starts at boot; None where an event of unknown origin decides. Circles start nothing."""
        if name not in self._starts:
            self._starts[name] = False
            job = self._job(name)
            if job is not None and job.words:
                if depth > _MAX_DEPTH:
                    return None
                self._starts[name] = _evaluate(job.words, lambda words: self._happens(words, depth + 1))
        return self._starts[name]

    def _happens(self, words: list[str], depth: int) -> bool | None:
        event, *arguments = words
        if event == "runlevel":
            wanted = arguments[0].partition("=")[2] or arguments[0] if arguments else "*"
            return any(fnmatchcase(level, wanted) for level in self._levels)
        if event in _OF_JOBS:
            return self._of_job(arguments, depth)
        if event in _AT_BOOT or event in _NOT_AT_BOOT:
            return event in _AT_BOOT
        emitters = [name for name in self._names() if event in self._emits(name)]
        found = {self._started(name, depth) for name in emitters}
        return True if True in found else None

    def _of_job(self, arguments: list[str], depth: int) -> bool | None:
        if any(word.startswith(("EXIT_", "PROCESS=")) or word == "RESULT=failed" for word in arguments):
            return False
        names = [word.removeprefix("JOB=") for word in arguments if "=" not in word or word.startswith("JOB=")]
        return self._started(names[0], depth) if names else True

    def _emits(self, name: str) -> tuple[str, ...]:
        job = self._job(name)
        return job.emits if job else ()

    def _names(self) -> list[str]:
        paths = self._guest.glob(f"{FOLDER}/*.conf")[:_MAX_JOBS]
        return [path.rpartition("/")[2].removesuffix(".conf") for path in paths]


def _with_stanza(job: _Job, place: Place, words: tuple[str, ...]) -> _Job:
    if words == ("manual",):
        return msgspec.structs.replace(job, words=(), place=place, manual=True)
    if words[:2] == ("start", "on"):
        return msgspec.structs.replace(job, words=words[2:], place=place, manual=False)
    if words[0] == "emits":
        return msgspec.structs.replace(job, emits=job.emits + words[1:])
    if words[0] == "exec" and len(words) > 1:
        return msgspec.structs.replace(job, command=Evidence(place, words[1].strip("\"'")))
    return job


def _stanzas(text: str, path: str) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Give the words of each stanza; one goes on while a parenthesis is open. Scripts are passed over."""
    words: list[str] = []
    first, depth, in_script = 0, 0, False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.partition("#")[0].strip()
        if in_script:
            in_script = line.split() != ["end", "script"]
            continue
        if _SCRIPT.match(line) and not words:
            in_script = True
            continue
        first = first if words else number
        words += _WORD.findall(line.removesuffix("\\"))[:_MAX_WORDS]
        depth = words.count("(") - words.count(")")
        if words and (len(words) > _MAX_WORDS or (depth <= 0 and not line.endswith("\\"))):
            yield Place(path, first), tuple(words)
            words = []
    if words:
        yield Place(path, first), tuple(words)


def _evaluate(words: tuple[str, ...], happens: Callable[[list[str]], bool | None]) -> bool | None:
    """Evaluate events joined by `and` and `or`, of which both bind alike, from left to right, and parentheses.

    None stands for what is not known.
    """
    stack: list[tuple[str, bool | None]] = []
    operator, value, event = "", None, list[str]()
    for word in (*words, ")"):
        if word not in {"(", ")", "and", "or"}:
            event.append(word.strip("\"'"))
            continue
        if event:
            value = _join(operator, value, happens(event))
            event = []
        if word == "(":
            stack.append((operator, value))
            operator, value = "", None
        elif word == ")":
            if stack:
                outer, before = stack.pop()
                operator, value = outer, _join(outer, before, value)
        else:
            operator = word
    return None if stack else value


def _join(operator: str, left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - truth values
    if operator == "and":
        return False if False in (left, right) else (None if None in (left, right) else True)
    if operator == "or":
        return True if True in (left, right) else (None if None in (left, right) else False)
    return right
