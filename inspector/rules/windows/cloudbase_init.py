r"""Cloudbase-Init, which prepares an instance of Windows as cloud-init does one of Linux.

Source: Cloudbase-Init's documentation, "Services" and the default of the option `metadata_services`; what it has done
it keeps in the registry below the id of the instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.cloudbase_init import CLOUDBASE_INIT, class_name, configurations
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_service
from inspector.windows.services import Start

_DEFAULT: Final = (
    "cloudbaseinit.metadata.services.httpservice.HttpService",
    "cloudbaseinit.metadata.services.configdrive.ConfigDriveService",
    "cloudbaseinit.metadata.services.ec2service.EC2Service",
    "cloudbaseinit.metadata.services.maasservice.MaaSHttpService",
    "cloudbaseinit.metadata.services.cloudstack.CloudStack",
    "cloudbaseinit.metadata.services.opennebulaservice.OpenNebulaService",
)
"""What it asks where the configuration does not say."""
_STATES: Final = (
    r"HKLM\SOFTWARE\Cloudbase Solutions\Cloudbase-Init",
    r"HKLM\SOFTWARE\Wow6432Node\Cloudbase Solutions\Cloudbase-Init",
)
_PLUGINS: Final = "Plugins"
_LOGS: Final = (
    r"\Program Files\Cloudbase Solutions\Cloudbase-Init\log",
    r"\Program Files (x86)\Cloudbase Solutions\Cloudbase-Init\log",
)
_SHOWN: Final = 16


@rule("windows-cloudbase-init-starts", "Cloudbase-Init is installed, and started with Windows", "windows")
def windows_cloudbase_init_starts(facts: Facts) -> Verdict:
    r"""Its service, when it is started, and its program.

    Why: without it nobody sets the password, the name and the disks of an instance, and nothing runs the user's script.

    Fix: install Cloudbase-Init, or `sc.exe config cloudbase-init start= auto`.

    Reads: Services\cloudbase-init and its program

    References: Cloudbase-Init, Tutorial; NHN Cloud, Image, console guide.
    """
    return judge_service(facts, CLOUDBASE_INIT, Start.AUTOMATIC, required=False, of_windows=False)


@rule("windows-cloudbase-init-finds-metadata", "Cloudbase-Init asks the services of this cloud", "windows")
def windows_cloudbase_init_finds_metadata(facts: Facts, *, services: Sequence[str]) -> Verdict:
    r"""The list metadata_services of both configuration files, that for the setup after Sysprep included.

    Where a file has no such list Cloudbase-Init asks those that it asks by default. Without `services` any will do.

    Why: it does nothing with an instance where it finds no metadata, or asks services that are not there for minutes.

    Fix: put the line that is named right, and name a service of the cloud in metadata_services.

    Reads: the configuration files that Services\cloudbase-init names, and cloudbase-init-unattend.conf beside them

    References: Cloudbase-Init, Services, and the default of metadata_services.
    """
    guest = facts[Guest]
    good: list[Evidence] = []
    bad: list[Evidence] = []
    for path, found in configurations(facts):
        if found is None:
            bad.append(Evidence(guest.place(path), "does not exist"))
            continue
        bad += [Evidence(guest.place(path, item.place.line), item.message) for item in found.problems]
        option = found.option("metadata_services")
        listed = found.texts("metadata_services") if option else _DEFAULT
        names = ", ".join(class_name(name) for name in listed or ()) or "none"
        seen = Evidence(guest.place(path, option.place.line if option else None), f"metadata services: {names}")
        (good if _suits(listed or (), services) else bad).append(seen)
    if bad:
        return warning("Cloudbase-Init cannot read its configuration, or finds no metadata of this cloud", *bad)
    return ok("Cloudbase-Init asks for the metadata of this cloud", *good)


@rule("windows-cloudbase-init-state-is-gone", "Nothing is left of what Cloudbase-Init did", "windows")
def windows_cloudbase_init_state_is_gone(facts: Facts) -> Verdict:
    r"""What it keeps of its plugins below the id of the instance, and its logs.

    Why: plugins that are marked as done are not run again where a copy has the same id, as those of some clouds have;
    the logs tell names, users and data of the source.

    Fix: delete the keys below `Cloudbase Solutions\Cloudbase-Init`, and the files in its folder log.

    Reads: SOFTWARE\Cloudbase Solutions\Cloudbase-Init, C:\Program Files\Cloudbase Solutions\Cloudbase-Init\log

    References: Cloudbase-Init, Plugins; its source (osutils/windows.py, set_config_value).
    """
    left = [*islice((*_plugins(facts[Registry]), *_logs(facts[Guest])), _SHOWN)]
    if left:
        return warning("Cloudbase-Init has run, and left what it did", *left)
    return ok("Cloudbase-Init has left nothing", Evidence(facts[Registry].place(_STATES[0]), "no plugin has run"))


def _suits(listed: Sequence[str], wanted: Sequence[str]) -> bool:
    names = {class_name(name) for name in listed}
    return bool(names & set(wanted)) if wanted else bool(names)


def _plugins(registry: Registry) -> Iterator[Evidence]:
    for state in _STATES:
        for key in registry.subkeys(state):
            plugins = key if key.name == _PLUGINS else key.subkey(_PLUGINS)
            if plugins and plugins.value_count:
                yield Evidence(registry.in_guest(plugins.place), f"plugins that have run: {plugins.value_count}")


def _logs(guest: Guest) -> Iterator[Evidence]:
    for folder in _LOGS:
        try:
            names = [entry.name for entry in guest.listdir(folder)]
        except NotFound:
            continue
        for name in names:
            path = rf"{folder}\{name}"
            if guest.is_file(path) and (size := guest.stat(path).size):
                yield Evidence(guest.place(path), f"a log of {size} bytes")


RULES = (
    windows_cloudbase_init_finds_metadata,
    windows_cloudbase_init_starts,
    windows_cloudbase_init_state_is_gone,
)
