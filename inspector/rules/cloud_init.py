"""Rules about cloud-init: it must be there, run at the first boot, and be allowed to find the target cloud."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from inspector.facts import Facts
from inspector.facts.cloud_init import MARKER, CloudInit, Seed, version_numbers
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.linux.cloud_init import DatasourceList
from parsers.place import Place

_CONFIG: Final = "/etc/cloud/cloud.cfg"
_NO_CLOUD: Final = "none"
"""The data source that is always there and knows nothing of the instance."""
_SHOWN: Final = 16
_MODULES: Final = (
    "/usr/lib/python3*/dist-packages/cloudinit/version.py",
    "/usr/lib/python3*/site-packages/cloudinit/version.py",
    "/usr/local/lib/python3*/*-packages/cloudinit/version.py",
    "/usr/lib/python2*/*-packages/cloudinit/version.py",
)


def _installed(facts: Facts) -> CloudInit:
    cloud_init = facts[CloudInit]
    if not cloud_init.installed:
        raise NotApplicable("cloud-init is not installed, which cloud-init-installed reports")
    return cloud_init


@rule("cloud-init-installed", "cloud-init is installed")
def cloud_init_installed(facts: Facts) -> Verdict:
    """Why: without cloud-init the instance gets neither its host name nor its keys, password and user data.

    Fix: install the package cloud-init.
    Reads: /usr/bin/cloud-init, /etc/cloud/cloud.cfg, the package database
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    cloud_init = facts[CloudInit]
    missing = [Evidence(Place(path), "no such file") for path in cloud_init.missing]
    package = cloud_init.package
    known = [Evidence(package.place, f"{package.name} {package.full_version}")] if package else []
    if not cloud_init.installed:
        return failed("cloud-init is not installed", *missing, *known)
    if cloud_init.flaw:
        return failed("cloud-init cannot be run", cloud_init.flaw)
    if package and package.state in {"unpacked", "half-configured"}:
        return warning("dpkg has not finished cloud-init", Evidence(package.place, package.state))
    guest = facts[Guest]
    if not any(guest.is_file(path) for pattern in _MODULES for path in guest.glob(pattern)):
        return warning(
            "cloud-init's Python package is missing", *(Evidence(Place(path), "no such file") for path in _MODULES)
        )
    found = [Evidence(Place(path), "present") for path in cloud_init.programs]
    if missing:
        return warning("cloud-init is installed without its configuration", *missing, *found, *known)
    return ok("cloud-init is installed", *found, *known)


@rule("cloud-init-enabled", "cloud-init runs at boot")
def cloud_init_enabled(facts: Facts) -> Verdict:
    """Why: cloud-init that is switched off, or whose stages are masked, leaves the instance as the image was.

    Fix: remove /etc/cloud/cloud-init.disabled and cloud-init=disabled from the kernel's arguments and from
    DefaultEnvironment in systemd's configuration, and enable cloud-init-local, cloud-init, cloud-config and
    cloud-final.
    Reads: /etc/cloud/cloud-init.disabled, the kernel's arguments, /etc/systemd/system.conf, cloud-init's units
    References: cloud-init's documentation, how to disable cloud-init
    """
    cloud_init = _installed(facts)
    off = list(cloud_init.switches)
    dead = [Evidence(it.place, f"{it.unit}: {it.reason}") for it in cloud_init.units if not it.enabled]
    masked = [it for it in cloud_init.units if it.masked]
    if off:
        return failed("cloud-init is switched off", *off)
    if masked or (dead and len(dead) == len(cloud_init.units)):
        return failed(f"stages of cloud-init that cannot start: {len(dead)} of {len(cloud_init.units)}", *dead)
    if not cloud_init.arguments_known:
        # What is known does not speak against it; the arguments could.
        reason = cloud_init.kernel_reason
        why = reason.reason if reason else "the kernel's arguments are not known"
        places = reason.places if reason and reason.places else (Place(MARKER),)
        return unknown(why, *(Evidence(place, why) for place in places))
    if dead:
        return warning(f"stages of cloud-init that are not started: {len(dead)} of {len(cloud_init.units)}", *dead)
    started = [Evidence(it.place, f"{it.unit}: {it.reason}") for it in cloud_init.units]
    return ok("every stage of cloud-init is started", *started)


@rule("cloud-init-is-recent", "cloud-init is recent enough")
def cloud_init_is_recent(facts: Facts, *, minimum: str, accepted: Sequence[str]) -> Verdict:
    """Why: older releases do not know the cloud's metadata service, or do not configure its network.

    Fix: update the package cloud-init.
    Reads: the package database, cloudinit/version.py
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    cloud_init = _installed(facts)
    version = cloud_init.version
    if version is None or not version.numbers:
        paths = cloud_init.programs or (_CONFIG,)
        return unknown("the version is not known", *(Evidence(Place(path), "no version beside it") for path in paths))
    evidence = Evidence(version.place, version.text)
    if version.numbers >= version_numbers(minimum) or any(version.text.startswith(text) for text in accepted):
        return ok(f"at least {minimum}", evidence)
    return warning(f"at least {minimum} wanted, {version.text} found", evidence)


@rule("cloud-init-config-parses", "The configuration of cloud-init can be read")
def cloud_init_config_parses(facts: Facts) -> Verdict:
    """Why: cloud-init passes over a file that is no YAML mapping, and with it over the data source or user set there.

    Fix: correct the YAML of the file; its outermost level must be a mapping.
    Reads: /etc/cloud/cloud.cfg, /etc/cloud/cloud.cfg.d
    References: cloud-init's documentation, configuration sources
    """
    config = _installed(facts).config
    flaws = list(map(Evidence.of, config.flaws))
    if flaws:
        return failed(f"passed over: {len(flaws)} of {len(config.files)} files", *flaws[:_SHOWN])
    if config.failure is not None:
        return failed("the files cannot be merged", Evidence.of(config.failure))
    problems = list(map(Evidence.of, config.problems))
    if problems:
        return warning(f"entries that do not count: {len(problems)}", *problems[:_SHOWN])
    if not config.files:
        return warning("cloud-init has no configuration", Evidence(Place(_CONFIG), "no such file"))
    return ok("every file can be read", *(Evidence(Place(file.path), "a mapping") for file in config.files[:_SHOWN]))


@rule("cloud-init-datasource-allows-target", "cloud-init may use the target cloud's data source")
def cloud_init_datasource_allows_target(facts: Facts, *, datasources: Sequence[str]) -> Verdict:
    """One of the target's data sources is enough; where none is named, any will do that is a cloud's.

    Why: where the list of data sources leaves the target out, cloud-init finds nothing there and does nothing.

    Fix: name the target's data source first in one line of a file in /etc/cloud/cloud.cfg.d, such as
    `datasource_list: [ AliYun, None ]`, and unpin others in /etc/cloud/ds-identify.cfg and the kernel's arguments.
    Where its module is missing, update cloud-init, or install the package that has it (on Alpine
    cloud-init-datasource-aliyun).
    Reads: datasource_list in /etc/cloud/cloud.cfg and cloud.cfg.d, /etc/cloud/ds-identify.cfg, the kernel's arguments,
    cloudinit/sources
    References: docs.cloud-init.io, "ds-identify"
    """
    cloud_init = _installed(facts)
    policy, place = cloud_init.policy
    if cloud_init.generator and cloud_init.identify:
        if policy.mode == "disabled":
            return failed("ds-identify switches cloud-init off", Evidence(place or Place(_CONFIG), "policy: disabled"))
        pinned = cloud_init.pinned
        if pinned is not None and policy.mode != "enabled":
            return _pinned(cloud_init, datasources, *pinned)
    failure = cloud_init.config.failure
    if failure is not None:
        return unknown("the files cannot be merged", Evidence.of(failure))
    return _listed(cloud_init, datasources, identified=bool(cloud_init.identify) and policy.mode != "enabled")


def _pinned(cloud_init: CloudInit, targets: Sequence[str], datasource: str, place: Place) -> Verdict:
    """Judge a data source that is used without looking for it."""
    evidence = Evidence(place, f"data source {datasource}")
    if _reached((datasource,), targets):
        return _allowed(cloud_init, (datasource,), targets, f"cloud-init is pinned to {datasource}", evidence)
    wanted = _wanted(targets)
    if not _reached((datasource.lower(),), [target.lower() for target in targets]):
        return failed(f"{wanted} wanted, cloud-init is pinned to {datasource}", evidence)
    return warning(f"{wanted} wanted, {datasource} found, which not every release takes for the same", evidence)


def _reached(names: Sequence[str], targets: Sequence[str]) -> bool:
    """Tell whether a list comes to one of the targets; without targets, to a cloud of any kind."""
    return any(name in targets if targets else name.lower() != _NO_CLOUD for name in names)


def _wanted(targets: Sequence[str]) -> str:
    return " or ".join(targets) or "a cloud's data source"


def _unless_unknown(cloud_init: CloudInit, verdict: Verdict) -> Verdict:
    """Return the verdict where the kernel's arguments are known, which could say otherwise."""
    if cloud_init.arguments_known:
        return verdict
    why = cloud_init.kernel_reason.reason if cloud_init.kernel_reason else "the kernel's arguments are not known"
    return unknown(why, *verdict.evidence)


def _listed(cloud_init: CloudInit, targets: Sequence[str], *, identified: bool) -> Verdict:
    """Judge the list as Python sees it and, where ds-identify decides, as that does."""
    python, shell = cloud_init.python, cloud_init.shell
    views = [("cloud-init", python)] + ([("ds-identify", shell)] if identified else [])
    wanted = _wanted(targets)
    wrong = [
        Evidence(found.place, f"{who} reads {', '.join(found.names) or 'no names'}{_flaw(found)}")
        for who, found in views
        if found is not None and not _reached(found.names, targets)
    ]
    if wrong:
        return failed(f"{wanted} wanted in datasource_list, other clouds found", *wrong)
    if python is None:
        return _unset(cloud_init, targets)
    seen = Evidence(python.place, ", ".join(python.names))
    if not identified and not _reached(tuple(takewhile(lambda name: name.lower() != _NO_CLOUD, python.names)), targets):
        return failed(f"{wanted} wanted before None, which is taken wherever it stands", seen)
    if identified and shell is None:
        message = "ds-identify reads no list that is not in one line, and looks for every cloud that it knows"
        return warning(message, seen, Evidence(Place(python.place.path), "ds-identify reads no list in this file"))
    more = [Evidence(shell.place, f"ds-identify: {', '.join(shell.names)}")] if identified and shell else []
    message = f"{_found(python.names, targets)[0]} is in datasource_list"
    return _allowed(cloud_init, python.names, targets, message, seen, *more)


def _found(names: Sequence[str], targets: Sequence[str]) -> list[str]:
    return [name for name in names if _reached((name,), targets)]


def _allowed(
    cloud_init: CloudInit, names: Sequence[str], targets: Sequence[str], message: str, *seen: Evidence
) -> Verdict:
    """Give an OK for data sources that may be used, if one of them has its module: others are passed over in silence.

    Distributions may pack each data source apart, and older releases do not know every cloud.
    """
    if not cloud_init.sources:
        return _unless_unknown(cloud_init, ok(message, *seen))
    found = _found(names, targets)
    wanted = [f"/datasource{name.lower()}.py" for name in found]
    modules = [path for path in cloud_init.sources if path.lower().rstrip("co").endswith(tuple(wanted))]
    if modules:
        return _unless_unknown(cloud_init, ok(message, *seen, *(Evidence(Place(path), "present") for path in modules)))
    folder = posixpath.dirname(cloud_init.sources[0])
    missing = [Evidence(Place(f"{folder}/DataSource{name}.py"), "no such file") for name in found]
    return failed(f"{message}, but cloud-init here has no module for it", *seen, *missing)


def _flaw(found: DatasourceList) -> str:
    return f": {found.flaw}" if found.flaw else ""


def _unset(cloud_init: CloudInit, targets: Sequence[str]) -> Verdict:
    """No file has a list: every cloud is looked for, which takes its time, and may find another one first."""
    files = [Evidence(Place(file.path), "no datasource_list") for file in cloud_init.config.files[:_SHOWN]]
    if not files:
        files = [Evidence(Place(_CONFIG), "no such file")]
    elif not targets:
        return _unless_unknown(cloud_init, ok("cloud-init looks for every cloud that it knows", *files))
    return warning(f"no datasource_list: {_wanted(targets)} is looked for among all clouds", *files)


@rule("cloud-init-has-no-seed", "No data of another data source lies in the image")
def cloud_init_has_no_seed(facts: Facts) -> Verdict:
    """Why: a seed directory counts as a data source that was found, and may win over the cloud's own.

    Fix: remove the directories below /var/lib/cloud/seed that are named.
    Reads: /var/lib/cloud/seed
    References: cloud-init's documentation, data source NoCloud
    """
    cloud_init = _installed(facts)
    listed = cloud_init.python
    seeds = [Evidence(Place(seed.path), f"{seed.datasource}: {_use(seed, listed)}") for seed in cloud_init.seeds]
    if any(seed.complete and _may_be_used(seed, listed) for seed in cloud_init.seeds):
        return failed("data of another data source lies in the image, and is taken for the cloud's", *seeds)
    if seeds:
        return warning("data of another data source lies in the image", *seeds)
    return ok("no seed", Evidence(Place("/var/lib/cloud/seed"), "no NoCloud or config drive data"))


def _may_be_used(seed: Seed, listed: DatasourceList | None) -> bool:
    return listed is None or seed.datasource in listed.names


def _use(seed: Seed, listed: DatasourceList | None) -> str:
    if not seed.complete:
        return "meta-data or user-data is missing"
    return "it counts as found" if _may_be_used(seed, listed) else "not in datasource_list"


@rule("cloud-init-modules-run", "cloud-init runs the modules that let users in")
def cloud_init_modules_run(facts: Facts, *, modules: Sequence[str]) -> Verdict:
    """Why: keys, passwords, users and the user's own scripts are each set by a module; one left out is not done.

    Fix: take the lists cloud_init_modules, cloud_config_modules and cloud_final_modules from the package's cloud.cfg.
    Reads: /etc/cloud/cloud.cfg, /etc/cloud/cloud.cfg.d
    References: cloud-init's documentation, module reference
    """
    config = _installed(facts).config
    if config.flaws or not config.files:
        raise NotApplicable("the configuration cannot be read, which cloud-init-config-parses reports")
    left_out = [name for name in modules if not (config.module(name) or config.module(name.replace("-", "_")))]
    sections = ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules")
    places = [config.place(section) or Place(_CONFIG) for section in sections]
    if left_out:
        seen = [Evidence(place, f"{' and '.join(left_out)} wanted, not found") for place in dict.fromkeys(places)]
        return warning(f"modules that cloud-init does not run: {', '.join(left_out)}", *seen)
    return ok("cloud-init runs them", *(Evidence(place, "a list of modules") for place in dict.fromkeys(places)))


RULES: Final = (
    cloud_init_installed,
    cloud_init_enabled,
    cloud_init_is_recent,
    cloud_init_config_parses,
    cloud_init_datasource_allows_target,
    cloud_init_has_no_seed,
    cloud_init_modules_run,
)
