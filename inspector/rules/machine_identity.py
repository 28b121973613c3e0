"""What makes one machine itself: an image that is copied must not carry it into every copy."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from inspector.facts import Facts
from inspector.facts.cloud_init import CloudInit
from inspector.facts.hostname import Hostname
from inspector.facts.network import NetworkConfig
from inspector.facts.services import Services
from inspector.facts.sshd import Sshd
from inspector.guest import Guest, NotFound
from inspector.linux.dhcp_hostname import sent_names
from inspector.linux.leftover_files import MAX_SHOWN, absent, none_left
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.filesystem.tree import FileType
from parsers.linux.fstab import Fstab
from parsers.place import Place

_MACHINE_ID: Final = "/etc/machine-id"
_DBUS: Final = "/var/lib/dbus/machine-id"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ID_LIMIT: Final = 4096
_TEXT_LIMIT: Final = 1 << 20
_GENERIC: Final = frozenset(
    {"localhost", "localhost.localdomain", "localhost.localhost", "linux", "(none)", "alpine", "archlinux", "debian",
     "fedora", "ubuntu"}
)  # fmt: skip
"""Names that mean nothing, and those that distributions' own images carry."""
_KEY_MAKERS: Final = (
    "sshd-keygen@.service",
    "sshd-keygen.target",
    "sshd-keygen.service",
    "sshdgenkeys.service",
    "ssh-keygen.service",
    "regenerate_ssh_host_keys.service",
)
_MAKING_SCRIPTS: Final = ("/etc/rc.d/init.d/sshd", "/etc/init.d/sshd")
_DHCP: Final = (
    "/var/lib/dhcp/*",
    "/var/lib/dhclient/*",
    "/var/lib/dhcpcd/*",
    "/var/lib/dhcp3/*",
    "/var/lib/dhcpv6/*",
    "/var/db/dhcpcd/*",
    "/etc/dhcpcd.duid",
    "/var/lib/NetworkManager/*.lease",
    "/var/lib/NetworkManager/secret_key",
    "/var/lib/NetworkManager/seen-bssids",
    "/var/lib/NetworkManager/timestamps",
    "/var/lib/wicked/lease-*.xml",
    "/var/lib/wicked/duid.xml",
    "/var/lib/wicked/iaid.xml",
    "/var/lib/systemd/network/*",
)
_SEEDS: Final = (
    "/var/lib/systemd/random-seed",
    "/var/lib/urandom/random-seed",
    "/var/lib/misc/random-seed",
    "/var/lib/random-seed",
    "/var/lib/seedrng/*",
    "/boot/efi/loader/random-seed",
    "/boot/loader/random-seed",
    "/efi/loader/random-seed",
)
_LINE: Final = re.compile(r"[ \t]*[^#\s]")
_INITIATORS: Final = {
    "/etc/iscsi/initiatorname.iscsi": re.compile(r"[ \t]*InitiatorName[ \t]*=[ \t]*\S", re.IGNORECASE),
    "/etc/nvme/hostid": _LINE,
    "/etc/nvme/hostnqn": _LINE,
    "/etc/multipath/wwids": _LINE,
    "/etc/multipath/bindings": _LINE,
    "/var/lib/multipath/bindings": _LINE,
}
"""The lines that name a machine or its disks: open-iscsi ships `GenerateName=yes`, multipath a heading of comments."""
_HOST_ID: Final = "/etc/hostid"
_DEVICES_FILE: Final = "/etc/lvm/devices/system.devices"


@rule("machine-id-is-unset", "The machine id is made anew at the first boot")
def machine_id_is_unset(facts: Facts) -> Verdict:
    """Why: all copies of an image with an id share it: DHCP gives them one address, and logs and licences mix them up.

    Fix: `: > /etc/machine-id` (or `echo uninitialized > /etc/machine-id`) as the last step before the image is taken.
    Reads: /etc/machine-id, /etc/fstab
    References: machine-id(5)
    """
    guest = facts[Guest]
    try:
        text = guest.read_text(_MACHINE_ID, _ID_LIMIT)
    except NotFound:
        return _without_id(facts)
    word = text.strip()
    place = guest.place(_MACHINE_ID)
    if not word:
        return ok("an id is made at every first boot", Evidence(place, "empty"))
    if word == "uninitialized":
        return ok("an id is made at the first boot", Evidence(place, word))
    if not _ID.fullmatch(word) or not word.strip("0"):
        return failed("an id of 32 hexadecimal digits, or none, wanted", Evidence(place, word[:40]))
    return warning("every copy of the image will have this id", Evidence(place, f"{word[:8]}..."))


def _without_id(facts: Facts) -> Verdict:
    for entry in facts[Fstab].entries:
        if entry.mount_point == "/" and "ro" in entry.options:
            seen = Evidence(entry.place, "/ is mounted read-only")
            return failed("no id, and none can be written", Evidence(Place(_MACHINE_ID), "no such file"), seen)
    return ok("an id is made at the first boot", Evidence(Place(_MACHINE_ID), "no such file"))


@rule("dbus-machine-id-follows", "The id of D-Bus is that of the machine")
def dbus_machine_id_follows(facts: Facts) -> Verdict:
    """Why: a copy of the id that is a file of its own stays the same in every copy of the image.

    Fix: remove /var/lib/dbus/machine-id, or `ln -sf /etc/machine-id /var/lib/dbus/machine-id`.
    Reads: /var/lib/dbus/machine-id, /etc/machine-id
    References: dbus-uuidgen(1)
    """
    guest = facts[Guest]
    try:
        kind = guest.lstat(_DBUS).type
    except NotFound:
        return ok("there is no copy of the id", Evidence(Place(_DBUS), "no such file"))
    place = guest.place(_DBUS)
    if kind is FileType.SYMLINK:
        seen = Evidence(place, f"leads to {guest.readlink(_DBUS)[:80]}")
        if _leads_to_id(guest):
            return ok("the copy of the id is a link", seen)
        return warning(f"a link to {_MACHINE_ID} wanted, a link elsewhere found", seen)
    own = guest.read_text(_DBUS, _ID_LIMIT).strip()
    if not own:
        return ok("the copy of the id is empty", Evidence(place, "empty"))
    return warning("D-Bus keeps an id of its own, which every copy will have", Evidence(place, f"{own[:8]}..."))


def _leads_to_id(guest: Guest) -> bool:
    """Tell whether the link leads to the machine id, be it that this is made at boot alone."""
    if guest.exists(_DBUS):
        return guest.exists(_MACHINE_ID) and guest.realpath(_DBUS) == guest.realpath(_MACHINE_ID)
    return posixpath.normpath(posixpath.join(posixpath.dirname(_DBUS), guest.readlink(_DBUS))) == _MACHINE_ID


@rule("host-id-is-unset", "No id of gethostid is left")
def host_id_is_unset(facts: Facts) -> Verdict:
    """Why: copies of one host id are one machine to ZFS, which imports a pool twice then, and to bought programs.

    Fix: remove /etc/hostid; a root on ZFS needs the boot of the copy to make its own.
    Reads: /etc/hostid
    References: gethostid(3)
    """
    return none_left(facts[Guest], (_HOST_ID,), "every copy will have this host id")


@rule("boot-entries-do-not-carry-an-id", "No boot entry is named by the machine id")
def boot_entries_do_not_carry_an_id(facts: Facts) -> Verdict:
    """Why: kernels that are installed under a new id leave the entries of the old one behind, until /boot is full.

    Fix: `echo os-id > /etc/kernel/entry-token`, and install the kernel anew with kernel-install; Red Hat's grub2 knows
    no such name: have the first boot rename the entries, and saved_entry in grubenv, after the new id.
    Reads: /boot/loader/entries, /boot, /etc/kernel/entry-token
    References: kernel-install(8), the Boot Loader Specification
    """
    guest = facts[Guest]
    token = "/etc/kernel/entry-token"  # noqa: S105 - the name of a file
    named = guest.read_text(token, _ID_LIMIT).strip() if guest.is_file(token) else ""
    if _ID.fullmatch(named):
        return warning("the entry token is a machine id", Evidence(guest.place(token), f"{named[:8]}..."))
    if named:
        return ok("entries go by a name of their own", Evidence(guest.place(token), named[:80]))
    paths = [path for pattern in ("/boot/loader/entries/*.conf", "/boot/*", "/efi/*") for path in guest.glob(pattern)]
    found = [path for path in paths if _ID.match(path.rpartition("/")[2])]
    if found:
        return warning(
            "boot entries carry a machine id",
            *(Evidence(guest.place(path), "named by a machine id") for path in found[:8]),
        )
    return ok("no boot entry carries a machine id", Evidence(Place("/boot"), "no name begins with a machine id"))


@rule("ssh-host-keys-are-made-anew", "Every copy of the image makes host keys of its own")
def ssh_host_keys_are_made_anew(facts: Facts) -> Verdict:
    """Why: who owns one copy of an image with host keys can pose as every other; without keys sshd does not start.

    Fix: remove /etc/ssh/ssh_host_*_key*, and have them made at boot: by cloud-init (module ssh, with ssh_deletekeys
    left on), or by a unit that calls `ssh-keygen -A`.
    Reads: /etc/ssh, cloud-init's configuration, the units that make keys
    References: cloud-init's documentation, module ssh; ssh-keygen(1)
    """
    guest, cloud = facts[Guest], facts[CloudInit]
    keys = [Evidence(guest.place(path), "a host key") for path in guest.glob("/etc/ssh/ssh_host_*_key")]
    if not guest.exists("/usr/sbin/sshd"):
        raise NotApplicable("sshd is not installed")
    module = cloud.runs and cloud.config.module("ssh") is not None
    deletes = cloud.config.value("ssh_deletekeys") in (None, True, "true", "yes", 1)
    place = cloud.config.place("ssh_deletekeys") or Place(cloud.programs[0] if cloud.programs else "/etc/cloud")
    if cloud.makes_host_keys and (deletes or not keys):
        return ok("cloud-init makes new host keys", Evidence(place, "its module ssh makes them"))
    if keys and not (module and deletes):
        return warning("every copy of the image will have these host keys", *keys)
    if (maker := _key_maker(facts)) is not None:
        return ok("host keys are made at boot", maker)
    return failed("there are no host keys, and nothing makes them", Evidence(Place("/etc/ssh"), "no ssh_host_*_key"))


def _key_maker(facts: Facts) -> Evidence | None:
    guest, services, sshd = facts[Guest], facts[Services], facts[Sshd]
    if sshd.key_makers:
        return sshd.key_makers[0]
    for unit in _KEY_MAKERS if sshd.starter is None else ():  # what sshd starts with it would be among the makers
        state = services.state(unit)
        if state.path is not None and not state.masked:
            return Evidence(Place(state.path), f"{unit} makes them")
    for path in _MAKING_SCRIPTS:
        if guest.is_file(path) and "ssh-keygen" in guest.read_text(path):
            return Evidence(guest.place(path), "the script makes them")
    return None


@rule("network-names-are-not-persistent", "No rule of udev keeps the name of a card that is gone")
def network_names_are_not_persistent(facts: Facts) -> Verdict:
    """Why: the rule keeps eth0 for the old machine's card; that of the copy becomes eth1, which nothing configures.

    Fix: remove /etc/udev/rules.d/70-persistent-net.rules (and 75-persistent-net-generator.rules, which writes it).
    Reads: udev rules, .link files
    References: udev(7), virt-sysprep(1)
    """
    network = facts[NetworkConfig]
    if network.bindings:
        return failed(
            "names are kept for cards of one machine", *(Evidence(it.place, it.seen) for it in network.bindings[:8])
        )
    return ok("no name is kept for a card", Evidence(Place("/etc/udev/rules.d"), "no rule names a card by its address"))


@rule("dhcp-state-is-gone", "No lease and no client id of DHCP is left")
def dhcp_state_is_gone(facts: Facts) -> Verdict:
    """Why: copies that ask with one client id are given one address; an old lease asks for another network's.

    Fix: remove the files that are named, before the image is taken.
    Reads: the state of dhclient, dhcpcd, NetworkManager, wicked and systemd-networkd below /var/lib
    References: dhclient(8), virt-sysprep(1)
    """
    return none_left(facts[Guest], _DHCP, "the state of DHCP is left behind")


@rule("random-seed-is-gone", "No saved random seed is left")
def random_seed_is_gone(facts: Facts) -> Verdict:
    """Why: copies that start with one seed may make the same keys before they have gathered randomness of their own.

    Fix: remove the files that are named, before the image is taken.
    Reads: the random seeds of systemd, of init scripts and of systemd-boot
    References: systemd-random-seed.service(8)
    """
    return none_left(facts[Guest], _SEEDS, "a random seed is left behind")


@rule("initiator-names-are-unset", "No name of an iSCSI or NVMe initiator, and no multipath binding, is left")
def initiator_names_are_unset(facts: Facts) -> Verdict:
    """Why: a storage array takes two machines of one initiator name for one, and lets them write over one another.

    Fix: remove the files that are named; their services make new ones.
    Reads: /etc/iscsi, /etc/nvme, /etc/multipath
    References: iscsi-iname(8), nvme-gen-hostnqn(1), multipath.conf(5)
    """
    guest = facts[Guest]
    found = [
        Evidence(guest.place(path, number), "left behind")
        for path, setting in _INITIATORS.items()
        if guest.is_file(path)
        for number, line in enumerate(guest.read_text(path, _TEXT_LIMIT).split("\n"), start=1)
        if setting.match(line)
    ]
    if found:
        return warning("initiator names are left behind", *found[:MAX_SHOWN])
    return ok("nothing is left behind", *absent(_INITIATORS))


@rule("lvm-devices-file-is-gone", "LVM is not told to look at the disks of another machine alone")
def lvm_devices_file_is_gone(facts: Facts) -> Verdict:
    """Why: with a devices file LVM sees no disk that is not in it, and the copy's disk has another id.

    Fix: remove /etc/lvm/devices/system.devices.
    Reads: /etc/lvm/devices
    References: lvmdevices(8)
    """
    return none_left(facts[Guest], (_DEVICES_FILE,), "LVM looks at the disks of one machine alone")


@rule("hostname-is-generic", "The host name is set by the cloud, not by the image")
def hostname_is_generic(facts: Facts) -> Verdict:
    """Why: copies of one name are mixed up in logs, in monitoring and in a directory of machines.

    Fix: empty /etc/hostname, or write localhost into it; take the name that DHCP asks for out of the network's files.
    Reads: /etc/hostname, and the older files for it; DHCP_HOSTNAME of ifcfg files, dhcp-hostname of NetworkManager's
    profiles, host-name of dhclient.conf, hostname of dhcpcd.conf
    References: hostname(5)
    """
    hostname = facts[Hostname]
    sent = [Evidence(place, name) for name, place in sent_names(facts[Guest]) if name.lower() not in _GENERIC]
    if sent:
        return warning("every copy will ask for this host name", *sent[:MAX_SHOWN])
    if hostname.name is None or hostname.name.lower() in _GENERIC:
        return ok("no host name of its own", Evidence(hostname.place, hostname.name or "no name"))
    return warning("every copy will have this host name", Evidence(hostname.place, hostname.name))


RULES = (
    machine_id_is_unset,
    dbus_machine_id_follows,
    host_id_is_unset,
    boot_entries_do_not_carry_an_id,
    ssh_host_keys_are_made_anew,
    network_names_are_not_persistent,
    dhcp_state_is_gone,
    random_seed_is_gone,
    initiator_names_are_unset,
    lvm_devices_file_is_gone,
    hostname_is_generic,
)
