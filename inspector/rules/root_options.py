"""Whether the root is mounted with a type and options that it has: by the kernel's arguments, and again by fstab."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.linux.mount_source import MountSource, is_mandatory, mount_source
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.linux.fstab import Fstab

_SAME_DRIVER: Final = {"ext4": {"ext4"}, "ext3": {"ext3", "ext4"}, "ext2": {"ext2", "ext4"}}
_ONLY_OF: Final = {
    "subvol": {"btrfs"},
    "subvolid": {"btrfs"},
    "compress": {"btrfs", "bcachefs", "ubifs"},
    "compress-force": {"btrfs"},
    "space_cache": {"btrfs"},
    "errors": {"ext2", "ext3", "ext4", "vfat", "ntfs", "jfs", "f2fs", "bcachefs"},
    "data": {"ext3", "ext4", "reiserfs"},
    "logbsize": {"xfs"},
    "inode64": {"xfs"},
    "uquota": {"xfs"},
    "prjquota": {"xfs", "ext4", "f2fs"},
}
"""Options that other file systems refuse, and so refuse to be mounted: admin-guide/ext4.rst, xfs(5), btrfs(5)."""


_ANYWHERE: Final = """
async atime auto bind comment context defaults defcontext dev diratime dirsync exec fscontext group helper iversion
lazytime loop loud mand noatime noauto nodev nodiratime noexec nofail noiversion nolazytime nomand norelatime
nostrictatime nosuid nosymfollow nouser owner private rbind relatime remount ro rootcontext rprivate rshared rslave rw
seclabel shared silent slave strictatime suid symfollow sync uhelper user users _netdev
"""
"""Options of every file system, and of mount(8) itself."""
_EXT: Final = """
abort acl auto_da_alloc barrier bh block_validity bsddf bsdgroups check commit data data_err dax debug
debug_want_extra_isize delalloc dioread_lock dioread_nolock discard errors fc_debug_force grpid grpjquota grpquota
i_version init_itable inlinecrypt inode_readahead_blks journal journal_async_commit journal_checksum journal_dev
journal_ioprio journal_path jqfmt max_batch_time max_dir_size_kb mb_optimize_scan mblk_io_submit min_batch_time minixdf
no_mbcache noacl noauto_da_alloc nobarrier nobh noblock_validity nocheck nodelalloc nodioread_nolock nodiscard nogrpid
noinit_itable nojournal_checksum noload nombcache nomblk_io_submit noprefetch_block_bitmaps noquota norecovery
noreservation nouid32 nouser_xattr nowarn_on_error oldalloc orlov prefetch_block_bitmaps prjjquota prjquota quota
reservation resgid resuid sb stripe sysvgroups test_dummy_encryption user_xattr usrjquota usrquota warn_on_error
"""
"""Options of ext2, ext3 and ext4: Linux, Documentation/admin-guide/ext4.rst, and ext4(5)."""
_KNOWN: Final = frozenset((_ANYWHERE + _EXT).split())


def _unheard(options: list[str], kind: str) -> list[str]:
    """Options that ext4 is not known to have; of other file systems nothing is told."""
    if kind not in {"ext2", "ext3", "ext4"}:
        return []
    names = ((option, option.partition("=")[0]) for option in options if option)
    return [option for option, name in names if not name.lower().startswith("x-") and name not in _KNOWN]


def _root(facts: Facts) -> Volume:
    volume = facts[Guest].mount_of("/").volume
    if volume is None or volume.type is None:
        raise NotApplicable("the type of the root file system is not known, which other rules report")
    return volume


def _foreign(options: list[str], kind: str) -> list[str]:
    return [option for option in options if kind not in _ONLY_OF.get(option.partition("=")[0], {kind})]


@rule(
    "root-arguments-fit-file-system",
    "The root file system has the type and the options that the kernel arguments give it",
)
def root_arguments_fit_file_system(facts: Facts) -> Verdict:
    """Options are judged that belong to other file systems, and for ext4 those that nobody knows.

    Why: mounting the root with the wrong type, or with an option that it does not know, fails, and the boot stops.

    Fix: take `rootfstype=` and `rootflags=` out of GRUB_CMDLINE_LINUX in /etc/default/grub, and run `update-grub`
    (`grub2-mkconfig -o /boot/grub2/grub.cfg`; with Red Hat `grubby --update-kernel=ALL --remove-args=` with them).

    Reads: the kernel arguments of the default entry, the superblock of the root.

    References: kernel-command-line(7), rootflags=; ext4(5), xfs(5), btrfs(5)
    """
    kernel = facts[DefaultKernel]
    kinds, flags = kernel.value("rootfstype"), kernel.value("rootflags")
    if not kinds and not flags:
        raise NotApplicable("neither rootfstype= nor rootflags= is among the kernel arguments")
    volume = _root(facts)
    kind = volume.type or ""
    named = set((kinds or kind).split(","))
    options = [option for option in (flags or "").split(",") if option]
    bad = [f"rootfstype={kinds}"] if not named & (_SAME_DRIVER.get(kind, {kind}) | {"auto"}) else []
    bad += [f"rootflags={option}" for option in _foreign(options, kind)]
    if bad:
        return failed(f"the root is {kind} on {volume.name}", *(Evidence(kernel.place, seen) for seen in bad))
    if unheard := _unheard(options, kind):
        seen = (Evidence(kernel.place, f"rootflags={option}") for option in unheard)
        return warning(f"{kind} is not known to have the option {', '.join(unheard)}", *seen)
    given = (("rootfstype", kinds), ("rootflags", flags))
    found = " ".join(f"{name}={value}" for name, value in given if value)
    return ok(f"the root is {kind}", Evidence(kernel.place, found))


@rule("root-is-mounted-to-be-used", "fstab mounts the root writable, with options that let programs run")
def root_is_mounted_to_be_used(facts: Facts) -> Verdict:
    """The options of the line for / come into effect once init runs.

    Why: with noexec no program starts any more; with ro no log, key or address can be written; with an option that the
    file system does not know the root stays read-only.

    Fix: write `defaults`, or `errors=remount-ro`, into the fourth field of the line for /, and run
    `systemctl unmask systemd-remount-fs.service` where it is masked.

    Reads: /etc/fstab, the superblock of the root, the unit systemd-remount-fs.service.

    References: mount(8), systemd-remount-fs.service(8)
    """
    entry = facts[Fstab].at("/")
    if entry is None:
        raise NotApplicable("no line mounts /, which fstab-names-root reports")
    options = [option for option in entry.options if option]
    seen = Evidence(entry.place, f"{entry.device} / {entry.kind} {','.join(options)}")
    if _last(options, "noexec", "exec", "user", "users") in {"noexec", "user", "users"}:
        return failed("the root is mounted so that no program runs", seen)
    kind = _root(facts).type or ""
    if foreign := _foreign(options, kind):
        return failed(f"the root is {kind}, which has no {', '.join(foreign)}", seen)
    if unheard := _unheard(options, kind):
        return warning(f"{kind} is not known to have the option {', '.join(unheard)}", seen)
    if _last(options, "ro", "rw", "defaults") == "ro":
        return warning("the root stays read-only", seen)
    if never := _never_remounted(facts):
        return warning("the root stays read-only: nothing applies the options of its line", never, seen)
    return ok("the root is mounted to be used", seen)


def _never_remounted(facts: Facts) -> Evidence | None:
    """What keeps a root that is mounted read-only at first, as nearly all are, from being mounted anew."""
    try:
        services, kernel = facts[Services], facts[DefaultKernel]
    except UnknownFact:  # which other rules report
        return None
    if services.manager != "systemd" or _last(list(kernel.arguments), "ro", "rw") == "rw":
        return None
    remount = services.state("systemd-remount-fs.service")
    return Evidence(remount.place, f"{remount.unit}: {remount.reason}") if remount.masked else None


def _last(options: list[str], *names: str) -> str | None:
    return next((option for option in reversed(options) if option in names), None)


_SYSTEM: Final = ("/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr")


@rule("fstab-hides-no-system-files", "fstab mounts nothing that is empty over the files of the system")
def fstab_hides_no_system_files(facts: Facts) -> Verdict:
    """Why: behind a file system in memory the programs of the directory are out of reach.

    Fix: take the line out.

    Reads: /etc/fstab

    References: mount(8), tmpfs(5)
    """
    entries = [entry for entry in facts[Fstab].entries if entry.kind in {"tmpfs", "ramfs", "devtmpfs"}]
    if not entries:
        raise NotApplicable("fstab mounts no file system in memory")
    hiding = [entry for entry in entries if entry.mount_point.rstrip("/") in ("", *_SYSTEM) and not entry.has("noauto")]
    if hiding:
        return failed(
            f"{', '.join(entry.mount_point for entry in hiding)} is hidden",
            *(Evidence(entry.place, f"{entry.kind} at {entry.mount_point}") for entry in hiding),
        )
    return ok(
        "no system file is hidden",
        *(Evidence(entry.place, f"{entry.kind} at {entry.mount_point}") for entry in entries),
    )


_VIRTUAL: Final = """
auto autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nfsd none
overlay proc pstore ramfs resctrl rpc_pipefs securityfs selinuxfs swap sysfs tmpfs tracefs usbfs
"""
_IN_MEMORY: Final = frozenset(_VIRTUAL.split())


@rule("fstab-types-are-known", "Where fstab mounts no device, it names a type that is known")
def fstab_types_are_known(facts: Facts) -> Verdict:
    """A helper /sbin/mount.TYPE makes a type known, too. The types of devices are another rule's.

    Why: mounting a type that the kernel does not know fails, and the boot stops in emergency mode.

    Fix: correct the third field, install the helper, or add nofail where the mount is optional.

    Reads: /etc/fstab, /sbin/mount.*

    References: fstab(5), mount(8)
    """
    guest = facts[Guest]
    entries = [entry for entry in facts[Fstab].entries if mount_source(entry) is MountSource.VIRTUAL]
    if not entries:
        raise NotApplicable("every line of fstab mounts a device, a share or a path")
    strange = [
        entry
        for entry in entries
        if entry.kind not in _IN_MEMORY and is_mandatory(entry) and not guest.exists(_helper(entry.kind))
    ]
    if strange:
        seen = (Evidence(entry.place, f"{entry.device} {entry.mount_point} {entry.kind}") for entry in strange)
        return warning(f"a type that is not known: {', '.join(entry.kind for entry in strange)}", *seen)
    return ok(
        "every type is known", *(Evidence(entry.place, f"{entry.kind} at {entry.mount_point}") for entry in entries)
    )


def _helper(kind: str) -> str:
    return f"/sbin/mount.{kind.partition('.')[0]}"


RULES = (fstab_types_are_known, fstab_hides_no_system_files, root_arguments_fit_file_system, root_is_mounted_to_be_used)
