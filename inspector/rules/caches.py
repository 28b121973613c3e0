"""Rules about what programs put aside: the memory of those that crashed, mail, temporary files and caches."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.linux.leftover_files import MAX_SHOWN, absent, leftovers, none_left
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.filesystem.tree import FileType

_DUMPS: Final = (
    "/var/crash/*.crash", "/var/crash/*/*", "/var/log/dump/*", "/var/lib/systemd/coredump/*",
    "/var/lib/apport/coredump/*", "/var/spool/abrt/*/*", "/var/tmp/abrt/*/*", "/var/cache/abrt/*/*", "/core",  # noqa: S108 - of the guest
    "/core.[0-9]*", "/root/core", "/root/core.[0-9]*",
)  # fmt: skip
_MAIL: Final = (
    "/var/mail/*", "/var/spool/mail/*", "/var/spool/mqueue/*", "/var/spool/clientmqueue/*",
    "/var/spool/postfix/active/*", "/var/spool/postfix/deferred/*/*", "/var/spool/postfix/hold/*",
    "/var/spool/postfix/incoming/*", "/var/spool/postfix/maildrop/*", "/var/spool/exim/input/*",
    "/var/spool/exim4/input/*",
)  # fmt: skip
_FOLDERS: Final = (
    "/tmp", "/var/tmp", "/var/cache/apt/archives", "/var/lib/apt/lists", "/var/cache/yum", "/var/cache/dnf",  # noqa: S108 - of the guest
    "/var/cache/libdnf5", "/var/cache/PackageKit", "/var/cache/zypp", "/var/cache/apk", "/etc/apk/cache",
    "/var/cache/pacman/pkg",
)  # fmt: skip
_RECORDS: Final = (
    "/etc/blkid/blkid.tab", "/var/lib/rpm/__db.*", "/var/account/pacct", "/var/log/account/pacct", "/var/lib/dhcpd/*",
    "/var/lib/dovecot/*",
)  # fmt: skip
_MOST_FILES: Final = 20_000
_MIB: Final = 1 << 20


@rule("crash-dumps-are-gone", "No memory of a program or of the kernel is left")
def crash_dumps_are_gone(facts: Facts) -> Verdict:
    """Why: a dump holds what the program held: passwords, keys and data of the source machine.

    Fix: remove the files that are named.
    Reads: /var/crash, /var/log/dump, the folders of systemd-coredump, apport and abrt

    References: core(5), coredumpctl(1), virt-sysprep(1)
    """
    return none_left(facts[Guest], _DUMPS, "dumps are left behind")


@rule("mail-spools-are-empty", "No mail waits in the image")
def mail_spools_are_empty(facts: Facts) -> Verdict:
    """Why: every copy sends a message that waits to be sent, and shows those of the source machine's users.

    Fix: remove the files that are named.
    Reads: /var/mail, the queues of sendmail, Postfix and Exim

    References: virt-sysprep(1)
    """
    return none_left(facts[Guest], _MAIL, "mail is left behind")


@rule("caches-are-empty", "No temporary files and no downloaded packages are left")
def caches_are_empty(facts: Facts) -> Verdict:
    """Why: they make the image and each of its copies larger, and may hold what was meant for one machine alone.

    Fix: `apt-get clean`, `dnf clean all`, `zypper clean --all`, `apk cache clean` or `pacman -Scc`; empty /tmp and
    /var/tmp, and remove the files that are named.
    Reads: /tmp, /var/tmp, the caches of package managers, the records of blkid, rpm, accounting and a DHCP server

    References: apt-get(8), clean; dnf(8), clean; virt-sysprep(1)
    """
    guest = facts[Guest]
    found = [seen for folder in _FOLDERS if guest.is_dir(folder) and (seen := _filled(guest, folder))]
    found += leftovers(guest, _RECORDS)
    if found:
        return warning("temporary files or caches are left behind", *found[:MAX_SHOWN])
    return ok("nothing is left behind", *absent((*_FOLDERS, *_RECORDS)))


def _filled(guest: Guest, folder: str) -> Evidence | None:
    """Count the files with content below a folder, and their bytes."""
    files = size = 0
    for number, (path, _, stat) in enumerate(guest.walk(folder)):
        if number > _MOST_FILES:
            raise UnknownFact(f"more than {_MOST_FILES} files to look through", guest.place(path))
        if stat.type is FileType.FILE and stat.size:
            files += 1
            size += stat.size
    return Evidence(guest.place(folder), f"{files} files, {size // _MIB} MiB") if files else None


RULES = (crash_dumps_are_gone, mail_spools_are_empty, caches_are_empty)
