"""Rules about SELinux, which can keep a guest from booting or a user from logging in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.selinux import Selinux
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.linux.selinux import SelinuxConfig, SelinuxMode
from parsers.place import Place

CONFIG: Final = "/etc/selinux/config"
_DEFAULT_POLICY: Final = "targeted"
"""What libselinux takes where `SELINUXTYPE=` is missing."""
_LABELLED: Final = ("/etc/shadow", "/sbin/init")
_LABEL: Final = "security.selinux"
_NO_TYPES: Final = frozenset({"unlabeled_t", "file_t", "default_t"})
"""Types that a policy gives to what it knows no label of; no service may touch such a file."""


def _decided(facts: Facts) -> tuple[SelinuxMode, Evidence]:
    """The mode after a boot: the kernel's arguments win over the file, except that they cannot undo `disabled`."""
    selinux, kernel = facts[Selinux], facts[DefaultKernel]
    config = selinux.config
    if kernel.value("selinux") == "0":
        return SelinuxMode.DISABLED, Evidence(kernel.place, "selinux=0")
    if config is None and kernel.value("enforcing") == "1":
        return SelinuxMode.ENFORCING, Evidence(kernel.place, "enforcing=1, without a policy to load")
    if config is None:
        return SelinuxMode.DISABLED, Evidence(Place(CONFIG), "no such file, so that no policy is loaded")
    if config.mode is None or config.mode_place is None:
        raise NotApplicable(f"{CONFIG} sets no mode, which selinux-config-is-valid reports")
    if config.mode is not SelinuxMode.DISABLED and (enforcing := kernel.value("enforcing")) in {"0", "1"}:
        mode = SelinuxMode.ENFORCING if enforcing == "1" else SelinuxMode.PERMISSIVE
        return mode, Evidence(kernel.place, f"enforcing={enforcing}")
    return config.mode, Evidence(config.mode_place, f"SELINUX={config.mode}")


@rule("selinux-mode-is-accepted", "SELinux is in a mode that the cloud accepts")
def selinux_mode_is_accepted(facts: Facts, *, accepted: Sequence[str]) -> Verdict:
    """Why: files that the cloud writes at the first boot carry no labels; under SELinux they may then be out of reach.

    Fix: set SELINUX=disabled in /etc/selinux/config, or boot with selinux=0.
    Reads: /etc/selinux/config, the kernel's arguments
    References: selinux_config(5)
    """
    mode, evidence = _decided(facts)
    if mode in accepted:
        return ok(f"SELinux is {mode}", evidence)
    return warning(f"SELinux is {mode}", evidence, *_repeated(facts[Selinux].config))


def _repeated(config: SelinuxConfig | None) -> list[Evidence]:
    return list(map(Evidence.of, config.problems)) if config else []


@rule("selinux-config-is-valid", "SELinux has a valid mode and the policy that it names")
def selinux_config_is_valid(facts: Facts) -> Verdict:
    """Why: in enforcing mode a missing policy halts the boot, and a mistyped mode is not the one that was meant.

    Fix: write enforcing, permissive or disabled after SELINUX=, and install the policy that SELINUXTYPE= names.
    Reads: /etc/selinux/config, /etc/selinux/<type>/policy
    References: selinux_config(5)
    """
    selinux = facts[Selinux]
    config = selinux.config
    if config is None:
        raise NotApplicable(f"there is no {CONFIG}")
    if config.mode is None:
        seen = _repeated(config) or [Evidence(Place(CONFIG), "no line SELINUX= found")]
        return failed("no valid mode is set", *seen)
    policy = config.policy or _DEFAULT_POLICY
    place = config.policy_place or config.mode_place or Place(CONFIG)
    if config.mode is not SelinuxMode.DISABLED and policy not in selinux.policies:
        found = ", ".join(selinux.policies) or "none"
        evidence = Evidence(place, f"a policy in /etc/selinux/{policy}/policy wanted, {found} found")
        if config.mode is SelinuxMode.ENFORCING:
            return failed("the policy is missing, so that the boot halts", evidence)
        return warning("the policy is missing", evidence)
    if config.problems:
        return warning("lines of the configuration cannot be read", *_repeated(config))
    return ok("the configuration is valid", Evidence(config.mode_place or Place(CONFIG), f"SELINUX={config.mode}"))


@rule("selinux-labels-are-there", "Files carry SELinux labels where SELinux enforces")
def selinux_labels_are_there(facts: Facts) -> Verdict:
    """Why: after files were written with SELinux off they carry no labels, and services may not read them.

    Fix: touch /.autorelabel, which has every file labelled at the next boot.
    Reads: the attribute security.selinux of /etc/shadow and /sbin/init, /.autorelabel
    References: selinux(8), fixfiles(8)
    """
    mode, evidence = _decided(facts)
    if mode is not SelinuxMode.ENFORCING:
        raise NotApplicable(f"SELinux is {mode}")
    if facts[Selinux].relabel:
        return ok("the next boot labels every file", Evidence(Place("/.autorelabel"), "present"))
    guest = facts[Guest]
    labels = {path: _label(guest, path) for path in _LABELLED if guest.exists(path)}
    if not labels:
        raise UnknownFact("none of the files is there whose labels tell", *map(Place, _LABELLED))
    bad = {path: label for path, label in labels.items() if _type(label) in _NO_TYPES | {""}}
    if bad:
        seen = (Evidence(Place(path), label or f"no {_LABEL}") for path, label in bad.items())
        return warning("files carry no labels", evidence, *seen)
    return ok("files carry labels", *(Evidence(Place(path), label) for path, label in labels.items()), evidence)


def _label(guest: Guest, path: str) -> str:
    """The label as text, user:role:type:level; "" where there is none."""
    return guest.xattrs(path).get(_LABEL, b"").rstrip(b"\0").decode("utf-8", "replace")


def _type(label: str) -> str:
    parts = label.split(":")
    return parts[2] if len(parts) > 2 else ""


RULES = (selinux_mode_is_accepted, selinux_config_is_valid, selinux_labels_are_there)
