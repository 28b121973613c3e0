"""What systemd generators would write at boot, as far as it decides whether a service starts.

A generator is a program, so nothing of it is run; those known by name are described here (systemd.generator(7)).
A description says what the generator does in a guest in a cloud, where it finds what it looks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from inspector.guest import Guest
from inspector.linux.pull import Pull
from parsers.place import Place

_FOLDERS: Final = (
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
)
_NETWORK_MANAGER: Final = re.compile(r"^ {0,4}renderer:\s*[\"']?NetworkManager", re.MULTILINE)


def generated_pulls(guest: Guest) -> dict[str, list[Pull]]:
    """Return what the generators of this guest pull in, under the unit that pulls."""
    pulls: dict[str, list[Pull]] = {}
    for name, describe in _GENERATORS.items():
        path = _generator(guest, name)
        if path is not None:
            for pull in describe(guest, path):
                pulls.setdefault(pull.by, []).append(pull)
    return pulls


def _generator(guest: Guest, name: str) -> str | None:
    """Return the path of a generator. One that is a link to /dev/null, or cannot be executed, is switched off."""
    for folder in _FOLDERS:
        path = f"{folder}/{name}"
        if guest.glob(path):
            stat = guest.stat(path) if guest.is_file(path) else None
            return path if stat and stat.size and stat.mode & 0o111 else None
    return None


def _cloud_init(guest: Guest, path: str) -> Iterator[Pull]:
    """cloud-init's generator links cloud-init.target below multi-user.target unless it was disabled.

    It is disabled by /etc/cloud/cloud-init.disabled, by the kernel argument cloud-init=disabled (not looked at
    here), and where ds-identify finds no datasource, which a cloud's instance always has.
    """
    if not guest.exists("/etc/cloud/cloud-init.disabled"):
        yield Pull("cloud-init.target", "multi-user.target", Place(path), "cloud-init-generator pulls it in")


def _netplan(guest: Guest, path: str) -> Iterator[Pull]:
    """Netplan's generator has systemd-networkd started where some netplan file leaves the rendering to it."""
    for file in guest.glob("/etc/netplan/*.yaml") + guest.glob("/usr/lib/netplan/*.yaml"):
        if not _NETWORK_MANAGER.search(guest.read_text(file)):
            reason = f"{path} pulls it in for {file}"
            yield Pull("systemd-networkd.service", "multi-user.target", Place(file), reason)


def _rc_local(guest: Guest, path: str) -> Iterator[Pull]:
    """systemd-rc-local-generator(8): /etc/rc.local, or /etc/rc.d/rc.local, is run if it is executable."""
    for script in ("/etc/rc.local", "/etc/rc.d/rc.local"):
        if guest.is_file(script) and guest.stat(script).mode & 0o111:
            yield Pull("rc-local.service", "multi-user.target", Place(script), f"{path} pulls it in")


def has_sysv_generator(guest: Guest) -> bool:
    """Tell whether init scripts without a unit of their own become units (systemd-sysv-generator(8))."""
    return _generator(guest, "systemd-sysv-generator") is not None


_GENERATORS: Final[dict[str, Callable[[Guest, str], Iterator[Pull]]]] = {
    "cloud-init-generator": _cloud_init,
    "netplan": _netplan,
    "systemd-rc-local-generator": _rc_local,
}
