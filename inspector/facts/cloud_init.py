"""cloud-init in the guest: whether it is there, whether it runs, and what it is told."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from inspector.facts import UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.services import UnitState
from inspector.verdict import Evidence
from parsers.linux.cloud_init import (
    CloudConfig,
    DatasourceList,
    DsIdentifyConfig,
    Policy,
    parse_policy,
    python_datasources,
)
from parsers.linux.package import Package
from parsers.network.interface import Configuration
from parsers.place import Place

MARKER: Final = "/etc/cloud/cloud-init.disabled"
OWN_NETWORK: Final = (18,)
"""Since this version it writes the network configuration of every distribution itself."""


class Version(msgspec.Struct, frozen=True):
    """A version and where it is written; `numbers` are those that it begins with."""

    text: str
    place: Place

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers to compare, such as (22, 4, 2)."""
        return version_numbers(self.text)


def version_numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, an epoch left out."""
    text = re.sub(r"^\d+:", "", text)
    match = re.match(r"\d{1,9}(?:\.\d{1,9}){0,7}", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


class Seed(msgspec.Struct, frozen=True):
    """A directory below /var/lib/cloud/seed that holds data for a data source."""

    path: str
    datasource: str
    complete: bool


class CloudInit(msgspec.Struct, frozen=True):
    """What is known of cloud-init.

    Attributes:
        programs: the paths of its program and its main configuration that exist.
        missing: those that do not.
        sources: the Python modules of its data sources; none where their directory is not there.
        flaw: why the program cannot be executed; None where nothing speaks against it.
        package: as the package database knows it; None where that has none or could not be read.
        version: from the package, else from its Python module.
        config: cloud.cfg and cloud.cfg.d, merged.
        units: the units of its stages, under the names that this version has.
        generator: the systemd generator that enables it, or None.
        identify: ds-identify, or None.
        identify_config: what ds-identify.cfg says.
        shell: the datasource_list as ds-identify sees it.
        environment: KERNEL_CMDLINE from systemd's DefaultEnvironment, which stands for the kernel's arguments.
        marker, force: /etc/cloud/cloud-init.disabled and .enabled where they exist.
        kernel: the default kernel; None where it could not be told, and `kernel_reason` says why.
        seeds: data of data sources that lies in the guest.
        upgraded_network: the file that keeps cloud-init from configuring the network, where it exists.
        system_network: the network configuration in its own files, where there is one that is not "disabled".
        dmi: whether the guest's machine has DMI, so that ds-identify can tell clouds apart.
    """

    programs: tuple[str, ...]
    missing: tuple[str, ...]
    package: Package | None
    version: Version | None
    config: CloudConfig
    units: tuple[UnitState, ...] = ()
    generator: str | None = None
    identify: str | None = None
    identify_config: DsIdentifyConfig = msgspec.field(default_factory=DsIdentifyConfig)
    shell: DatasourceList | None = None
    environment: tuple[str, Place] | None = None
    marker: Place | None = None
    force: Place | None = None
    kernel: DefaultKernel | None = None
    kernel_reason: UnknownFact | None = None
    seeds: tuple[Seed, ...] = ()
    upgraded_network: Place | None = None
    system_network: Configuration | None = None
    dmi: bool = True
    flaw: Evidence | None = None
    sources: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether its program is there; configuration alone does nothing."""
        return any(path.endswith("/cloud-init") for path in self.programs)

    @property
    def python(self) -> DatasourceList | None:
        """The datasource_list as cloud-init's Python sees it."""
        return python_datasources(self.config)

    @property
    def arguments(self) -> tuple[tuple[str, Place], ...]:
        """The words that count as kernel arguments for cloud-init; of the environment where that stands for them."""
        if self.environment is not None:
            text, place = self.environment
            return tuple((word, place) for word in text.split())
        return tuple((word, self.kernel.place) for word in self.kernel.arguments) if self.kernel else ()

    @property
    def arguments_known(self) -> bool:
        """Whether the arguments above are all that there are."""
        return self.environment is not None or self.kernel is not None

    @property
    def makes_host_keys(self) -> bool:
        """Whether its module ssh runs and makes host keys: with `ssh_genkeytypes: ~`, as in EL 7, it makes none."""
        if not self.runs or self.config.module("ssh") is None:
            return False
        return self.config.place("ssh_genkeytypes") is None or bool(self.config.value("ssh_genkeytypes"))

    def argument(self, *names: str) -> tuple[str, Place] | None:
        """Return the last value of an argument, under any of its names, and its place."""
        found = None
        for word, place in self.arguments:
            name, equals, value = word.partition("=")
            if equals and name in names:
                found = value, place
        return found

    @property
    def switch(self) -> Evidence | None:
        """What switches it off, or None: an argument wins over the files, and .enabled over .disabled."""
        asked = self.argument("cloud-init")
        if asked is not None and asked[0] in ("enabled", "disabled"):
            return Evidence(asked[1], "cloud-init=disabled") if asked[0] == "disabled" else None
        if self.force is None and self.marker is not None:
            return Evidence(self.marker, "this file switches cloud-init off")
        return None

    @property
    def switches(self) -> tuple[Evidence, ...]:
        """Every way in which it is switched off, whether another one decides or not; empty where it is not."""
        if self.switch is None:
            return ()
        found = [self.switch]
        if self.marker is not None and self.marker != self.switch.place:
            found.append(Evidence(self.marker, "this file switches cloud-init off"))
        return tuple(found)

    @property
    def policy(self) -> tuple[Policy, Place | None]:
        """ds-identify's policy, and where it is set."""
        asked = self.argument("ci.di.policy")
        if asked is not None:
            return parse_policy(asked[0], dmi=self.dmi), asked[1]
        return parse_policy(self.identify_config.policy, dmi=self.dmi), self.identify_config.policy_place

    @property
    def pinned(self) -> tuple[str, Place] | None:
        """The data source that is used without looking, from an argument or ds-identify.cfg."""
        asked = self.argument("ci.ds", "ci.datasource", "ds")
        if asked is not None and asked[0]:
            # ds=nocloud;s=http://... carries settings of the data source behind a semicolon.
            return re.split(r"[;,]", asked[0])[0].removesuffix("-net"), asked[1]
        cfg = self.identify_config
        return (cfg.datasource, cfg.datasource_place) if cfg.datasource and cfg.datasource_place else None

    @property
    def runs(self) -> bool:
        """Whether it is installed, can be run, is not switched off, and all of its stages are started."""
        usable = self.installed and self.flaw is None and self.switch is None
        return usable and bool(self.units) and all(unit.enabled for unit in self.units)

    @property
    def network_off(self) -> tuple[Evidence, ...]:
        """What keeps it from configuring the network."""
        found = []
        setting = self.config.value("network")
        place = self.config.place("network")
        if place is not None and isinstance(setting, dict) and setting.get("config") == "disabled":
            found.append(Evidence(place, "network: {config: disabled}"))
        asked = self.argument("network-config")
        if asked is not None and asked[0] == "disabled":
            found.append(Evidence(asked[1], "network-config=disabled"))
        if self.upgraded_network is not None:
            found.append(Evidence(self.upgraded_network, "this file keeps cloud-init from configuring the network"))
        return tuple(found)

    @property
    def renders_network(self) -> bool:
        """Whether it writes the guest's network configuration at the first boot."""
        recent = self.version is not None and self.version.numbers >= OWN_NETWORK
        return self.runs and recent and not self.network_off and self.config.failure is None
