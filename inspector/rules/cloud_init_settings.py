"""Rules about what cloud-init is told to do with an instance: its modules, root, names, and what it takes for new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from inspector.facts import Facts
from inspector.facts.cloud_init import CloudInit
from inspector.guest import Guest
from inspector.linux.cloud_modules import is_there, module_sources
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, unknown, warning
from parsers.linux.cloud_init import STAGES, CloudConfig
from parsers.place import Place
from parsers.yaml_document import Mapping

_CONFIG: Final = "/etc/cloud/cloud.cfg"
_TRUE: Final = frozenset({"true", "1", "on", "yes"})
"""What cloud-init takes for true, whatever the case."""
_MANAGED: Final = _TRUE | {"template", "localhost"}
_MANUAL_CLEAN: Final = "/var/lib/cloud/instance/manual-clean"
_SHOWN: Final = 16


def _cloud(facts: Facts) -> CloudInit:
    cloud = facts[CloudInit]
    if not cloud.installed:
        raise NotApplicable("cloud-init is not installed, which cloud-init-installed reports")
    return cloud


def _config(facts: Facts) -> CloudConfig:
    config = _cloud(facts).config
    if config.flaws or config.failure is not None or not config.files:
        raise NotApplicable("the configuration cannot be read, which cloud-init-config-parses reports")
    return config


def _setting(config: CloudConfig, key: str) -> tuple[Any, Evidence]:
    """Return a value, and where it stands; None where no file gives it."""
    value, place = config.value(key), config.place(key)
    if place is None or value is None:
        return None, Evidence(Place(config.files[0].path), f"{key} is not set")
    shown = value if isinstance(value, str) else json.dumps(value, default=str)  # as YAML writes true and false
    return value, Evidence(place, f"{key}: {shown[:80]}")


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in _TRUE


@rule("cloud-init-modules-are-known", "cloud-init has every module that it is told to run")
def cloud_init_modules_are_known(facts: Facts) -> Verdict:
    """Why: cloud-init passes over a module that it does not know, so a misspelt or removed one is not run.

    Fix: correct the name in the list, or take it out; `inspector show` lists the modules that this release has.
    Reads: cloud_init_modules, cloud_config_modules and cloud_final_modules in /etc/cloud/cloud.cfg and cloud.cfg.d, the
    modules in cloudinit/config
    References: cloud-init's documentation, module reference
    """
    config, sources = _config(facts), module_sources(facts[Guest])
    modules = [module for section in STAGES for module in config.modules(section)]
    if not modules:
        return unknown("no list of modules was found", Evidence(Place(config.files[0].path), "no list of modules"))
    strange = [Evidence(it.place, f"no module {it.name[:80]}") for it in modules if not is_there(it, sources)]
    if strange:
        return warning(f"modules that cloud-init does not have: {len(strange)}", *strange[:_SHOWN])
    places = (config.place(section) for section in STAGES)
    return ok("cloud-init has them all", *(Evidence(place, "a list of modules") for place in places if place))


@rule("cloud-init-lets-root-in", "cloud-init leaves root's login as it is")
def cloud_init_lets_root_in(facts: Facts) -> Verdict:
    """Why: with disable_root, root's key is tied to a command that sends it away; this cloud's users log in as root.

    Fix: set `disable_root: false` in /etc/cloud/cloud.cfg or a file of /etc/cloud/cloud.cfg.d.
    Reads: disable_root in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, module ssh
    """
    config = _config(facts)
    if config.module("ssh") is None:
        raise NotApplicable("cloud-init does not run its module ssh, which cloud-init-modules-run reports")
    value, seen = _setting(config, "disable_root")
    if value is None or _is_true(value):
        return warning("cloud-init sends root away", seen)
    return ok("cloud-init lets root in", seen)


@rule("cloud-init-sets-the-host-name", "cloud-init gives each instance a name of its own")
def cloud_init_sets_the_host_name(facts: Facts) -> Verdict:
    """Why: with preserve_hostname every instance is called as the machine was that the image was made of.

    Fix: set `preserve_hostname: false`, where installers have set it (such as /etc/cloud/cloud.cfg.d/99-installer.cfg).
    Reads: preserve_hostname in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, module set_hostname
    """
    value, seen = _setting(_config(facts), "preserve_hostname")
    if _is_true(value):
        return warning("cloud-init keeps the host name of the image", seen)
    return ok("cloud-init sets the host name", seen)


@rule("cloud-init-leaves-etc-hosts", "cloud-init does not write /etc/hosts anew at every boot")
def cloud_init_leaves_etc_hosts(facts: Facts) -> Verdict:
    """Why: with manage_etc_hosts what users add to /etc/hosts is lost at the next boot.

    Fix: set `manage_etc_hosts: false`, or change the template below /etc/cloud/templates.
    Reads: manage_etc_hosts in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, module update_etc_hosts
    """
    config = _config(facts)
    value, seen = _setting(config, "manage_etc_hosts")
    module = config.module("update_etc_hosts")
    if module is not None and str(value).strip().lower() in _MANAGED:
        return warning("cloud-init writes /etc/hosts at every boot", seen)
    return ok("cloud-init leaves /etc/hosts alone", seen)


@rule("cloud-init-clears-its-cache", "cloud-init forgets the instance that the image was made of")
def cloud_init_clears_its_cache(facts: Facts) -> Verdict:
    """Why: with manual_cache_clean cloud-init trusts what it knows of the source machine, and configures no copy.

    Fix: remove /var/lib/cloud/instance/manual-clean, and manual_cache_clean from cloud-init's configuration.
    Reads: /var/lib/cloud/instance/manual-clean, manual_cache_clean in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, first boot determination
    """
    guest, config = facts[Guest], _config(facts)
    value, seen = _setting(config, "manual_cache_clean")
    found = [seen] if _is_true(value) else []
    if guest.exists(_MANUAL_CLEAN):
        found.append(Evidence(guest.place(_MANUAL_CLEAN), "present"))
    if found:
        return warning("cloud-init takes every copy for the machine that it knows", *found)
    return ok("cloud-init asks for the instance at every boot", seen, Evidence(Place(_MANUAL_CLEAN), "no such file"))


@rule("cloud-init-instance-id-is-not-fixed", "No instance id is written into the image")
def cloud_init_instance_id_is_not_fixed(facts: Facts) -> Verdict:
    """Why: copies that are given the same instance id are one instance to cloud-init, which then does nothing anew.

    Fix: remove instance-id from below `datasource:` in cloud-init's files; of seeds cloud-init-has-no-seed tells.
    Reads: datasource in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, data sources NoCloud and None
    """
    config = _config(facts)
    found = list(_instance_ids(config))
    if found:
        return warning("an instance id is written into the image", *found[:_SHOWN])
    read = [Evidence(Place(file.path), "no instance-id below datasource") for file in config.files[:_SHOWN]]
    return ok("the cloud gives the instance id", *(read or [Evidence(Place(_CONFIG), "no such file")]))


def _instance_ids(config: CloudConfig) -> Iterator[Evidence]:
    sources = config.node("datasource")
    for name in sources.entries if isinstance(sources, Mapping) else ():
        for key in ("meta-data", "meta_data", "metadata"):
            place = config.place("datasource", name, key, "instance-id")
            if place is not None:
                yield Evidence(place, f"instance-id for {name[:80]}")


@rule("cloud-init-takes-vendor-data", "cloud-init takes the settings that the cloud has for every instance")
def cloud_init_takes_vendor_data(facts: Facts) -> Verdict:
    """Why: in vendor data the cloud says how to log in, and where its mirrors are; without them nobody is told.

    Fix: set `vendor_data: {enabled: true}`, or take vendor_data out of cloud-init's configuration.
    Reads: vendor_data and vendor_data2 in /etc/cloud/cloud.cfg and cloud.cfg.d
    References: cloud-init's documentation, vendor data
    """
    config = _config(facts)
    found = [seen for key in ("vendor_data", "vendor_data2") if (seen := _switched_off(config, key))]
    if found:
        return warning("cloud-init passes over vendor data", *found)
    return ok("cloud-init takes vendor data", Evidence(Place(config.files[0].path), "no file switches vendor data off"))


def _switched_off(config: CloudConfig, key: str) -> Evidence | None:
    """Where vendor data are switched off: `enabled` is not true, or the setting is no mapping."""
    setting, place = config.value(key), config.place(key)
    if place is None or (isinstance(setting, dict) and "enabled" not in setting):
        return None
    if not isinstance(setting, dict):
        return Evidence(place, f"{key}: {str(setting)[:80]}")
    enabled = setting["enabled"]
    return None if _is_true(enabled) else Evidence(config.place(key, "enabled") or place, f"{key}: enabled: {enabled}")


RULES = (
    cloud_init_modules_are_known,
    cloud_init_lets_root_in,
    cloud_init_sets_the_host_name,
    cloud_init_leaves_etc_hosts,
    cloud_init_takes_vendor_data,
    cloud_init_clears_its_cache,
    cloud_init_instance_id_is_not_fixed,
)
