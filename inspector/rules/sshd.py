"""Rules about the SSH server: that it starts, that its configuration is valid, and that somebody can log in."""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.services import Services
from inspector.facts.sshd import Sshd, is_loopback
from inspector.guest import Guest
from inspector.linux.programs import program_flaw
from inspector.linux.sshd_login import Login
from inspector.linux.sshd_parts import directory_flaw, missing_part
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.linux.sshd import NEWEST, OLDEST, SshdConfig
from parsers.place import Place

_OTHER_SERVERS: Final = ("dropbear.service", "tinysshd.service", "tinysshd.socket", "dropbear.socket")
_RELEASES: Final = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
_MADE: Final = re.compile(r"/etc/ssh/ssh_host_(?:rsa|dsa|ecdsa|ed25519)_key")
_UNSEEN_OPTIONS: Final = ("-f", "-C")


def _installed(facts: Facts) -> Sshd:
    sshd = facts[Sshd]
    if sshd.program is None:
        raise NotApplicable("sshd is not installed")
    return sshd


def _config(facts: Facts) -> tuple[Sshd, SshdConfig]:
    sshd = _installed(facts)
    if sshd.config is None:
        raise NotApplicable(f"{sshd.config_path} does not exist")
    return sshd, sshd.config


@rule("sshd-enabled", "sshd is installed and started at boot or on the first connection")
def sshd_enabled(facts: Facts) -> Verdict:
    """Why: a Linux instance without an SSH server can be reached over the cloud's console only.

    Fix: install openssh-server and run `systemctl enable ssh` (sshd on other distributions; `chkconfig sshd on` or
    `rc-update add sshd` without systemd).
    Reads: /usr/sbin/sshd, sshd-session, sshd-auth, ssh.service, sshd.service, ssh.socket, sshd.socket,
    /etc/ssh/sshd_not_to_be_run
    References: sshd(8), systemd.socket(5)
    """
    sshd, services = facts[Sshd], facts[Services]
    if sshd.program is None:
        states = [services.state(unit) for unit in _OTHER_SERVERS]
        others = [
            Evidence(state.place, f"{state.unit} is started: {state.reason}") for state in states if state.enabled
        ]
        if others:
            return warning("another SSH server than OpenSSH's is started, which is not looked into", *others)
        return failed("sshd is not installed", Evidence(Place("/usr/sbin/sshd"), "does not exist"))
    flaw = program_flaw(facts[Guest], sshd.program) or missing_part(facts[Guest], sshd)
    if flaw is not None:
        return failed("sshd cannot be run", flaw)
    if sshd.starter is None:
        found = [Evidence(unit.place, f"{unit.unit}: {unit.reason}") for unit in sshd.units if unit.installed]
        return failed("nothing starts sshd", *(found or [Evidence(Place(sshd.program), "no unit starts it")]))
    if sshd.blocker:
        return failed("sshd is kept from starting", Evidence(Place(sshd.blocker), "this file stops the service"))
    unit = sshd.starter
    return ok(f"{unit.unit} starts sshd", Evidence(unit.place, unit.reason))


@rule("sshd-config-valid", "sshd accepts its configuration")
def sshd_config_valid(facts: Facts) -> Verdict:
    """Why: sshd does not start with a configuration in which a single line is wrong.

    Fix: correct or remove the line, then run sshd -t until it says nothing.
    Reads: /etc/ssh/sshd_config and all that it includes, -o on the command line of its unit (EL 8: the crypto policy)
    References: sshd_config(5)
    """
    sshd = _installed(facts)
    config, release = sshd.config, sshd.release
    if config is None:
        return failed("sshd has no configuration", Evidence(Place(sshd.config_path), "does not exist"))
    if release is not None and not OLDEST <= release <= NEWEST:
        return unknown(
            f"the configuration of OpenSSH {_RELEASES} is known, not of this one",
            sshd.release_source,
            *map(Evidence.of, config.problems),
        )
    if config.problems:
        count = len(config.problems)
        return failed(
            f"sshd refuses {'one line' if count == 1 else f'{count} lines'} of its configuration",
            *map(Evidence.of, config.problems),
        )
    if release is None:
        return unknown("which OpenSSH this is cannot be told", sshd.release_source)
    if config.doubts:
        return unknown(
            "whether sshd accepts its configuration shows when the guest runs", *map(Evidence.of, config.doubts)
        )
    if sshd.options_place and any(word.startswith(_UNSEEN_OPTIONS) for word in sshd.options):
        seen = Evidence(sshd.options_place, " ".join(sshd.options))
        return unknown("options on sshd's command line were not looked into", seen)
    files = [Evidence(Place(path), "read, and nothing is wrong in it") for path in dict.fromkeys(config.files)]
    return ok("sshd accepts its configuration", *files)


@rule("sshd-keywords-are-current", "sshd_config uses no keyword that has lost its meaning")
def sshd_keywords_are_current(facts: Facts) -> Verdict:
    """Why: sshd passes over a keyword of the past, so what it was meant to do is not done; a later sshd may refuse it.

    Fix: remove the line, or write what has taken its place.
    Reads: /etc/ssh/sshd_config and all that it includes
    References: sshd_config(5)
    """
    sshd, config = _config(facts)
    if config.remarks:
        return warning("keywords without effect are set", *map(Evidence.of, config.remarks))
    return ok("every keyword has its effect", Evidence(Place(sshd.config_path), f"lines: {len(config.directives)}"))


@rule("sshd-port-standard", "sshd listens on the port that the cloud expects")
def sshd_port_standard(facts: Facts, *, port: int) -> Verdict:
    """Why: the cloud's security groups and its web terminal expect SSH on its standard port.

    Fix: remove the Port line from sshd_config (and ListenStream from ssh.socket), or open that port in the cloud.
    Reads: Port and ListenAddress of sshd_config, ListenStream of ssh.socket, -p in /etc/default/ssh
    References: sshd_config(5), Port
    """
    sshd, _ = _config(facts)
    listeners = sshd.listeners()
    if not listeners:
        return warning("sshd listens on no port", *(sshd.sockets or (Evidence(Place(sshd.config_path), "no port"),)))
    seen = [Evidence(item.place, f"{item.host or 'all addresses'}, port {item.port}") for item in listeners]
    if any(item.port == port for item in listeners):
        return ok(f"sshd listens on port {port}", *seen)
    return warning(f"port {port} wanted, {', '.join(dict.fromkeys(str(item.port) for item in listeners))} found", *seen)


@rule("sshd-listens-to-the-network", "sshd listens on an address that an instance has")
def sshd_listens_to_the_network(facts: Facts) -> Verdict:
    """Why: every instance gets an address of its own; sshd cannot bind one that it does not have.

    Fix: remove ListenAddress and AddressFamily from sshd_config.
    Reads: ListenAddress and AddressFamily of sshd_config, ListenStream of ssh.socket
    References: sshd_config(5), ListenAddress
    """
    sshd, config = _config(facts)
    listeners = sshd.listeners()
    if not listeners:
        raise NotApplicable("sshd listens on no port")
    seen = [Evidence(item.place, f"{item.host or 'all addresses'}, port {item.port}") for item in listeners]
    if all(is_loopback(item.host) for item in listeners):
        return failed("sshd listens to the guest itself only", *seen)
    if all(item.host for item in listeners):
        return warning("sshd listens only on addresses that an instance need not have", *seen)
    family = config.first("AddressFamily")
    if family and family.arguments[0].lower() == "inet6" and not sshd.sockets:
        return warning("sshd listens on IPv6 only", Evidence(family.place, "AddressFamily inet6"))
    return ok("sshd listens on all addresses", *seen)


@rule("sshd-user-exists", "The account exists under which sshd serves who has not logged in yet")
def sshd_user_exists(facts: Facts) -> Verdict:
    """Red Hat's sshd also wants the directory that it shuts strangers into, which is the home of that account.

    Why: sshd does not start without the user sshd, whose rights it takes before somebody has logged in.

    Fix: reinstall openssh-server, or create the system user sshd and its home, a directory of root's with mode 0711.

    Reads: /etc/passwd, /var/empty/sshd, /usr/share/empty.sshd

    References: sshd(8)
    """
    sshd = _installed(facts)
    accounts = facts[Accounts]
    if accounts.passwd is None:
        raise UnknownFact("/etc/passwd does not exist", Place("/etc/passwd"))
    user = accounts.user("sshd")
    if user is None:
        return failed("there is no user sshd", Evidence(Place("/etc/passwd"), "no line for sshd"))
    flaw = directory_flaw(facts[Guest], user.home) if sshd.vendor == "redhat" and _separates(sshd) else None
    if flaw is not None:
        return failed("sshd refuses the directory that it shuts strangers into", flaw)
    return ok("the user sshd exists", Evidence(user.place, f"sshd has the number {user.uid}"))


def _separates(sshd: Sshd) -> bool:
    """Whether it gives up its rights for strangers, which could be switched off before OpenSSH 7.5."""
    return (sshd.release or NEWEST) >= (7, 5) or sshd.switch("UsePrivilegeSeparation", "yes").seen != "no"


@rule("sshd-host-keys-available", "sshd has a host key of its own, or gets one at the first boot")
def sshd_host_keys_available(facts: Facts) -> Verdict:
    """Why: sshd does not start without a host key; and all instances of an image with keys are taken for one another.

    Fix: let cloud-init make them (module ssh, ssh_deletekeys left on), or have a unit run ssh-keygen -A before sshd.
    Reads: HostKey of sshd_config, /etc/ssh/ssh_host_*_key, cloud-init's module ssh, units that make keys
    References: sshd_config(5), HostKey; cloud-init's documentation, module ssh
    """
    sshd = _installed(facts)
    usable = [key for key in sshd.keys if key.usable]
    seen = [Evidence(Place(key.path), f"mode {key.mode:04o}, {key.size} bytes") for key in sshd.keys if key.exists]
    cloud = _cloud_init(facts)
    if cloud.makes:
        return ok("cloud-init makes the host keys of each instance", *cloud.makes, *seen)
    if usable and cloud.keeps:
        return warning("every instance has the host keys of the image", *seen, *cloud.keeps)
    if sshd.key_makers:
        return ok("host keys are made before sshd starts", *sshd.key_makers, *seen)
    if usable and cloud.deletes:
        return failed("cloud-init removes the host keys, and nothing makes new ones", *seen, *cloud.idle)
    if usable:
        return warning("every instance has the host keys of the image, since nothing makes new ones", *seen)
    if seen:
        return failed("sshd refuses the host keys that are there: mode 0600 wanted", *seen)
    paths = [Evidence(Place(key.path), "does not exist") for key in sshd.keys]
    return failed("there is no host key, and nothing makes one", *paths, *cloud.idle)


class _CloudInitKeys:
    """What cloud-init does about host keys: evidence that it makes new ones, keeps those there, or does nothing."""

    def __init__(
        self, makes: list[Evidence], keeps: list[Evidence], idle: list[Evidence], *, deletes: bool = False
    ) -> None:
        self.makes = makes
        self.keeps = keeps
        self.idle = idle
        self.deletes = deletes


def _cloud_init(facts: Facts) -> _CloudInitKeys:
    cloud = facts[CloudInit]
    module = cloud.config.module("ssh") if cloud.runs else None
    if module is None:
        if not cloud.installed:
            why = [Evidence(Place(path), "does not exist") for path in cloud.missing[:1]]
        else:
            stopped = [Evidence(unit.place, f"{unit.unit}: {unit.reason}") for unit in cloud.units if not unit.enabled]
            no_module = Evidence(Place("/etc/cloud/cloud.cfg"), "cloud-init does not run its module ssh")
            why = [*cloud.switches, *stopped] or [no_module]
        return _CloudInitKeys([], [], why)
    setting = cloud.config.value("ssh_deletekeys")
    made = [key.path for key in facts[Sshd].keys if _MADE.fullmatch(key.path)]
    if not made or not cloud.makes_host_keys:
        place = cloud.config.place("ssh_genkeytypes") if made else facts[Sshd].keys[0].place
        idle = [Evidence(place or module.place, "none of the keys that cloud-init makes")]
        return _CloudInitKeys([], [], idle, deletes=setting is not False)
    place = cloud.config.place("ssh_deletekeys") or module.place
    if setting is False and any(key.usable for key in facts[Sshd].keys):
        return _CloudInitKeys([], [Evidence(place, "ssh_deletekeys: false")], [])
    return _CloudInitKeys([Evidence(place, "cloud-init's module ssh")], [], [])


@rule("sshd-lets-the-user-in", "sshd lets in the user that the cloud logs in as")
def sshd_lets_the_user_in(facts: Facts, *, user: str) -> Verdict:
    """The user may be left to cloud-init (`user = ""`), which makes the one that its `default_user` names.

    Why: the cloud sets a password or a key for this user; with its login refused nobody can use the instance.

    Fix: set PermitRootLogin to yes or prohibit-password, leave PubkeyAuthentication on, and take the user out of
    DenyUsers or into AllowUsers, out of the Match blocks that refuse it, and sshd out of /etc/hosts.deny.
    Reads: PermitRootLogin, AllowUsers, DenyUsers, AllowGroups, DenyGroups, ForceCommand and the authentication methods
    of sshd_config with its Match blocks, /root/.ssh/authorized_keys, /etc/hosts.allow, /etc/hosts.deny, default_user
    in cloud-init's configuration
    References: sshd_config(5), hosts_access(5)
    """
    sshd, config = _config(facts)
    user = user or _default_user(facts)
    login = Login(facts, sshd, config, user)
    if refusals := login.refusals():
        return warning(f"{user} cannot log in over SSH", *refusals)
    return ok(f"{user} can log in over SSH", *login.ways())


def _default_user(facts: Facts) -> str:
    name = facts[CloudInit].config.value("system_info", "default_user", "name")
    return name if isinstance(name, str) and name else "root"


RULES = (
    sshd_enabled,
    sshd_config_valid,
    sshd_keywords_are_current,
    sshd_port_standard,
    sshd_listens_to_the_network,
    sshd_user_exists,
    sshd_host_keys_available,
    sshd_lets_the_user_in,
)
