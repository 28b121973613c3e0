from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.linux.modules import module_name, parse_modprobe, parse_module_list
from parsers.place import Place

DEP = """\
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz
kernel/drivers/virtio/virtio.ko.xz:

# note
kernel/drivers/nvme/host/nvme-core.ko:
"""


def test_names_are_those_of_lsmod() -> None:
    assert module_name("kernel/drivers/nvme/host/nvme-core.ko.zst") == "nvme_core"
    assert module_name("virtio_blk.ko") == "virtio_blk"


def test_lists_of_modules() -> None:
    listed = parse_module_list(DEP, "modules.dep")
    assert [(module.place.line, module.name) for module in listed.modules] == [
        (1, "virtio_pci"),
        (2, "virtio"),
        (5, "nvme_core"),
    ]
    module = listed.get("virtio_pci")
    assert module is not None
    assert [module_name(path) for path in module.needs] == ["virtio", "virtio_ring"]
    assert [m.name for m in parse_module_list(DEP, "x", frozenset({"virtio"})).modules] == ["virtio"]
    assert listed.get("none") is None


@pytest.mark.parametrize("path", sorted(Path("/lib/modules").glob("*/modules.dep")), ids=str)
def test_modprobe_agrees_on_what_a_module_needs(path: Path) -> None:
    if not shutil.which("modprobe"):
        pytest.skip("modprobe (kmod) is absent: the reader was not held against it")
    listed = parse_module_list(path.read_text(), str(path))
    for name in ("virtio_blk", "virtio_net", "xfs"):
        module = listed.get(name)
        if module is None:
            continue
        command = ["modprobe", "--show-depends", "--ignore-install", "-S", path.parent.name, name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        loaded = {module_name(line.split()[1]) for line in said.splitlines() if line.startswith("insmod")}
        assert loaded >= {module_name(need) for need in module.needs} | {name}


MODPROBE = """\
# note
blacklist virtio-blk
install nvme /bin/false
options nvme_core io_timeout=255 \\
  admin_timeout=60
alias eth* e1000
softdep a pre: b
blacklist
nonsense here
"""


def test_the_commands_of_modprobe() -> None:
    found = parse_modprobe(MODPROBE, "/etc/modprobe.d/x.conf")
    assert [(c.place.line, c.command, c.module, " ".join(c.arguments.split())) for c in found.commands] == [
        (2, "blacklist", "virtio_blk", ""),
        (3, "install", "nvme", "/bin/false"),
        (4, "options", "nvme_core", "io_timeout=255 admin_timeout=60"),
        (6, "alias", "eth*", "e1000"),
        (7, "softdep", "a", "pre: b"),
    ]
    assert [problem.place for problem in found.problems] == [
        Place("/etc/modprobe.d/x.conf", 8),
        Place("/etc/modprobe.d/x.conf", 9),
    ]


def test_modprobe_reads_the_same_commands(tmp_path: Path) -> None:
    if not shutil.which("modprobe"):
        pytest.skip("modprobe (kmod) is absent: the reader was not held against it")
    (tmp_path / "x.conf").write_text(MODPROBE)
    command = ["modprobe", "-C", str(tmp_path), "--showconfig"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    shown = {" ".join(line.split()) for line in said.splitlines()}
    ours = {
        f"{c.command} {c.module} {' '.join(c.arguments.split())}".strip()
        for c in parse_modprobe(MODPROBE, "x").commands
    }
    assert ours <= shown


def test_any_text_is_read_without_an_error() -> None:
    chance = random.Random(3)
    pieces = ["blacklist ", "install ", "x", "\\", "\n", "#", " ", "\t", "\0", ":", ".ko", "/"]
    for _ in range(300):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(40)))
        parse_modprobe(text, "x")
        parse_module_list(text, "x")
