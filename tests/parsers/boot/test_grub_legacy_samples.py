"""The menus of GRUB Legacy in the corpus: against augeas, grubby, and what insights-core asserts of its own samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import pytest

from parsers.boot.grub_legacy import GrubLegacyConfig, parse_grub_legacy
from parsers.boot.menu import LoadedFile, MenuEntry
from tests.corpus import corpus, entries
from tests.parsers import augeas

KNOWN: Final = tuple(entry for entry in entries("known") if entry["file"].startswith("configs/grub1/"))
SETTINGS: Final = ("default", "timeout", "fallback", "splashimage", "hiddenmenu")


def parsed(entry: dict[str, Any]) -> GrubLegacyConfig:
    config = parse_grub_legacy(corpus(f"known/{entry['file']}").read_text(), "/menu.lst")
    assert config.problems == ()
    return config


def of_augeas(entry: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
    """Give each title as command -> what follows it, a kernel's and a module's arguments being commands of theirs."""
    nodes = [(path.strip("/").split("/"), value or "") for path, value in augeas.tree(entry)]
    titles = (it for it in nodes if it[0][0].startswith("title"))
    for _, members in groupby(titles, key=lambda it: it[0][0]):
        found: dict[str, list[str]] = {}
        for path, value in members:
            *_, parent, name = ["", "", *(re.sub(r"\[\d+\]", "", it) for it in path)]
            if parent in {"kernel", "module"}:
                found[f"{parent} arguments"].append(f"{name}={value}" if value else name)
            else:
                found.setdefault(name, []).append(value)
                found.setdefault(f"{name} arguments", [])
        yield found


def ours(entry: MenuEntry) -> dict[str, list[str]]:
    files: list[LoadedFile] = [*([entry.linux] if entry.linux else []), *entry.initrds, *entry.loaders]
    found: dict[str, list[str]] = {"title": [entry.title]}
    for file in files:
        found.setdefault(file.command, []).append(file.path)
        found.setdefault(f"{file.command} arguments", []).extend(file.arguments)
        found["root"] = [f"({file.device})"] if file.device else []
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=[entry["id"] for entry in KNOWN])
def test_augeas_reads_the_same(entry: dict[str, Any]) -> None:
    config = parsed(entry)
    theirs = list(of_augeas(entry))
    assert len(config.entries) == len(theirs)
    for one, other in zip(config.entries, theirs, strict=True):
        other["root"] = other.get("root", other.get("rootnoverify", []))
        found = ours(one)
        assert found == {name: other[name] for name in found}
        assert {"kernel", "initrd", "module", "chainloader"} & other.keys() <= found.keys()
    settings = {path.strip("/"): value or "" for path, value in augeas.tree(entry)}
    assert {it.name: it.value for it in config.settings} == {
        name: settings[name] for name in SETTINGS if name in settings
    }


SHOWN: Final = tuple(
    (entry["id"], entry["file"], shown["args"], shown["output"])
    for entry in KNOWN
    for shown in entry["expected"].get("grubby_display", ())
)


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "file", "arguments", "output"), SHOWN)
def test_grubby_takes_the_same_default(name: str, file: str, arguments: str, output: str) -> None:
    assert name
    (entry,) = parsed({"file": file}).chosen
    kernel = entry.linux.path if entry.linux else None
    answers = {
        "--default-index": entry.id,
        "--default-title": entry.title,
        "--boot-filesystem=/ --default-kernel": kernel,
        "--boot-filesystem=/boot --default-kernel": f"/boot{kernel}",
    }
    assert answers[arguments] == output


@pytest.mark.corpus
def test_grubby_reads_the_menu_of_suse_the_same() -> None:
    """The recorded answer to `--info=0` of its own test (results/info/g12.1); it names the disk by the device.map."""
    entry = parsed({"file": "configs/grub1/gb-grub.12"}).entries[0]
    assert entry.title == "Desktop -- openSUSE 12.1 - 3.1.9-1.4"
    assert entry.linux is not None
    assert entry.linux.path == "/boot/vmlinuz-3.1.9-1.4-desktop"
    assert " ".join(entry.linux.arguments) == ("root=/dev/vda2 resume=/dev/vda1 splash=silent quiet showopts vga=0x314")
    assert [it.path for it in entry.initrds] == ["/boot/initrd-3.1.9-1.4-desktop"]


KERNEL: Final = "vmlinuz-2.6.32-431.{}.el6.x86_64 {}rhgb quiet"
ASSERTED: Final = (
    (
        "in-grub_conf-GRUB1_CONF_3", True,
        ["vmlinuz-2.6.18-194.8.1.el5 ro root=LABEL=/1 crashkernel=128M@16M",
         "vmlinuz-2.6.18-194.17.1.el5 ro root=LABEL=/1 crashkernel=128M@16M"],
        ["initrd-2.6.18-194.8.1.el5.img", "initramfs-2.6.18-194.8.1.el5.img"],
    ),
    ("in-grub_conf-GRUB1_CONF_6", True, [], ["2.6.18-194.8.1.el5.img"]),
    ("in-grub_conf-GRUB1_CONF_7", False, [], ["2.6.18-194.8.1.el5.img"]),
    ("in-grub_conf-GRUB1_CONF_8", True, [], []),
    (
        "in-grub_conf-GRUB1_TEMPLATE", True,
        ["vmlinuz-2.6.32-642.el6.x86_64"] * 3, ["initramfs-2.6.32-642.el6.x86_64.img"] * 3,
    ),
    ("in-grub_conf_kdump-BAD_OFFSET", True,
     [KERNEL.format("17.1", "crashkernel= "), KERNEL.format("11.2", "crashkernel=128M@16M ")], []),
    ("in-grub_conf_kdump-GOOD_OFFSET_1", True,
     [KERNEL.format("17.1", "crashkernel=128M "), KERNEL.format("11.2", "crashkernel=128M ")], []),
    ("in-grub_conf_kdump-GOOD_OFFSET_2", True,
     [KERNEL.format("17.1", "crashkernel=128M@0M "), KERNEL.format("11.2", "crashkernel=128M@0M ")], []),
    ("in-grub_conf_kdump-GOOD_OFFSET_3", True,
     [KERNEL.format("17.1", "crashkernel=128M@0 "), KERNEL.format("11.2", "crashkernel=128M@0 ")], []),
    ("in-grub_conf_kdump-NOMATCH_CRASH_PARAM", True, [KERNEL.format("17.1", ""), KERNEL.format("11.2", "")], []),
    ("in-grub_conf_kdump-NOMATCH_MEMORY", True,
     [KERNEL.format("17.1", ""), KERNEL.format("11.2", "crashkernel=128M@M ")], []),
    *(
        (f"in-grub_conf_kdump-IOMMU_{name}", True,
         [f"vmlinuz-2.6.32-279.el6.x86_64 ro root=/dev/mapper/vg00-lv00{iommu} rd_LVM_LV=vg00/lv00"], [])
        for name, iommu in (("MISSING", ""), ("OFF", " intel_iommu=off"), ("ON", " intel_iommu=on"))
    ),
    ("in-grub_conf_missing_boot_files-GRUB_CONF_IPXE", True, ["ipxe.lkrn"], []),
    (
        "in-grub_conf_missing_boot_files-GRUB_CONF_XEN", True,
        ["vmlinuz-2.6.18-398.el5xen ro root=/dev/sda2"], ["initrd-2.6.18-398.el5xen.img"],
    ),
)  # fmt: skip
"""What insights-core asserts (`kernel_initrds`, `is_kdump_iommu_enabled`, `get_current_title`): id, whether `default`
names a title, how each kernel's line begins, and the initial RAM disks, modules of GRUB among them.

Where it differs from us: it passes over iPXE, which may load anything; GRUB takes it for a kernel, and so do we. It
takes `kernel test` for a kernel called test; GRUB wants a path there, which is a problem to us."""
NOT_LOADED: Final = {
    "in-grub_conf-GRUB1_CONF_6": "a file wanted after kernel, 'test' found",
    "in-grub_conf-GRUB1_CONF_7": "a file wanted after kernel, 'test' found",
    "in-grub_conf-GRUB1_CONF_8": "kernel or chainloader wanted in the entry, none found",
}


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "found", "kernels", "initrds"), ASSERTED)
def test_insights_finds_the_same_files(name: str, found: bool, kernels: list[str], initrds: list[str]) -> None:
    config = parse_grub_legacy(corpus(f"known/configs/grub/{name}").read_text(), "/grub.conf")
    modules = [it for entry in config.entries for it in entry.loaders if not it.path.startswith("/xen.gz")]
    files = [it for entry in config.entries for it in [entry.linux, *entry.initrds] if it] + modules
    loaded = [" ".join([it.path.rpartition("/")[2], *it.arguments]) for it in files]
    ours = [line for line in loaded if line.startswith(("vmlinuz", "ipxe"))]
    assert [line[: len(wanted)] for line, wanted in zip(ours, kernels, strict=True)] == kernels
    assert [line for line in loaded if line not in ours] == initrds
    assert config.default_found is found
    assert [it.message for it in config.problems] == ([NOT_LOADED[name]] if name in NOT_LOADED else [])
