"""The menus of GRUB 2 in the corpus: against their own lines, grubby's answers, and what insights-core asserts.

augeas has no lens for grub.cfg, which is a script, and of these samples grubby's tests show nothing but what is here.
The lines are those of the text, without regard to the conditions around them: every sample's entries stand outside.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from parsers.boot.grub import GrubConfig, parse_grub_config
from tests.corpus import corpus, entries
from tests.parsers.boot.grub.surroundings import Files

ASSERTED: Final = (
    ("in-grub_conf-GRUB2_CFG_1_DOC", ["3.10.0-327.36.3.el7.x86_64"]),
    (
        "in-grub_conf-GRUB2_CFG_2",
        ["3.10.0-229.el7.x86_64", "3.10.0-123.13.2.el7.x86_64", "3.10.0-123.el7.x86_64",
         "0-rescue-13798ffcbc1ed4374f3f2e0fa6c923ad"],
    ),
    *(
        (name, ["3.10.0-514.16.1.el7.x86_64", "3.10.0-514.10.2.el7.x86_64", "3.10.0-514.el7.x86_64",
                "0-rescue-f1340b5dd6ee4c26b587621566111421"])
        for name in ("in-grub_conf-GRUB2_EFI_CFG", "in-grub_conf_efi-GRUB2_EFI_CFG")
    ),
    ("in-grub_conf_kdump-IOMMU2_OFF", ["3.10.0-327.36.3.el7.x86_64"]),
)  # fmt: skip
"""What insights-core asserts (`kernel_initrds`, `get_grub_cmdlines`): the versions of kernels and RAM disks."""
KNOWN: Final = tuple(
    entry
    for entry in entries("known")
    if entry["file"].startswith("configs/grub2/") or entry["id"] in {name for name, _ in ASSERTED}
)


def parsed(file: str, grubenv: str | None = None) -> GrubConfig:
    """Evaluate a sample, on a disk whose only other file is a sample of an environment block."""
    block = {"/grub/grubenv": corpus(f"known/configs/grubenv/{grubenv}").read_text()[:1024]} if grubenv else {}
    return parse_grub_config(
        corpus(f"known/{file}").read_text(),
        surroundings=Files({"hd0": block}),
        variables={"root": "hd0", "prefix": "(hd0)/grub"},
    )


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=[entry["id"] for entry in KNOWN])
def test_the_entries_are_those_that_stand_there(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text()
    config = parsed(entry["file"])
    assert config.problems == ()
    found = [it for it in config.walk() if not it.submenu]
    assert [it.title for it in found] == re.findall(r"^menuentry '([^']*)'", text, re.MULTILINE)
    kernels = re.findall(r"^\s*linux(?:16|efi)?\s+(.*)", text, re.MULTILINE)
    assert [[it.linux.path, *it.linux.arguments] for it in found if it.linux] == [line.split() for line in kernels]
    disks = re.findall(r"^\s*initrd(?:16|efi)?\s+(\S+)", text, re.MULTILINE)
    assert [file.path for it in found for file in it.initrds] == disks


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "versions"), ASSERTED)
def test_insights_finds_the_same_files(name: str, versions: list[str]) -> None:
    found = list(parsed(f"configs/grub/{name}").walk())
    assert [it.linux.path for it in found if it.linux] == [f"/vmlinuz-{version}" for version in versions]
    assert [[file.path for file in it.initrds] for it in found] == [[f"/initramfs-{it}.img"] for it in versions]


SHOWN: Final = (
    ("gb-grub2.1", None, "/vmlinuz-2.6.38.8-32.fc15.x86_64"),  # results/debug/g2.1.2: --default-kernel
    ("gb-grub2.19", "gb-grubenv.4", "/vmlinuz-2.6.38.8-32.fc15.x86_64"),  # its saved_entry, once the others are gone
)


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "grubenv", "kernel"), SHOWN)
def test_grubby_takes_the_same_default(name: str, grubenv: str | None, kernel: str) -> None:
    (entry,) = parsed(f"configs/grub2/{name}", grubenv).chosen
    assert entry.linux is not None
    assert entry.linux.path == kernel
