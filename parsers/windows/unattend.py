"""Answer files of Windows Setup (unattend.xml): their settings by pass and component, and where secrets stand in them.

Specification: Microsoft, "Unattended Windows Setup Reference" and "Answer files (unattend.xml)". The value of a secret
is never kept: passwords, product keys, keys of wireless networks, and command lines that look as if they held one. A
password whose PlainText is false is merely encoded (base64), which hides it from nobody. A document type is refused,
and with it every entity of its own: an answer file needs none. Lists keep their order; `wcm:action` and the source of
images are not read.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from xml.parsers import expat

import msgspec

from parsers.place import Place, Problem

MAX_SIZE: Final = 4 << 20
MAX_DEPTH: Final = 64
MAX_SETTINGS: Final = 20000
ROOT: Final = "unattend"
DELETED: Final = "*SENSITIVE*DATA*DELETED*"
"""What Setup writes over a password in the copy that it keeps."""

_SECRET: Final = re.compile(r"(?i)(?:^|/)[^/]*(?:password|productkey|keymaterial|pskpassphrase|privatekey)[^/]*(?:/|$)")
_NO_SECRET: Final = re.compile(
    r"(?i)/(?:plaintext|willshowui|[^/]*(?:expires?|age|length|complexity|policy)|disablepasswordchange)$"
)
_COMMAND: Final = re.compile(r"(?i)(?:^|/)(?:path|commandline|command)$")
_TELLING: Final = re.compile(
    r"(?i)\bnet1?(?:\.exe)?\s+user\s+\S+\s+[^/\s]|passw|\bpwd\b|secret|token|api_?key|/(?:rp|p|pass):|"
    r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"
)


class SecretState(StrEnum):
    """How well a secret is kept."""

    PLAIN = "in clear text"
    ENCODED = "encoded, not encrypted"
    DELETED = "deleted by Setup"
    EMPTY = "empty"


class UnattendSetting(msgspec.Struct, frozen=True):
    """A setting.

    Attributes:
        place: its line.
        phase: the configuration pass, such as "oobeSystem".
        component: the name of its component, such as "Microsoft-Windows-Shell-Setup".
        architecture: what the component is for, such as "amd64".
        name: its elements below the component, with slashes between: "AutoLogon/Enabled".
        value: its text without white space around; None for a secret.
    """

    place: Place
    phase: str
    component: str
    architecture: str
    name: str
    value: str | None


class UnattendSecret(msgspec.Struct, frozen=True):
    """A secret: its line, its full name (`phase/component/...`), and how it is kept; never what it is."""

    place: Place
    name: str
    state: SecretState


class Unattend(msgspec.Struct, frozen=True):
    """An answer file: what it sets, which secrets it holds, and what could not be read."""

    settings: tuple[UnattendSetting, ...] = ()
    secrets: tuple[UnattendSecret, ...] = ()
    problems: tuple[Problem, ...] = ()

    def find(self, component: str, name: str, phase: str | None = None) -> tuple[UnattendSetting, ...]:
        """Return the settings `name` of a component, in any case, of one pass or of all, in the order of the file."""
        wanted = (component.lower(), name.lower())
        return tuple(
            setting
            for setting in self.settings
            if (setting.component.lower(), setting.name.lower()) == wanted
            and (phase is None or setting.phase.lower() == phase.lower())
        )


def parse_unattend(data: bytes, path: str = "unattend.xml") -> Unattend:
    """Read an answer file; what stands before a flaw of the XML is kept, and the flaw is a problem."""
    reader = _Reader(path)
    if len(data) > MAX_SIZE:
        return Unattend(problems=(Problem(Place(path), f"at most {MAX_SIZE} bytes wanted, {len(data)} found"),))
    reader.read(data)
    return Unattend(tuple(reader.settings), tuple(reader.secrets), tuple(reader.problems))


class _Element:
    """An open element: its name, where it began, its text so far, whether it has others in it.

    `secret` is the number of the last secret in it, `plain` what its PlainText says.
    """

    __slots__ = ("has_children", "line", "name", "plain", "secret", "text")

    def __init__(self, name: str, line: int) -> None:
        self.name, self.line = name, line
        self.text: list[str] = []
        self.has_children = False
        self.secret: int | None = None
        self.plain = True


class _RefusedError(Exception):
    """Ends the reading; what was wrong is among the problems."""


class _Reader:
    """Takes the elements as they come; nothing is kept but the open ones and what the file sets."""

    def __init__(self, path: str) -> None:
        self.settings: list[UnattendSetting] = []
        self.secrets: list[UnattendSecret] = []
        self.problems: list[Problem] = []
        self._path = path
        self._open: list[_Element] = []
        self._phase = self._component = self._architecture = ""
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> None:
        try:
            self._parser.Parse(data, True)  # noqa: FBT003  the last piece, as expat calls it
        except expat.ExpatError as error:
            message = f"well-formed XML wanted: {expat.ErrorString(error.code)}"
            self.problems.append(Problem(Place(self._path, line=error.lineno), message))
        except (_RefusedError, LookupError, ValueError) as error:
            # an encoding that Python does not know, or that is none for text, is told so by expat's own call
            if not isinstance(error, _RefusedError):
                self._problem("a known encoding wanted, another one found")

    def _problem(self, message: str) -> None:
        self.problems.append(Problem(Place(self._path, line=self._parser.CurrentLineNumber), message))

    def _refuse(self, message: str) -> _RefusedError:
        self._problem(message)
        return _RefusedError(message)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        del name, system, public, internal
        raise self._refuse("an answer file without a document type wanted, one found")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        if len(self._open) >= MAX_DEPTH:
            raise self._refuse(f"at most {MAX_DEPTH} levels of elements wanted")
        if not self._open and name != ROOT:
            raise self._refuse(f"the element {ROOT} wanted, {name!r} found")
        if self._open:
            self._open[-1].has_children = True
        if len(self._open) == 1:
            self._phase = attributes.get("pass", "") if name == "settings" else ""
        elif len(self._open) == 2:
            self._component = attributes.get("name", "") if name == "component" else ""
            self._architecture = attributes.get("processorArchitecture", "")
        self._open.append(_Element(name, self._parser.CurrentLineNumber))

    def _characters(self, text: str) -> None:
        if len(self._open) > 3 and not self._open[-1].has_children:
            self._open[-1].text.append(text)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if len(self._open) < 3 or element.has_children or not (self._phase and self._component):
            return
        if len(self.settings) >= MAX_SETTINGS:
            raise self._refuse(f"at most {MAX_SETTINGS} settings wanted")
        name = "/".join([*(outer.name for outer in self._open[3:]), element.name])
        value: str | None = "".join(element.text).strip()
        place = Place(self._path, line=element.line)
        parent = self._open[-1]
        if element.name.lower() == "plaintext":
            parent.plain = str(value).lower() != "false"
        elif self._is_secret(name, str(value)):
            parent.secret = len(self.secrets)
            full = f"{self._phase}/{self._component}/{name}"
            self.secrets.append(UnattendSecret(place, full, _state(str(value))))
            value = None
        if parent.secret is not None and not parent.plain:
            self._say_encoded(parent.secret)
        self.settings.append(UnattendSetting(place, self._phase, self._component, self._architecture, name, value))

    @staticmethod
    def _is_secret(name: str, value: str) -> bool:
        if _COMMAND.search(name):
            return bool(_TELLING.search(value))
        return bool(_SECRET.search(name)) and not _NO_SECRET.search(f"/{name}")

    def _say_encoded(self, number: int) -> None:
        secret = self.secrets[number]
        if secret.state is SecretState.PLAIN:
            self.secrets[number] = msgspec.structs.replace(secret, state=SecretState.ENCODED)


def _state(value: str) -> SecretState:
    if not value:
        return SecretState.EMPTY
    return SecretState.DELETED if value == DELETED else SecretState.PLAIN
