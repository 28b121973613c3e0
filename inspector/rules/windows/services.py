r"""Services of Windows itself that an instance needs, and that none lacks what it depends on.

Start types of services are Microsoft's defaults ("Guidance on disabling system services on Windows Server"); which of
them Vminit's plugins need stands in vminit.py.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Status, Verdict, failed, ok, warning
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_service
from inspector.windows.services import SERVICES, Services, Start, unmet

_CORE: Final = {"nsi": True, "BFE": False, "Dnscache": False, "mpssvc": False}
"""Services of the network, and whether the DHCP client depends on them: without it no card has an address."""
_ON_DEMAND: Final = ("IKEEXT", "Netlogon", "Netman")
_SHOWN: Final = 16


@rule("windows-ip-helper-starts", "The service IP Helper is started", "windows")
def windows_ip_helper_starts(facts: Facts) -> Verdict:
    r"""Its start type and its program.

    Why: the plugin of Vminit that cleans the network of the source up uses it; without it the instance keeps the
    addresses of the source.

    Fix: `sc.exe config iphlpsvc start= auto`.

    Reads: Services\iphlpsvc

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean).
    """
    return judge_service(facts, "iphlpsvc", Start.AUTOMATIC)


@rule("windows-dhcp-client-starts", "The DHCP client is started", "windows")
def windows_dhcp_client_starts(facts: Facts) -> Verdict:
    r"""Its start type and its program.

    Why: without it no network card gets an address.

    Fix: `sc.exe config Dhcp start= auto`.

    Reads: Services\Dhcp

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean); Microsoft, DHCP client.
    """
    return judge_service(facts, "Dhcp", Start.AUTOMATIC)


@rule("windows-time-service-starts", "The service Windows Time can be started", "windows")
def windows_time_service_starts(facts: Facts) -> Verdict:
    r"""Automatic, or by hand: a trigger starts it then.

    Why: the plugin of Vminit that sets the time servers configures it; a clock that runs astray breaks log-ons and
    certificates.

    Fix: `sc.exe config W32Time start= auto`.

    Reads: Services\W32Time

    References: Alibaba Cloud, Initialization tools, Vminit (ConfigNtp).
    """
    return judge_service(facts, "W32Time", Start.MANUAL, required=False)


@rule("windows-core-network-services-start", "The services that every connection goes through are started", "windows")
def windows_core_network_services_start(facts: Facts) -> Verdict:
    r"""Base Filtering Engine, DNS client, Network Store Interface, Windows Defender Firewall.

    On demand there are also the keys of IPsec, the log-on to domains, and Network Connections.

    Why: the DHCP client and the DNS client depend on Network Store Interface, and do not start without it. The others
    are started on every Windows; to stop the firewall's service is not supported by Microsoft, and what remains of the
    network without it, or without Base Filtering Engine, is not documented. Those on demand are asked for by Azure.

    Fix: `reg add HKLM\SYSTEM\CurrentControlSet\Services\NAME /v Start /t REG_DWORD /d 2 /f` for the service that is
    named, of IKEEXT, Netlogon and Netman `/d 3`, and a restart. `sc.exe config` is refused for BFE, Dnscache and
    mpssvc: since Windows 10 administrators may change these in the registry alone.

    Reads: Services\BFE, Dnscache, nsi, mpssvc, IKEEXT, Netlogon, Netman

    References: Microsoft, Prepare a Windows VHD or VHDX to upload to Azure, "Check the Windows services"; Windows
    Firewall with Advanced Security Overview (on stopping its service).
    """
    unread = Unread()
    verdicts = []
    wanted = [(name, Start.AUTOMATIC, required) for name, required in _CORE.items()]
    for name, usual, required in [*wanted, *((name, Start.MANUAL, False) for name in _ON_DEMAND)]:
        with unread.kept():
            verdicts.append(judge_service(facts, name, usual, required=required))
    if bad := [verdict for verdict in verdicts if verdict.status is not Status.OK]:
        say = failed if any(verdict.status is Status.FAILED for verdict in bad) else warning
        fixes = dict.fromkeys(verdict.fix or windows_core_network_services_start.fix for verdict in bad)
        found = dict.fromkeys(item for verdict in bad for item in verdict.evidence)
        return say("; ".join(verdict.message for verdict in bad), *found, fix=" ".join(fixes))
    unread.tell()
    return ok("the services of the network are started", *(verdict.evidence[0] for verdict in verdicts))


@rule("windows-disk-service-starts", "The service Virtual Disk can be started", "windows")
def windows_disk_service_starts(facts: Facts) -> Verdict:
    r"""By hand is enough: who manages disks starts it.

    Why: diskpart and Disk Management go through it; without it nobody brings data disks online, and nobody extends the
    system drive.

    Fix: `sc.exe config vds start= demand`.

    Reads: Services\vds

    References: Microsoft, Virtual Disk Service; Alibaba Cloud, Initialization tools, Vminit (ConfigDisk, ExtendVolume).
    """
    return judge_service(facts, "vds", Start.MANUAL, required=False)


@rule("windows-update-service-starts", "The service Windows Update can be started", "windows")
def windows_update_service_starts(facts: Facts) -> Verdict:
    r"""By hand is enough: a trigger starts it then.

    Why: the plugin of Vminit that names the cloud's update servers has nothing to configure, and the instance gets no
    updates.

    Fix: `sc.exe config wuauserv start= demand`.

    Reads: Services\wuauserv

    References: Alibaba Cloud, Initialization tools, Vminit (ConfigWsus).
    """
    return judge_service(facts, "wuauserv", Start.MANUAL, required=False)


@rule("windows-licence-service-starts", "The service Software Protection can be started", "windows")
def windows_licence_service_starts(facts: Facts) -> Verdict:
    r"""What asks the licence server, and tells Windows that it is activated.

    Why: the plugin of Vminit that names the cloud's licence server (KMS) works through it; without it Windows takes
    itself for a copy that is not genuine.

    Fix: `reg add HKLM\SYSTEM\CurrentControlSet\Services\sppsvc /v Start /t REG_DWORD /d 2 /f`, and a restart;
    `sc.exe config` is refused since Windows 10.

    Reads: Services\sppsvc

    References: Microsoft, Slmgr.vbs options for volume activation; Alibaba Cloud, Initialization tools, Vminit
    (ConfigKms).
    """
    return judge_service(facts, "sppsvc", Start.MANUAL, required=False)


@rule(
    "windows-services-have-what-they-depend-on",
    "Services that start by themselves depend on services that are there",
    "windows",
)
def windows_services_have_what_they_depend_on(facts: Facts) -> Verdict:
    r"""The names in `DependOnService` of services and drivers that start at boot: of services that are not disabled.

    Why: a service does not start without those that it depends on, and nobody is told.

    Fix: uninstall the product whose service is named, or take the name out of `DependOnService`; a service that others
    need is not to be disabled.

    Reads: SYSTEM\CurrentControlSet\Services

    References: Microsoft, CreateServiceW, lpDependencies.
    """
    registry = facts[Registry]
    found = {item.name.lower(): item for item in facts[Services].readable}
    unread = Unread()
    bad: list[Evidence] = []
    for item in found.values():
        if item.start is not None and item.start <= Start.AUTOMATIC:
            with unread.kept():
                bad += [Evidence(place, seen) for place, seen in unmet(registry, item, found)]
    if bad:
        return warning("services depend on others that are not there or disabled", *bad[:_SHOWN])
    unread.tell()
    facts[Services].tell()
    return ok("services have what they depend on", Evidence(registry.place(SERVICES), f"{len(found)} services"))


RULES = (
    windows_core_network_services_start,
    windows_dhcp_client_starts,
    windows_disk_service_starts,
    windows_ip_helper_starts,
    windows_licence_service_starts,
    windows_services_have_what_they_depend_on,
    windows_time_service_starts,
    windows_update_service_starts,
)
