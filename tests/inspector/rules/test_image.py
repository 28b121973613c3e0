"""Rules about the image file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from inspector.disks.disk import open_disk
from inspector.disks.storage import Storage, joined
from inspector.facts import Facts, UnknownFact
from inspector.image import Image
from inspector.rules.image import (
    RULES,
    image_format_accepted,
    image_format_unambiguous,
    image_header_clean,
    image_not_encrypted,
    image_stands_alone,
    image_without_snapshots,
    virtual_size_within_limits,
)
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from parsers.container.detect import Format
from tests.oracles import needs
from tests.partition_builder import boot_record, mbr_disk
from tests.qcow2_builder import Qcow2Builder
from tests.volumes import storage_at

qemu_img = needs("qemu-img")
PARAMETERS: dict[str, dict[str, object]] = {
    "image-format-accepted": {"accepted": ["raw", "qcow2"]},
    "virtual-size-within-limits": {"maximum_gib": 2048},
}


def judge(rule: Rule, path: Path, change: Callable[[Image], Image] = lambda image: image) -> Verdict:
    disk = open_disk(str(path))
    storage = joined((replace(disk, image=change(disk.image)),))
    return rule(Facts({Storage: storage}), **PARAMETERS.get(rule.name, {}))


def stored(tmp_path: Path, data: bytes | bytearray) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(data)
    return path


def with_container(**fields: object) -> Callable[[Image], Image]:
    def change(image: Image) -> Image:
        assert image.container is not None
        return replace(image, container=replace(image.container, **fields))

    return change


@pytest.fixture
def qcow2(tmp_path: Path) -> Path:
    return stored(tmp_path, Qcow2Builder(data=bytes(65536)).build())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_clean_image_is_ok_and_reads_the_same_raw_or_qcow2(tmp_path: Path, qcow2: Path, rule: Rule) -> None:
    verdict = judge(rule, qcow2)
    assert verdict.status is Status.OK
    raw = tmp_path / "disk.raw"
    raw.write_bytes(bytes(1 << 20))
    assert judge(rule, raw) == verdict


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Storage: UnknownFact("no disk")}), **PARAMETERS.get(rule.name, {}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@qemu_img
def test_a_format_that_is_not_accepted(tmp_path: Path, qcow2: Path) -> None:
    facts = Facts({Storage: storage_at(qcow2)})
    verdict = image_format_accepted(facts, accepted=["vhd", "raw"])
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].seen == "qcow2"
    raw = tmp_path / "fixed.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(qcow2), str(raw)], check=True)
    assert image_format_accepted(Facts({Storage: storage_at(raw)}), accepted=["vhd", "raw"]).status is Status.OK


@qemu_img
def test_a_raw_disk_that_begins_like_a_qcow2(tmp_path: Path) -> None:
    disk = mbr_disk(4096, (0x80, 0x83, 2048, 1024))
    disk[:446] = Qcow2Builder(backing=b"/etc/passwd").build()[:446]
    path = stored(tmp_path, disk)
    verdict = judge(image_format_unambiguous, path)
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place.offset == 0
    fixed = tmp_path / "fixed.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(path), str(fixed)], check=True)
    assert judge(image_format_unambiguous, fixed).status is Status.OK


@qemu_img
def test_a_qcow2_that_carries_a_partition_table(tmp_path: Path) -> None:
    data = bytearray(Qcow2Builder().build())
    data[440:512] = boot_record((0x80, 0x83, 2, 100))[440:]
    path = stored(tmp_path, data)
    verdict = judge(image_format_unambiguous, path)
    assert (verdict.status, verdict.evidence[0].place.offset) == (Status.FAILED, 446)
    fixed = tmp_path / "fixed.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", str(path), str(fixed)], check=True)
    assert judge(image_format_unambiguous, fixed).status is Status.OK


def test_what_an_iso_left_is_a_warning(qcow2: Path) -> None:
    verdict = judge(image_format_unambiguous, qcow2, lambda image: replace(image, resembles=Format.ISO9660))
    assert (verdict.status, verdict.evidence[0].place.offset) == (Status.WARNING, 0x8000)


@qemu_img
@pytest.mark.parametrize(("bits", "status"), [(1, Status.WARNING), (2, Status.FAILED), (3, Status.FAILED)])
def test_dirty_and_corrupt_images(tmp_path: Path, bits: int, status: Status) -> None:
    path = tmp_path / "disk.qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", str(path), "1M"]
    subprocess.run(command, check=True)
    data = bytearray(path.read_bytes())
    data[79] |= bits
    path.write_bytes(data)
    verdict = judge(image_header_clean, path)
    assert verdict.status is status
    assert verdict.evidence[0].place.offset == 72
    subprocess.run(["qemu-img", "check", "-q", "-r", "all", str(path)], check=False, capture_output=True)
    fixed = tmp_path / "fixed.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(path), str(fixed)], check=True)
    assert judge(image_header_clean, fixed).status is Status.OK


def test_a_truncated_image(tmp_path: Path) -> None:
    builder = Qcow2Builder(cluster_bits=9, size=200 * 64 * 512, header={"l1_size": 200, "l1_table_offset": 20 * 512})
    data = bytearray(builder.build().ljust(20 * 512, b"\0")) + bytes(200 * 8)
    data[20 * 512 + 1592 : 20 * 512 + 1600] = (1 << 30).to_bytes(8, "big")
    verdict = judge(image_header_clean, stored(tmp_path, data))
    assert verdict.status is Status.FAILED
    assert "truncated" in verdict.evidence[0].seen


def test_an_odd_size_is_a_warning(tmp_path: Path) -> None:
    assert judge(image_header_clean, stored(tmp_path, bytes(1000))).status is Status.WARNING
    assert judge(image_header_clean, stored(tmp_path, bytes(1024))).status is Status.OK


def test_a_backing_file(qcow2: Path) -> None:
    verdict = judge(image_stands_alone, qcow2, with_container(backing_file="base.qcow2"))
    assert verdict.status is Status.FAILED
    assert (verdict.evidence[0].seen, verdict.evidence[0].place.offset) == ("base.qcow2", 8)
    assert judge(image_stands_alone, qcow2, with_container(backing_file=None)).status is Status.OK


@qemu_img
def test_internal_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
    subprocess.run(["qemu-img", "snapshot", "-c", "before", str(path)], check=True)
    verdict = judge(image_without_snapshots, path)
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].seen == "snapshot 'before'"
    subprocess.run(["qemu-img", "snapshot", "-d", "before", str(path)], check=True)
    assert judge(image_without_snapshots, path).status is Status.OK


def test_snapshots_that_cannot_be_listed_are_still_seen(tmp_path: Path) -> None:
    data = Qcow2Builder(header={"nb_snapshots": 2, "snapshots_offset": 1 << 40}).build()
    verdict = judge(image_without_snapshots, stored(tmp_path, data))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "2 internal snapshots")


def test_encryption(qcow2: Path) -> None:
    verdict = judge(image_not_encrypted, qcow2, with_container(encryption="luks"))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "crypt_method luks")
    assert judge(image_not_encrypted, qcow2, with_container(encryption=None)).status is Status.OK


@qemu_img
@pytest.mark.parametrize("kind", ["qcow2", "vhdx", "vmdk", "raw"])
def test_a_disk_larger_than_the_target_takes_fails_until_it_is_shrunk(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"disk.{kind}"
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "2049G"], check=True)
    verdict = judge(virtual_size_within_limits, path)
    assert (verdict.status, verdict.message) == (Status.FAILED, "at most 2048 GiB wanted, 2049 GiB found")
    assert verdict.evidence[0].seen == f"a virtual size of {2049 << 30} bytes"
    path.unlink()
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(path), "2048G"], check=True)
    assert judge(virtual_size_within_limits, path).status is Status.OK
