"""One logical line of sudoers, read as the grammar of sudoers(5) has it."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Callable
from typing import Final

from parsers.linux.sudoers import words
from parsers.linux.sudoers.expression import expression_flaw
from parsers.linux.sudoers.scanner import FlawError, Scanner
from parsers.linux.sudoers.settings import DIRECTORIES, option_flaw, setting_flaw

Release = tuple[int, int, int]

_RESERVED: Final = frozenset({"ALL", "CHROOT", "CWD", "NOTAFTER", "NOTBEFORE", "ROLE", "TIMEOUT", "TYPE"})
SINCE: Final[dict[str, Release]] = {
    "Cmd_Alias": (1, 9, 0), "@include": (1, 9, 1), "TIMEOUT": (1, 8, 20), "NOTBEFORE": (1, 8, 20),
    "NOTAFTER": (1, 8, 20), "CWD": (1, 9, 3), "CHROOT": (1, 9, 3), "APPARMOR_PROFILE": (1, 9, 15),
    "FOLLOW": (1, 8, 15), "MAIL": (1, 8, 13), "INTERCEPT": (1, 9, 8), "digest": (1, 8, 7), "^": (1, 9, 10),
    "list": (1, 9, 13),
}  # fmt: skip
"""Words -> the release of sudo that brought them."""


class Entry:
    """A logical line: what it defines and uses (kinds and names of aliases), and whom it lets run something."""

    def __init__(self, text: str, release: Release) -> None:
        self.scanner = Scanner(text)
        self.release = release
        self.defined: list[tuple[str, str, tuple[str, ...]]] = []
        self.used: list[tuple[str, str]] = []
        self.remarks: list[str] = []
        self.users: list[str] = []
        self.plain_until = 0

    def read(self, *, closed: bool) -> None:
        """Read the line, which is `closed` unless the file ends in it; raise `FlawError` at the first mistake."""
        scanner = self.scanner
        if not scanner.at_end():
            self._read_entry()
        if not scanner.at_end():
            raise scanner.flaw(f"the end of the line wanted, {scanner.rest()} found")
        if not closed and scanner.position >= len(scanner.text):
            raise scanner.flaw("a line behind the backslash wanted, none found")

    def _read_entry(self) -> None:
        scanner = self.scanner
        if scanner.take(words.DEFAULTS):
            if "\n" in scanner.text[: scanner.position]:
                raise scanner.flaw("Defaults wanted at the beginning of a line, a line break before it found")
            self._defaults()
        elif match := scanner.take(words.ALIAS):
            self._since(f"{match[1]}_Alias")
            self._aliases("Cmnd" if match[1] == "Cmd" else match[1])
        elif match := scanner.take(words.KEYWORD):
            raise scanner.flaw(f"a blank wanted after {match[0]}, {scanner.rest()} found")
        else:
            self.users = self._members(lambda: self._user("User"))
            self._specifications()

    def _since(self, word: str) -> None:
        since = SINCE.get(word)
        if since and self.release < since:
            raise self.scanner.flaw(f"what sudo {'.'.join(map(str, self.release))} knows wanted, {word} found")

    # -- lists -----------------------------------------------------------------------------------------------------

    def _members(self, member: Callable[[], str]) -> list[str]:
        """Read a list whose items may be negated."""
        found: list[str] = []
        while not found or self.scanner.sign(","):
            self.scanner.take(words.NOT)
            found.append(member())
        return found

    def _alias(self, kind: str) -> str | None:
        """Read ALL, or the name of an alias."""
        if tag := self.scanner.take(words.TAG):
            raise self.scanner.flaw(f"a name wanted, the tag {tag[0]} found")
        if self.scanner.take(words.ALL):
            return "ALL"
        if match := self.scanner.take(words.NAME):
            if match[0] in _RESERVED:
                raise self.scanner.flaw(f"a name that is not reserved wanted, {match[0]} found")
            self.used.append((kind, match[0]))
            return match[0]
        return None

    def _user(self, kind: str) -> str:
        scanner = self.scanner
        if name := self._alias(kind):
            return name
        if address := scanner.take(words.IPV6):
            raise scanner.flaw(f"a user or a group wanted, the address {address[0]} found")
        if match := scanner.take(words.USER_ID) or scanner.take(words.GROUP_ID):
            return match[0]
        begin = scanner.position
        if scanner.take(words.EMPTY):
            raise FlawError(begin, "a user or a group wanted, an empty name found")
        if match := scanner.take(words.STRING):
            return match[1]
        if match := scanner.take(words.MANY):
            return match[0]
        name = self._word("a user or a group")[0]
        if words.ADDRESS.fullmatch(name):
            raise scanner.flaw(f"a user or a group wanted, the address {name} found")
        return name

    def _host(self) -> str:
        scanner = self.scanner
        if match := scanner.take(words.IPV6):
            address, _, mask = match[0].partition("/")
            if not (_is_ipv6(address) and (_is_ipv6(mask) or words.PREFIX.fullmatch(mask))):
                raise scanner.flaw(f"an address wanted, {match[0]} found")
            return match[0]
        if name := self._alias("Host"):
            return name
        return (scanner.take(words.HOST_STRING) or scanner.take(words.NETGROUP) or self._word("a host"))[0]

    def _group(self) -> str:
        scanner = self.scanner
        scanner.blanks()
        begin = scanner.position
        name = self._user("Runas")
        if name.startswith(("%", "+")):
            raise FlawError(begin, f"the name of one group wanted, {name!r} found")
        return name

    def _word(self, what: str) -> re.Match[str]:
        """Read a word, which an expression is not, wherever it stands."""
        match = None if self._expression() else self.scanner.take(words.WORD)
        if match is None or words.OTHER_WORD.fullmatch(match[0]):
            raise self.scanner.flaw(f"{what} wanted, {match[0] if match else self.scanner.rest()} found")
        return match

    def _expression(self) -> int:
        """Return where an expression ends that begins here; 0 where there is none, or a word that is longer."""
        self.scanner.blanks()
        text, begin = self.scanner.text, self.scanner.position
        if not text.startswith("^", begin) or self.release < SINCE["^"] or begin < self.plain_until:
            return 0
        body = words.EXPRESSION.match(text, begin)
        stop = body.end() if body else begin
        end = stop + 1 if text.startswith("$", stop) else text.rfind("$", begin, stop) + 1
        if not end:
            self.plain_until = stop  # so that a line of many such words is not searched to its end for each
        word = words.WORD.match(text, begin)
        return 0 if word and word.end() > end else end

    def _command(self) -> str:
        """Read a command with its arguments, behind the digests that it must have."""
        scanner = self.scanner
        more = False
        while match := scanner.take(words.DIGEST):
            self._since("digest")
            if not words.DIGESTS[match[1]].fullmatch(match[2]):
                raise scanner.flaw(f"a digest of sha{match[1]} wanted, {match[2]!r} found")
            more = scanner.sign(",")
        if more:
            raise scanner.flaw(f"another digest wanted, {scanner.rest()} found")
        scanner.take(words.NOT)
        if name := self._alias("Cmnd"):
            return name
        return self._program()

    def _program(self) -> str:
        scanner = self.scanner
        scanner.blanks()
        begin = scanner.position
        if end := self._expression():
            if flaw := expression_flaw(scanner.text[begin:end]):
                raise scanner.flaw(flaw)
            scanner.position = end
            self._arguments()
        elif match := scanner.take(words.BUILT_IN):
            self._since(match[0])
            if match[0] != "list":
                self._arguments()
        else:
            path = scanner.want(words.COMMAND, "a command with its whole path")[0]
            if posixpath.basename(path) == "sudoedit":
                raise FlawError(begin, f"sudoedit without a path wanted, {path} found")
            if not path.endswith("/"):
                self._arguments()
        return scanner.text[begin : scanner.position].strip()

    def _arguments(self) -> None:
        """Read arguments, which a directory and `list` cannot have."""
        scanner = self.scanner
        scanner.blanks()
        if scanner.text.startswith("^", scanner.position) and self.release >= SINCE["^"]:
            scanner.want(words.ARGUMENT_EXPRESSION, "an expression that ends with $")
        else:
            scanner.take(words.ARGUMENTS)

    # -- kinds of lines --------------------------------------------------------------------------------------------

    def _aliases(self, kind: str) -> None:
        scanner = self.scanner
        member = {"User": lambda: self._user("User"), "Runas": lambda: self._user("Runas"), "Host": self._host}
        while True:
            name = scanner.want(words.NAME_ALONE, "the name of an alias in capital letters")[0]
            if name in _RESERVED:
                raise scanner.flaw(f"a name that is not reserved wanted, {name} found")
            if not scanner.sign("="):
                raise scanner.flaw(f"= wanted, {scanner.rest()} found")
            self.defined.append((kind, name, tuple(self._members(member.get(kind, self._command)))))
            if not scanner.sign(":"):
                return

    def _defaults(self) -> None:
        scanner = self.scanner
        if words.BROKEN_SCOPE.match(scanner.text, scanner.position):
            raise scanner.flaw("a word wanted, a line break or a blank found")
        scope = scanner.text[scanner.position : scanner.position + 1]
        scopes: dict[str, Callable[[], str]] = {
            ":": lambda: self._user("User"), "@": self._host, ">": lambda: self._user("Runas"),
            "!": self._bare_command,
        }  # fmt: skip
        if scope in scopes:
            scanner.position += 1
            self._members(scopes[scope])
            if not scanner.parted():
                raise scanner.flaw(f"a blank wanted before a setting, {scanner.rest()} found")
        while True:
            self._setting()
            if not scanner.sign(","):
                return

    def _bare_command(self) -> str:
        """A command of `Defaults!`, which has no arguments."""
        return self._alias("Cmnd") or self.scanner.want(words.COMMAND, "a command with its whole path")[0]

    def _setting(self) -> None:
        scanner = self.scanner
        negated = scanner.take(words.NOT)
        off = negated is not None and len(negated[0]) % 2 == 1
        name = scanner.want(words.SETTING, "a setting")[0]
        operator = None if negated else scanner.take(words.OPERATOR)
        value = None
        if operator is not None:
            if match := scanner.take(words.STRING):
                value = match[1]
            else:
                value = re.sub(r"\\(.)", r"\1", scanner.want(words.VALUE, f"a value of {name}")[0])
        sign = operator[0] if operator else "!" if off else ""
        if flaw := setting_flaw(name, sign, value):
            self.remarks.append(flaw)

    def _specifications(self) -> None:
        scanner = self.scanner
        while True:
            self._members(self._host)
            if not scanner.sign("="):
                raise scanner.flaw(f"= wanted, {scanner.rest()} found")
            self._commands()
            scanner.blanks()
            if address := words.IPV6.match(scanner.text, scanner.position):
                raise scanner.flaw(f"a blank wanted after :, {address[0]} found")
            if not scanner.sign(":"):
                return

    def _commands(self) -> None:
        while True:
            if self.scanner.sign("("):
                self._run_as()
            self._options()
            while match := self.scanner.take(words.TAG):
                self._since(match[1])
            self._command()
            if not self.scanner.sign(","):
                return

    def _run_as(self) -> None:
        scanner = self.scanner
        if scanner.sign(")"):
            return
        users = not scanner.sign(":")
        if users:
            self._members(lambda: self._user("Runas"))
        if (users and scanner.sign(":")) or (not users and not scanner.sign(")")):
            self._members(self._group)
        elif not users:
            return
        if not scanner.sign(")"):
            raise scanner.flaw(f") wanted, {scanner.rest()} found")

    def _options(self) -> None:
        scanner = self.scanner
        while match := scanner.take(words.OPTION):
            self._since(match[1])
            value = self._option_value(match[1])
            if flaw := option_flaw(match[1], value):
                raise scanner.flaw(flaw)

    def _option_value(self, name: str) -> str:
        if match := self.scanner.take(words.VALUE_STRING):
            return match[1]
        if name in DIRECTORIES:
            return self.scanner.want(words.DIRECTORY, f"a path with / or ~, or *, for {name}")[0]
        if self._alias("Cmnd"):
            raise self.scanner.flaw(f"a value of {name} in small letters wanted, none found")
        return self._word(f"a value of {name}")[0]


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
