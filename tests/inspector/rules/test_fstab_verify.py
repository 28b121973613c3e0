"""fstab as `findmnt --verify` judges it: which of more than a hundred lines are errors.

One guest is made twice: in memory, and in a folder with device files of four small file systems, in which findmnt runs.
What it only warns of is not compared; what the kernel of this machine cannot mount is nothing to us.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.fstab import RULES, fstab_devices_have_stable_names
from inspector.verdict import NotApplicable, Status
from tests.memory_tree import Dir, Files, Link
from tests.oracles import needs
from tests.volumes import storage_of, volume_of

ROOT: Final = "UUID=aaaaaaaa-0000-4000-8000-000000000001 / ext4 rw 0 1\n"
HOME: Final = "aaaaaaaa-0000-4000-8000-000000000002"
GONE: Final = "aaaaaaaa-0000-4000-8000-000000000009"
DEVICES: Final = (
    ("ext4", "aaaaaaaa-0000-4000-8000-000000000001", "root", ("mkfs.ext4", "-q", "-U", "{uuid}", "-L", "{label}")),
    ("ext4", HOME, "home", ("mkfs.ext4", "-q", "-U", "{uuid}", "-L", "{label}")),
    ("swap", "aaaaaaaa-0000-4000-8000-000000000003", "swp", ("mkswap", "-q", "-U", "{uuid}", "-L", "{label}")),
    ("vfat", "ABCD-1234", "ESP", ("mkfs.vfat", "-i", "ABCD1234", "-n", "{label}")),
)
"""Type, UUID and label of sda1 to sda4, and what makes them."""
FILES: Final[Files] = {
    **{f"/{name}": Dir() for name in ("boot", "dev", "home", "proc", "sys", "tmp", "srv/dir", "mnt/data")},
    "/srv/file": "", "/srv/image.img": "", "/mnt/link": Link("/mnt/data"), "/mnt/dangling": Link("/nowhere"),
}  # fmt: skip

AGREED: Final = (
    f"UUID={HOME} /home ext4 defaults 0 2", f"UUID={GONE} /home ext4 defaults 0 2", f"UUID={GONE} /home ext4 noauto",
    "LABEL=home /home ext4", "LABEL=none /home ext4", "PARTUUID=1234-01 /home ext4", "ID=x /home ext4",
    "PARTLABEL=x /home ext4", "FOO=x /home ext4", "LABEL=a\\040b /home ext4", f'UUID="{HOME}" /home ext4',
    f"UUID={HOME.upper()} /home ext4", f"uuid={HOME} /home ext4",
    "/dev/sda2 /home ext4", "/dev/sda2 /home/ ext4", "/dev/sda2 //home ext4", "/dev/sda2 /home/../home ext4",
    "/dev/sda2 /mnt/link ext4", "/dev/sda2 /srv/file ext4",
    "/dev/sda2 /nowhere ext4 noauto", "/dev/sda2 none ext4", "/dev/sda2 swap ext4", "/dev/sda2 none ext4 noauto",
    f"/dev/disk/by-uuid/{HOME} /home ext4", "/dev/disk/by-label/home /home ext4",
    "/dev/sda2 /home auto", "/dev/sda2 /home none", "/dev/sda2 /home xfs", "/dev/sda2 /home ext3",
    "/dev/sda2 /home ext2", "/dev/sda2 /home noext4", "/dev/sda2 /home foofs", "/dev/sda2 /home btrfs subvol=/home",
    "/dev/sda2 /home xfs,btrfs", "/dev/sda2 /home vfat", "/dev/sda2 none ignore", "none none ignore", "none none none",
    "/dev/sda2 /home ext4 foo=bar,baz", "/dev/sda2 /home ext4 rw,ro", "/dev/sda2 /home ext4 uid=xx",
    "/dev/sda2 /home ext4 X-mount.mkdir", "/dev/sda2 /home ext4 nofail,x-systemd.device-timeout=5",
    "/dev/sda2 /home ext4 ,,", '/dev/sda2 /home ext4 context="a,b"',
    "/dev/sda3 none swap sw 0 0", "/dev/sda3 swap swap", "/dev/sda3 /home swap", "/dev/sda3 none ext4",
    "/dev/sda3 /home ext4", "LABEL=swp none swap sw,pri=5", "LABEL=swp none swap pri=-2", "LABEL=swp none swap pri=",
    "LABEL=swp none swap pri", "LABEL=swp none swap pri=x", "LABEL=swp none swap pri=5x", "LABEL=swp none swap pri=+5",
    "LABEL=swp none swap pri=0x5", "LABEL=swp none swap pri=99999999999", "LABEL=swp none swap pri=5,pri=x",
    "LABEL=swp none swap pri=x,pri=5", "LABEL=swp none swap discard", "LABEL=swp none swap discard=",
    "LABEL=swp none swap discard=once,pri=1", "LABEL=swp none swap discard=pages", "LABEL=swp none swap discard=foo",
    "LABEL=swp none swap discard=once:pages", "LABEL=swp none swap DISCARD=x", "LABEL=swp none swap nofail,foo",
    "/srv/file none swap", "/srv/nofile none swap", "/srv/dir none swap", "foo none swap", "none none swap",
    "/srv/dir /home none bind", "/srv/dir /home none rbind", "/srv/dir /home ext4 bind", "/srv/dir /home auto",
    "/srv/nodir /home none bind,nofail", "/srv/image.img /home ext4 loop", "/srv/image.img /home ext4",
    "tmpfs /tmp tmpfs", "tmpfs /tmp tmpfs size=1g,mode=1777 0 0", "proc /proc proc", "sysfs /sys sysfs",
    "none /home tmpfs", "overlay /home overlay lowerdir=/srv/dir", "foo /home overlay lowerdir=/a",
    "server:/x /home nfs", "server:/x /home nfs4 _netdev", "//server/x /home cifs", "fuse /home fuse",
    "sshfs#u@h:/ /home fuse", "s3fs#b /home fuse", "/dev/sr0 /home iso9660 noauto", "foo /home auto",
    "UUID=ABCD-1234 /boot vfat umask=0077", "UUID=abcd-1234 /boot vfat", "/dev/sda4 /boot vfat",
    "/dev/sda4 /boot ext4", "LABEL=ESP /boot vfat", "LABEL=esp /boot vfat",
    "/dev/sda2", "/dev/sda2 /home", "x", "/dev/sda2 /home ext4 rw x", "/dev/sda2 /home ext4 rw 0 x",
    "/dev/sda2 /home ext4 rw # data", "/dev/sda2 /home ext4 rw 0 # data", "/dev/sda2 /home ext4 rw 0 2 # data",
    "/dev/sda2 /home ext4 rw 0 2x", "/dev/sda2 /home ext4 rw 0x1 0", "/dev/sda2 /home ext4 rw -1 +2", "# /dev/sda2",
    "/dev/sda2,/home,ext4", "/dev/sda2 /home ext4 defaults, noatime 0 2", "/dev/sda2 /home ext4 rw 0 2 3 four",
)  # fmt: skip
"""Lines of which both say the same: an error, or none."""
MILDER: Final = {
    f"UUID={GONE} /home ext4 nofail 0 2": "nofail: the boot goes on without it, a warning",
    f"UUID={GONE} /home ext4 x-systemd.automount": "it is mounted on use, and the boot goes on, a warning",
    f"UUID={GONE} /home ext4 _netdev": "the device of a network's store, which no image holds, a warning",
    f"UUID={GONE} none swap": "the boot goes on without swap, a warning",
    "/dev/sda2 none swap": "the boot goes on without swap, a warning",
    "/dev/sda2 /home swap": "the boot goes on without swap, a warning",
    "/dev/sda2 /srv/file ext4 nofail": "nofail: the boot goes on without it, a warning",
    "/dev/sda2 /nowhere ext4": "systemd makes the folder, a warning",
    "/dev/sda2 /nowhere ext4 nofail": "systemd makes the folder, a warning",
    "/dev/sda2 /nowhere ext4 X-mount.mkdir": "mount(8) makes the folder, a warning",
    "/dev/sda2 /nowhere ext4 x-systemd.automount": "systemd makes the folder, a warning",
    "/dev/sda2 /mnt/dangling ext4": "systemd makes the folder, a warning",
    "/dev/sda2 /mnt/my\\040dir ext4": "systemd makes the folder, a warning",
    "tmpfs /nowhere tmpfs": "systemd makes the folder, a warning",
    "server:/x /nowhere nfs": "systemd makes the folder, a warning",
    "devpts /dev/pts devpts": "the kernel makes what is in /dev: ok",
    "/dev/sda2 /home ext3,ext4": "mount(8) takes lists of types, which findmnt does not know: ok",
    "/dev/sda2 /home xfs,ext4": "mount(8) takes lists of types, which findmnt does not know: ok",
    "/dev/sda4 /boot msdos": "one driver mounts both: ok",
}
"""Lines that are errors to findmnt alone, and what they are to us and why."""
STRICTER: Final = {
    "/dev/sdz9 /home ext4": "systemd waits for the device, then stops; findmnt warns of names",
    "/dev/mapper/vg-lv /home ext4": "systemd waits for the device, then stops; findmnt warns of names",
    f"/dev/disk/by-uuid/{GONE} /home ext4": "systemd waits for the device, then stops; findmnt warns of names",
    "/dev/sr0 /home iso9660 ro": "systemd waits for the drive, then stops; findmnt warns of names",
    "/dev/null /home ext4": "nothing can be mounted from it; findmnt warns",
    "/dev/fuse /home fuse": "names no file system; findmnt does not look at fuse",
    "/srv/nodir /home none bind": "the mount fails; findmnt does not look for what is bound",
    "/srv/noimage.img /home ext4 loop": "the mount fails; findmnt warns of missing files",
    "/srv/dir /home ext4": "the mount fails, as a directory is no device; findmnt warns",
    "/srv/dir /home none": "the mount fails, as a directory is no device; findmnt is content",
    "foo /home ext4": "the mount fails; findmnt warns of missing devices",
    "none /home ext4": "the mount fails; findmnt warns of missing devices",
    "UUID= /home ext4": "the mount fails; findmnt warns of missing devices",
    "= /home ext4": "the mount fails; findmnt warns of missing devices",
    "/dev/sda2 home ext4": "the mount point depends on the folder in which mount(8) runs; findmnt warns",
}
"""Lines that are errors to us alone, and why."""
LINES: Final = (*AGREED, *MILDER, *STRICTER)


@contextmanager
def _guest(folder: Path) -> Iterator[Path]:
    """Make the guest in a folder; its devices last as long as the block."""
    top = folder / "root"
    for path, node in FILES.items():
        target = top / path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(node, Link):
            target.symlink_to(node.target)
        elif isinstance(node, Dir):
            target.mkdir()
        else:
            target.touch()
    links = {kind: top / "dev/disk" / kind for kind in ("by-uuid", "by-label")}
    for made in (*links.values(), *(top / name for name in ("dev/mapper", "usr", "lib", "lib64", "bin", "tables"))):
        made.mkdir(parents=True, exist_ok=True)
    os.mknod(top / "dev/null", 0o020666, os.makedev(1, 3))
    with ExitStack() as stack:
        for number, (_, uuid, label, command) in enumerate(DEVICES, start=1):
            image = folder / f"sda{number}"
            image.touch()
            os.truncate(image, 4 << 20)
            made_by = [part.format(uuid=uuid, label=label) for part in command]
            subprocess.run([*made_by, image], check=True, capture_output=True)
            looped = subprocess.run(
                ["losetup", "-f", "--show", "-r", image], check=True, capture_output=True, text=True
            )
            device = looped.stdout.strip()
            stack.callback(subprocess.run, ["losetup", "-d", device], check=True)
            os.mknod(top / f"dev/sda{number}", 0o060644, Path(device).stat().st_rdev)
            (links["by-uuid"] / uuid).symlink_to(f"../../sda{number}")
            (links["by-label"] / label).symlink_to(f"../../sda{number}")
        yield top


def errors_of_findmnt(folder: Path) -> set[str]:
    """Return those of `LINES` that are errors to findmnt."""
    with _guest(folder) as top:
        for number, line in enumerate(LINES):
            (top / f"tables/{number:03}").write_text(f"{ROOT}{line}\n")
        binds = " && ".join(f"mount --rbind /{name} {top}/{name}" for name in ("usr", "lib", "lib64", "bin", "proc"))
        verify = (
            'for table in /tables/*; do echo "== $table"; findmnt --verify --verbose --tab-file "$table" 2>&1; done'
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"{binds} && exec chroot {top} /bin/sh -c '{verify}'"],
            capture_output=True,
            check=False,
            text=True,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    answers = re.findall(r"^== /tables/(\d+)\n(.*?)(?=^== |\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    if len(answers) != len(LINES):
        pytest.skip(f"no mount namespace here, fstab was not compared with findmnt: {done.stderr[-120:]}")
    wrong = re.compile(r"\[E\](?!.*supported by the current kernel)|parse error at line")
    return {LINES[int(number)] for number, answer in answers if wrong.search(answer)}


def verdict_on(line: str) -> Status:
    """Return the worst verdict of our rules that names a line."""
    files: Files = {"/etc/passwd": "", "/etc/systemd/system": Dir(), "/etc/fstab": f"{ROOT}{line}\n", **FILES}
    volumes = [
        volume_of(files if number == 1 else {}, number, kind, uuid)
        for number, (kind, uuid, _, _) in enumerate(DEVICES, start=1)
    ]
    for volume, (_, _, label, _) in zip(volumes, DEVICES, strict=True):
        assert volume.superblock is not None
        volume.__dict__["superblock"] = replace(volume.superblock, label=label)
    storage = storage_of(*volumes)
    facts = Facts({Storage: storage, Guest: find_guest(storage, "sda1")}, COLLECTORS)
    worst = Status.OK
    for rule in RULES:
        if rule is fstab_devices_have_stable_names:  # a matter of the cloud, of which findmnt knows nothing
            continue
        try:
            verdict = rule(facts)
        except NotApplicable:
            continue
        if verdict.status is not Status.OK and any(it.place.line == 2 for it in verdict.evidence):
            worst = Status.FAILED if Status.FAILED in {worst, verdict.status} else Status.WARNING
    return worst


def test_the_lines_are_judged_as_the_tables_say() -> None:
    assert len(set(LINES)) == len(LINES) > 150
    ours = {line: verdict_on(line) for line in LINES}
    assert [line for line in STRICTER if ours[line] is not Status.FAILED] == []
    assert [line for line in MILDER if ours[line] is Status.FAILED] == []
    assert [line for line, reason in MILDER.items() if (ours[line] is Status.OK) is reason.endswith(" warning")] == []


@needs("findmnt", "unshare", "losetup", "mkfs.ext4", "mkswap", "mkfs.vfat")
@pytest.mark.skipif(os.geteuid() != 0, reason="not root: no device files can be made for findmnt")
def test_findmnt_takes_the_same_lines_for_errors(tmp_path: Path) -> None:
    theirs = errors_of_findmnt(tmp_path)
    ours = {line for line in LINES if verdict_on(line) is Status.FAILED}
    assert sorted(theirs - ours) == sorted(MILDER)
    assert sorted(ours - theirs) == sorted(STRICTER)
