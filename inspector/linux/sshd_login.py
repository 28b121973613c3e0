"""What keeps one user from logging in over SSH: sshd_config with its Match blocks, TCP wrappers, and missing keys.

A Match block counts where it holds for every connection of the user: by user, by group, by the standard port, or by
an address that is all addresses. Blocks for some clients alone are left aside: they do not keep everybody out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.sshd import Sshd
from inspector.guest import Guest, NotFound
from inspector.verdict import Evidence
from parsers.linux.hosts_access import AccessRule, parse_hosts_access
from parsers.linux.sshd import Directive, SshdConfig
from parsers.linux.sshd.address import port
from parsers.linux.sshd.match import Pairs
from parsers.linux.sshd.pattern import list_matches, pattern_matches
from parsers.place import Place

_EVERYWHERE: Final = frozenset({"*", "0.0.0.0/0", "::/0"})
_PLACES: Final = frozenset({"address", "host", "localaddress"})
_STANDARD_PORT: Final = 22
_KEYS_ALONE: Final = frozenset({"prohibit-password", "without-password"})
_NEVER_AS_ROOT: Final = frozenset({"no", "forced-commands-only"})
_ROOT_NEEDS_KEYS: Final = (7, 0)
_WRAPPERS: Final = ("/etc/hosts.allow", "/etc/hosts.deny")


class Login:
    """The attempts of one user to log in."""

    def __init__(self, facts: Facts, sshd: Sshd, config: SshdConfig, user: str) -> None:
        self._facts = facts
        self._sshd = sshd
        self._config = config
        self._user = user

    @cached_property
    def _groups(self) -> set[str]:
        accounts = self._facts[Accounts]
        account = accounts.user(self._user)
        if account is None or accounts.group is None:
            raise UnknownFact(f"the groups of {self._user} are not known", Place("/etc/group"))
        groups = accounts.group.groups
        return {group.name for group in groups if group.gid == account.gid or self._user in group.members}

    def refusals(self) -> list[Evidence]:
        """Return what keeps the user out; nothing where the user can log in."""
        return [
            *self._root(),
            *self._lists("Users", lambda: {self._user}),
            *self._lists("Groups", lambda: self._groups),
            *self._methods(),
            *self._sessions(),
            *self._wrappers(),
        ]

    def ways(self) -> list[Evidence]:
        """Return what lets the user in where nothing refuses it; a password is no way where root needs a key."""
        counts = {"PubkeyAuthentication": self.switch("PubkeyAuthentication", "yes")}
        if self._user == "root":
            counts = {"PermitRootLogin": self._permission} | counts
        if self._password() is None:
            counts["PasswordAuthentication"] = self.switch("PasswordAuthentication", "yes")
        return [Evidence(item.place, f"{name} {item.seen}") for name, item in counts.items()]

    # -- what counts -----------------------------------------------------------------------------------------------

    def every(self, keyword: str) -> list[Directive]:
        """Return the lines that count: those of blocks that hold for the user before those outside of any."""
        return self._config.every(keyword, self._holds)

    def switch(self, keyword: str, default: str) -> Evidence:
        """Return the value that counts, in lower case, and where it is set."""
        item = next(iter(self.every(keyword)), None)
        if item is None or not item.arguments:
            return Evidence(Place(self._sshd.config_path), default)
        return Evidence(item.place, item.arguments[0].lower())

    def _holds(self, criteria: Pairs) -> bool:
        return bool(criteria) and all(self._criterion(name, value) for name, value in criteria)

    def _criterion(self, name: str, value: str) -> bool:
        if name == "all":
            return True
        if name == "user":
            return list_matches({self._user}, value)
        if name == "group":
            return list_matches(self._groups, value)
        if name in _PLACES:
            return not _EVERYWHERE.isdisjoint(value.split(","))
        return name == "localport" and port(value) == _STANDARD_PORT

    # -- refusals --------------------------------------------------------------------------------------------------

    @property
    def _permission(self) -> Evidence:
        """What is said of root's logins; before OpenSSH 7.0 they were permitted by default."""
        release = self._sshd.release
        return self.switch("PermitRootLogin", "yes" if release and release < _ROOT_NEEDS_KEYS else "prohibit-password")

    def _root(self) -> Iterator[Evidence]:
        permitted = self._permission
        if self._user == "root" and permitted.seen in _NEVER_AS_ROOT:
            yield Evidence(permitted.place, f"PermitRootLogin {permitted.seen}")

    def _lists(self, kind: str, names: Callable[[], set[str]]) -> Iterator[Evidence]:
        """Denials and permissions; a pattern for some hosts is taken to match no instance's client."""
        denials, permissions = self.every(f"Deny{kind}"), self.every(f"Allow{kind}")
        if denials or permissions:
            wanted = names()
            yield from (_shown(item) for item in denials if _selects(item, wanted))
            if permissions and not any(_selects(item, wanted) for item in permissions):
                yield from map(_shown, permissions)

    def _methods(self) -> list[Evidence]:
        """Neither a key nor a password: or a password is refused, and nothing puts a key in its place."""
        password = self._password()
        if password is None:
            return []
        keys = self._keys()
        return [*keys, password] if keys else []

    def _password(self) -> Evidence | None:
        """What refuses passwords, or None where one is taken."""
        permitted = self._permission
        if self._user == "root" and permitted.seen in _KEYS_ALONE:
            return Evidence(permitted.place, f"PermitRootLogin {permitted.seen} refuses passwords")
        password = self.switch("PasswordAuthentication", "yes")
        dialogue = self.switch("KbdInteractiveAuthentication", "yes")
        if password.seen == "yes" or (dialogue.seen == "yes" and self.switch("UsePAM", "no").seen == "yes"):
            return None
        return Evidence(password.place, f"PasswordAuthentication {password.seen}")

    def _keys(self) -> list[Evidence]:
        """What keeps keys from being taken; nothing where one is, or where cloud-init brings one."""
        keys = self.switch("PubkeyAuthentication", "yes")
        if keys.seen != "yes":
            return [Evidence(keys.place, f"PubkeyAuthentication {keys.seen}")]
        files = self.switch("AuthorizedKeysFile", ".ssh/authorized_keys")
        if files.seen == "none" and self.switch("AuthorizedKeysCommand", "none").seen == "none":
            return [Evidence(files.place, "AuthorizedKeysFile none")]
        if self._facts[CloudInit].runs or self._has_key():
            return []
        return [Evidence(files.place, "no authorized key, and cloud-init does not run to add one")]

    def _has_key(self) -> bool:
        account = self._facts[Accounts].user(self._user)
        if account is None or not account.home.startswith("/"):
            return False
        guest = self._facts[Guest]
        try:
            lines = guest.read_text(f"{account.home.rstrip('/')}/.ssh/authorized_keys").split("\n")
        except NotFound:
            return False
        return any(line.strip() and not line.lstrip().startswith("#") for line in lines)

    def _sessions(self) -> Iterator[Evidence]:
        """Settings that let the user in, but to no shell."""
        command = next(iter(self.every("ForceCommand")), None)
        if command is not None and command.rest.strip().lower() != "none":
            yield Evidence(command.place, f"ForceCommand {command.rest.strip()[:80]}")
        sessions = self.switch("MaxSessions", "10")
        if sessions.seen == "0":
            yield Evidence(sessions.place, "MaxSessions 0")
        root = next(iter(self.every("ChrootDirectory")), None)
        path = root.arguments[0] if root and root.arguments else "none"
        if root and path.lower() != "none" and "%" not in path and not self._facts[Guest].is_dir(path):
            yield Evidence(root.place, f"ChrootDirectory {path}, which does not exist")

    def _wrappers(self) -> Iterator[Evidence]:
        guest = self._facts[Guest]
        if not self._sshd.wrapped:
            return
        allow, deny = ([rule for rule in _rules(guest, path) if rule.concerns("sshd")] for path in _WRAPPERS)
        for rule in allow:
            if not any(option.lower() == "deny" for option in rule.options):
                return  # some clients are let in on purpose
            if rule.everybody:
                deny = [rule]
                break
        for rule in deny:
            if rule.everybody and not any(option.lower() == "allow" for option in rule.options):
                yield Evidence(rule.place, f"{' '.join(rule.daemons)}: {' '.join(rule.clients)}")
                return


def _rules(guest: Guest, path: str) -> tuple[AccessRule, ...]:
    try:
        return parse_hosts_access(guest.read_text(path), path).rules
    except NotFound:
        return ()


def _selects(item: Directive, names: set[str]) -> bool:
    patterns = [pattern.removesuffix("@*") for pattern in item.arguments]
    return any(pattern_matches(name, pattern) for pattern in patterns for name in names)


def _shown(item: Directive) -> Evidence:
    return Evidence(item.place, f"{item.keyword} {' '.join(item.arguments)}")
