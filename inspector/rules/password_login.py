"""Rules about passwords, which users of some clouds choose for a new instance."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.sshd import Sshd
from inspector.guest import Guest
from inspector.linux.programs import program_flaw
from inspector.linux.sshd_login import Login
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.place import Place

_SETTERS: Final = tuple(f"{folder}/chpasswd" for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin"))
_YES: Final = frozenset({"true", "yes", "on", "1"})


@rule("sshd-takes-passwords", "sshd lets users in who chose a password for their instance")
def sshd_takes_passwords(facts: Facts, *, user: str) -> Verdict:
    """Why: the cloud offers to set a password instead of a key; where sshd takes none, that instance lets nobody in.

    Fix: set `PasswordAuthentication yes` in sshd_config, or `ssh_pwauth: true` in cloud-init's configuration.
    Reads: PasswordAuthentication, KbdInteractiveAuthentication and UsePAM of sshd_config, ssh_pwauth of cloud-init
    References: cloud-init's documentation, module set_passwords
    """
    sshd = facts[Sshd]
    if sshd.program is None:
        raise NotApplicable("sshd is not installed, which sshd-enabled reports")
    if sshd.config is None:
        raise NotApplicable(f"{sshd.config_path} does not exist, which sshd-config-valid reports")
    login = Login(facts, sshd, sshd.config, user)
    password = login.switch("PasswordAuthentication", "yes")
    dialogue = login.switch("KbdInteractiveAuthentication", "yes")
    seen = Evidence(password.place, f"PasswordAuthentication {password.seen}")
    if password.seen == "yes":
        return ok("sshd takes passwords", seen)
    if dialogue.seen == "yes" and login.switch("UsePAM", "no").seen == "yes":
        return ok("sshd asks PAM for passwords", seen, Evidence(dialogue.place, "KbdInteractiveAuthentication yes"))
    cloud = facts[CloudInit]
    place = cloud.config.place("ssh_pwauth")
    setting = str(cloud.config.value("ssh_pwauth")).strip().lower()
    if place is not None and setting in _YES and cloud.runs and cloud.config.module("set_passwords") is not None:
        return ok("cloud-init has sshd take passwords", seen, Evidence(place, f"ssh_pwauth: {setting}"))
    return warning("sshd takes no passwords", seen)


@rule("passwords-can-be-set", "The program that sets passwords is there")
def passwords_can_be_set(facts: Facts) -> Verdict:
    """Why: cloud-init sets root's password, and those of users, with chpasswd; without it they stay as in the image.

    Fix: reinstall the package that has it: passwd, shadow-utils or shadow.
    Reads: chpasswd in /usr/sbin, /sbin, /usr/bin and /bin
    References: chpasswd(8)
    """
    guest = facts[Guest]
    path = next(filter(guest.exists, _SETTERS), None)
    if path is None:
        return failed("no program sets passwords", *(Evidence(Place(path), "no such file") for path in _SETTERS))
    if flaw := program_flaw(guest, path):
        return failed("chpasswd cannot be run", flaw)
    return ok("a program sets passwords", Evidence(guest.place(path), guest.realpath(path)))


RULES = (sshd_takes_passwords, passwords_can_be_set)
