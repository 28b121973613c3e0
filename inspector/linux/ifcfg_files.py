"""The back ends that read ifcfg files: Red Hat's network scripts, NetworkManager with its plugin, and wicked.

Sources: initscripts' sysconfig.txt; nm-settings-ifcfg-rh(5); ifcfg(5) and wicked-service(8).
Wicked takes its own XML (wicked-config(5)) beside them.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from inspector.facts.network import BackEnd
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest
from inspector.linux.network_files import service_state, texts
from parsers.linux.shell_assignments import parse_assignments
from parsers.network.ifcfg import (
    parse_redhat_alias,
    parse_redhat_ifcfg,
    parse_suse_ifcfg,
    suse_ports,
    with_aliases,
    with_ports,
)
from parsers.network.interface import Configuration
from parsers.network.wicked import parse_wicked
from parsers.place import Place

REDHAT: Final = "/etc/sysconfig/network-scripts"
SUSE: Final = "/etc/sysconfig/network"
_WICKED: Final = "/etc/wicked/ifconfig/*.xml"
_SETTINGS: Final = "/etc/sysconfig/network"
_PLUGINS: Final = (
    "/usr/lib64/NetworkManager/libnm-settings-plugin-ifcfg-rh.so",
    "/usr/lib64/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so",
    "/usr/lib/NetworkManager/libnm-settings-plugin-ifcfg-rh.so",
    "/usr/lib/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so",
)
_NO: Final = frozenset({"no", "n", "false", "f", "off", "0"})


def network_scripts(guest: Guest, services: Services) -> BackEnd | None:
    """Return Red Hat's scripts where they are installed; they take all ifcfg files, NetworkManager's included."""
    state = service_state(services, "network", "network.service")
    if not guest.is_file(f"{REDHAT}/network-functions") or not (state.installed and _is_script(guest, state)):
        return None
    state = _settings(guest, state)
    reason = f"{state.unit}: {state.reason}"
    return BackEnd(
        "network-scripts", state.enabled, state.place, reason, redhat_files(guest), masked=state.masked, ifcfg=True
    )


def _is_script(guest: Guest, state: UnitState) -> bool:
    """Tell network.service of the scripts from the alias that NetworkManager or wicked may have of that name."""
    if state.path is None:
        return True
    return "/init.d/" in state.path or "NetworkManager" not in guest.realpath(state.path)


def _settings(guest: Guest, state: UnitState) -> UnitState:
    """NETWORKING=no in /etc/sysconfig/network has the script leave at once."""
    for path, text in texts(guest, [_SETTINGS]):
        found = parse_assignments(text, path).get("NETWORKING")
        if found is not None and found.value.strip().lower() in _NO:
            return replace(state, started=False, place=found.place, reason=f"NETWORKING={found.value}")
    return state


def redhat_files(guest: Guest, *, by_manager: bool = False) -> Configuration:
    """Read every ifcfg file of Red Hat's scripts."""
    files = list(texts(guest, guest.glob(f"{REDHAT}/ifcfg-*")))
    found = [parse_redhat_ifcfg(text, path, by_manager=by_manager) for path, text in files]
    joined = Configuration(
        tuple(profile for one in found for profile in one.profiles),
        tuple(problem for one in found for problem in one.problems),
    )
    return with_aliases(joined, filter(None, (parse_redhat_alias(text, path) for path, text in files)))


def networkmanager_files(guest: Guest, plugins: tuple[str, ...]) -> Configuration | None:
    """Read what NetworkManager's plugin reads: not the files with NM_CONTROLLED=no; None where there is no plugin.

    `plugins` are those of NetworkManager.conf; keyfile alone stands for none named, when the plugin is loaded if it
    is installed.
    """
    named = set(plugins) - {"keyfile"}
    if named and "ifcfg-rh" not in named:
        return None
    if not any(guest.glob(pattern) for pattern in _PLUGINS):
        return None
    found = redhat_files(guest, by_manager=True)
    managed = tuple(
        replace(profile, backend="networkmanager", renderer=None)
        for profile in found.profiles
        if profile.renderer is None
    )
    return Configuration(managed, found.problems)


def left_alone(guest: Guest) -> tuple[str, ...]:
    """Return the interfaces that the plugin has NetworkManager leave alone: those of files with NM_CONTROLLED=no."""
    own = (profile for profile in redhat_files(guest).profiles if profile.renderer is not None)
    return tuple(name for profile in own for name in profile.match.names)


def handed_over(backends: list[BackEnd]) -> list[BackEnd]:
    """Take from the scripts what they leave to NetworkManager where that runs: all but files with NM_CONTROLLED=no."""
    manager = any(backend.name == "networkmanager" and backend.enabled and backend.ifcfg for backend in backends)
    return [_left(backend) if manager and backend.name == "network-scripts" else backend for backend in backends]


def _left(scripts: BackEnd) -> BackEnd:
    own = tuple(profile for profile in scripts.configuration.profiles if profile.renderer is not None)
    return replace(scripts, configuration=Configuration(own))


def wicked(guest: Guest, services: Services) -> BackEnd | None:
    """Return wicked, or on older systems the scripts that read the same files, where they are installed."""
    state = service_state(services, "wicked", "wicked.service")
    if not state.installed:
        if not guest.is_dir(SUSE):
            return None
        state = service_state(services, "network", "network.service")
        if not state.installed:
            return None
    reason = f"{state.unit}: {state.reason}"
    found = _suse_files(guest)
    own = [parse_wicked(text, path) for path, text in texts(guest, guest.glob(_WICKED))]
    found = Configuration(
        found.profiles + tuple(profile for one in own for profile in one.profiles),
        found.problems + tuple(problem for one in own for problem in one.problems),
    )
    return BackEnd("wicked", state.enabled, state.place, reason, found, masked=state.masked, ifcfg=True)


def _suse_files(guest: Guest) -> Configuration:
    files = list(texts(guest, guest.glob(f"{SUSE}/ifcfg-*")))
    ports = {path.partition("ifcfg-")[2]: suse_ports(text, path) for path, text in files}
    return with_ports((parse_suse_ifcfg(text, path) for path, text in files), ports)


def unread_files(guest: Guest, backends: list[BackEnd]) -> list[Place]:
    """Return the ifcfg files that no back end of the guest reads."""
    if any(backend.ifcfg for backend in backends):
        return []
    patterns = (f"{REDHAT}/ifcfg-*", f"{SUSE}/ifcfg-*")
    paths = (path for pattern in patterns for path in guest.glob(pattern))
    return [Place(path) for path in paths if not path.endswith(("ifcfg-lo", "ifcfg.template"))]
