r"""Vminit, which prepares an instance of Windows at its first boot: that it runs, what it needs, and what it left.

The plugins are those of the vendor's documentation ("Initialization tools": ten, of which the last four run at every
boot). What each needs is what it does by that page, and what Windows needs for it by Microsoft's documentation:

    StartDepend        windows-ip-helper-starts
    OpenRDP            windows-rdp-is-enabled
    NetworkClean       windows-dhcp-client-starts windows-network-cards-use-dhcp windows-core-network-services-start
    ConfigDisk         windows-disk-service-starts windows-brings-new-disks-online
    ExtendVolume       windows-disk-service-starts windows-system-drive-can-grow
    CloudinitUserData  windows-user-data-can-run windows-vminit-left-nothing
    ConfigHostname     windows-host-name-has-one-owner windows-bears-its-last-name
    ConfigWsus         windows-update-service-starts windows-update-server-is-reachable
    ConfigKms          windows-licence-service-starts windows-licence-server-is-reachable
    ConfigNtp          windows-time-service-starts windows-takes-the-time-from-a-server

Its folders and the words of its log are from the vendor's published diagnosis of Windows ("Cloud Vminit Diagnostics").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.cloudbase_init import CLOUDBASE_INIT, class_name, configurations
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import Registry
from inspector.windows.service_start import judge_service
from inspector.windows.services import Service, Start, absent, service
from parsers.place import ParseError, Place
from parsers.windows.pe_version import parse_pe_version

_FOLDER: Final = r"\ProgramData\aliyun\vminit"
_USER_DATA: Final = rf"{_FOLDER}\user-data"
_LOGS: Final = rf"{_FOLDER}\log"
_MAX_LOG: Final = 4 << 20
_ERRORS: Final = re.compile(
    rb"extend_disk_error|online_disk_error|import_disk_error|format_disk_error|no_system_disk|registry_access_error|"
    rb"install_virtio_error|disk_cannot_extend|disk_data_loss|netkvm_start_fail_onmoc|unknown_operation|"
    rb"config_passwd_error|start_assist_error|config_ntp_error|meta_server_error|sysprep_not_ready|unknown_win_version"
)
_INTERPRETERS: Final = (
    r"\Windows\System32\cmd.exe",
    r"\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
)
_SCRIPTS: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell"
_REFUSED: Final = frozenset({"restricted", "allsigned"})
_AGENTS: Final = ("Ec2Config", "Amazon EC2Launch")
_SETS_NAME: Final = "SetHostNamePlugin"
_RUN: Final = tuple(
    rf"HKLM\SOFTWARE\{node}Microsoft\Windows\CurrentVersion\{name}"
    for node in ("", "WOW6432Node\\")
    for name in ("RunOnce", "Run", "RunOnceEx")
)
_RENAMES: Final = re.compile(r"(?i)rename-computer|netdom(?:\.exe)?\"?\s+renamecomputer|computersystem\b.*\brename\b")
_MAX_COMMAND: Final = 4096
_PATIENT: Final = (2, 0, 1, 6)
"""The first version that does not restart for ever where another program names the machine."""
_SHOWN: Final = 16


@rule("windows-user-data-can-run", "What runs the user's scripts is there, and no policy forbids it", "windows")
def windows_user_data_can_run(facts: Facts) -> Verdict:
    r"""cmd.exe and powershell.exe, and the policy "Turn on Script Execution", which outweighs what a caller asks for.

    Why: the user data of an instance are scripts for one or the other; where they cannot run, an instance is not what
    its user asked for, and nobody is told.

    Fix: restore the file that is named (`sfc /scannow`); set the policy to allow local scripts, or take it away.

    Reads: System32\cmd.exe, System32\WindowsPowerShell\v1.0\powershell.exe, Policies\Microsoft\Windows\PowerShell

    References: Alibaba Cloud, user data of Windows instances (batch and PowerShell); Initialization tools, Vminit
    (CloudinitUserData); Microsoft, about_Group_Policy_Settings, Turn on Script Execution.
    """
    guest, registry = facts[Guest], facts[Registry]
    bad: list[Evidence] = []
    unread = Unread()
    for path in _INTERPRETERS:
        with unread.kept():
            if flaw := flaw_of_program(facts, path, any_machine=True):
                bad.append(Evidence(guest.place(path), flaw))
    scripts = None
    with unread.kept():
        scripts = registry.number(_SCRIPTS, "EnableScripts")
        policy = registry.text(_SCRIPTS, "ExecutionPolicy") if scripts else None
        if scripts == 0:
            bad.append(Evidence(registry.place(_SCRIPTS, "EnableScripts"), "0: no script of PowerShell is run"))
        elif policy and policy.lower() in _REFUSED:
            bad.append(Evidence(registry.place(_SCRIPTS, "ExecutionPolicy"), policy))
    if bad:
        return warning("scripts of users cannot run", *bad)
    unread.tell()
    allowed = Evidence(registry.place(_SCRIPTS, "EnableScripts"), "not set" if scripts is None else str(scripts))
    return ok("scripts of users can run", *(Evidence(guest.place(path), "there") for path in _INTERPRETERS), allowed)


@rule("windows-vminit-left-nothing", "Vminit left no user data, and its last run no error", "windows")
def windows_vminit_left_nothing(facts: Facts) -> Verdict:
    r"""The user data that it keeps, which are named and not shown, and the words for errors in its newest log.

    Why: a copy takes user data that are kept for its own, and does not run those of its user; what failed in the source
    fails in every copy.

    Fix: delete the folder user-data; mend what the log names (virtio's drivers, the disk, the registry), then delete
    the log.

    Reads: C:\ProgramData\aliyun\vminit\user-data, C:\ProgramData\aliyun\vminit\log

    References: Alibaba Cloud, diagnosis of Windows, Vminit (cached user data, known error words).
    """
    guest = facts[Guest]
    left: list[Evidence] = []
    newest = None
    unread = Unread()
    with unread.kept():
        left += [
            Evidence(guest.place(path), "user data are kept") for path in islice(_files(guest, _USER_DATA), _SHOWN)
        ]
    with unread.kept():
        logs = (path for path in _files(guest, _LOGS) if guest.is_file(path))
        newest = max(logs, key=lambda path: (guest.stat(path).mtime, path), default=None)
        if newest:
            left += islice(_errors(guest, newest), _SHOWN)
    if left:
        return warning("Vminit left user data, or failed", *left)
    unread.tell()
    log = Evidence(guest.place(newest or _LOGS), "no known error" if newest else "no log")
    return ok("Vminit left nothing", Evidence(guest.place(_USER_DATA), "no user data"), log)


def _files(guest: Guest, folder: str) -> Iterator[str]:
    """Give the files and folders in a folder; a file of that name counts as itself."""
    if guest.is_file(folder):
        yield folder
        return
    try:
        entries = guest.listdir(folder)
    except NotFound:
        return
    for entry in entries:
        yield rf"{folder}\{entry.name}"


def _errors(guest: Guest, path: str) -> Iterator[Evidence]:
    """Give the lines of a log with words for errors, of a long one at its end; UTF-16 is read without its zeros."""
    source = guest.open(path)
    start = max(0, source.size - _MAX_LOG)
    content = source.read_at(start, source.size - start).replace(b"\0", b"")
    for number, line in enumerate(content.splitlines(), start=1):
        if found := _ERRORS.search(line):
            place = guest.place(path, line=None if start else number)
            yield Evidence(place, found[0].decode("ascii"))


@rule("windows-host-name-has-one-owner", "One program alone names an instance", "windows")
def windows_host_name_has_one_owner(facts: Facts) -> Verdict:
    r"""Vminit, Cloudbase-Init with its plugin SetHostName, EC2Config or EC2Launch, and commands that run at log-on.

    Why: each gives its own name and restarts Windows for it; Vminit before 2.0.1.6 and another one do so for ever.

    Fix: take the plugin out of `plugins` in cloudbase-init.conf, delete the command, or disable the service that is
    not this cloud's; update Vminit.

    Reads: Services\vminit, cloudbase-init, Ec2Config, Amazon EC2Launch; cloudbase-init.conf; Run and RunOnce

    References: Alibaba Cloud, Initialization tools, Vminit (ConfigHostname, version history); Cloudbase-Init, Plugins.
    """
    registry = facts[Registry]
    vminit = service(registry, "vminit")
    owners = [Evidence(vminit.start_place, "vminit")] if vminit and vminit.start == Start.AUTOMATIC else []
    others: list[Evidence] = []
    unread = Unread()
    for part in (_agents, _cloudbase_init, _commands):
        with unread.kept():
            others += islice(part(facts), _SHOWN)
    if len(owners) + len(others) <= 1:
        unread.tell()
        seen = [*owners, *others] or [Evidence(registry.place(_RUN[0]), "nobody names it")]
        return ok("no more than one program names the machine", *seen)
    version = _version(facts, vminit) if owners and vminit else None
    if version and version[1] < _PATIENT:
        seen = [Evidence(version[0], ".".join(map(str, version[1]))), *owners, *others]
        return warning("several programs name the machine, and this Vminit restarts for it again and again", *seen)
    return warning("several programs name the machine", *owners, *others)


def _agents(facts: Facts) -> Iterator[Evidence]:
    for name in _AGENTS:
        found = service(facts[Registry], name)
        if found and found.start == Start.AUTOMATIC:
            yield Evidence(found.start_place, name)


def _commands(facts: Facts) -> Iterator[Evidence]:
    """The commands of the next log-on that rename the machine."""
    registry = facts[Registry]
    for path in _RUN:
        for value in registry.values(path):
            if _RENAMES.search((value.text or "")[:_MAX_COMMAND]):
                yield Evidence(registry.in_guest(value.place), "a command that renames the machine")


def _cloudbase_init(facts: Facts) -> Iterator[Evidence]:
    """What Cloudbase-Init reads that lets it set the name, where nothing is said of plugins included."""
    program = service(facts[Registry], CLOUDBASE_INIT)
    if program is None or program.start != Start.AUTOMATIC:
        return
    for path, found in islice(configurations(facts), 1):
        option = found.option("plugins") if found else None
        plugins = (found.texts("plugins") if found and option else None) or ()
        if option is None or _SETS_NAME in map(class_name, plugins):
            seen = f"cloudbase-init with {_SETS_NAME}" if option else f"cloudbase-init, by default with {_SETS_NAME}"
            yield Evidence(facts[Guest].place(path, option.place.line if option else None), seen)


def _version(facts: Facts, vminit: Service) -> tuple[Place, tuple[int, int, int, int]] | None:
    """Return the version of Vminit, where its program tells one."""
    try:
        version = parse_pe_version(facts[Guest].open(vminit.file))
    except (NotFound, ParseError):
        return None
    return (facts[Guest].place(vminit.file), version.file_version) if version else None


@rule("windows-vminit-works", "Vminit, which prepares an instance at its first boot, is started", "windows")
def windows_vminit_works(facts: Facts) -> Verdict:
    r"""The service vminit and its program.

    Why: without it nobody sets the password, the host name, the network and the disks of an instance that was made of
    an image of one's own; a broken one keeps the instance from being prepared.

    Fix: install Vminit for the release of Windows by the vendor's guide, or remove what is left of it; where it is
    installed and not started, `sc.exe config vminit start= auto`.

    Reads: Services\vminit and its program

    References: Alibaba Cloud, Initialization tools, Vminit.
    """
    registry = facts[Registry]
    if service(registry, "vminit") is None:
        return warning("Vminit is not installed", absent(registry, "vminit"))
    return judge_service(facts, "vminit", Start.AUTOMATIC, of_windows=False)


RULES = (
    windows_host_name_has_one_owner,
    windows_user_data_can_run,
    windows_vminit_left_nothing,
    windows_vminit_works,
)
