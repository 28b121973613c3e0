"""The qcow2 header, held against what qemu-img says of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from parsers.container.qcow2_header import HeaderExtension, parse_qcow2
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder, extension


@needs("qemu-img")
@pytest.mark.parametrize(
    "options",
    [
        "",
        "compat=0.10",
        "lazy_refcounts=on",
        "cluster_size=512",
        "extended_l2=on",
        "refcount_bits=1",
        "compression_type=zstd",
    ],
)
def test_facts_are_those_of_qemu_img(tmp_path: Path, options: str) -> None:
    image = tmp_path / "disk.qcow2"
    base = tmp_path / "base.raw"
    base.write_bytes(bytes(512))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw"]
    subprocess.run([*command, *(["-o", options] if options else []), str(image), "5M"], check=True)
    told = json.loads(subprocess.check_output(["qemu-img", "info", "--output", "json", str(image)]))
    more = told["format-specific"]["data"]
    info = parse_qcow2(Memory(image.read_bytes()))
    assert info.virtual_size == told["virtual-size"]
    assert info.cluster_size == told["cluster-size"]
    assert info.version == (2 if more["compat"] == "0.10" else 3)
    assert info.backing_file == told["backing-filename"]
    assert info.backing_format == told["backing-filename-format"]
    assert info.dirty == told["dirty-flag"]
    assert info.compression == more["compression-type"]
    if info.version == 3:
        assert info.refcount_bits == more["refcount-bits"]
        assert info.corrupt == more["corrupt"]
        assert info.extended_l2 == more["extended-l2"]
        assert ("lazy refcounts" in {f.name for f in info.features}) == more["lazy-refcounts"]
    assert info.problems == ()


def test_dirty_and_corrupt_bits() -> None:
    info = parse_qcow2(Memory(Qcow2Builder(incompatible=3, compatible=1).build()))
    assert (info.dirty, info.corrupt) == (True, True)
    assert [feature.name for feature in info.features] == ["dirty", "corrupt", "lazy refcounts"]
    assert not parse_qcow2(Memory(Qcow2Builder().build())).dirty


def test_an_unknown_feature_has_the_name_that_the_file_gives() -> None:
    table = bytes([0, 7]) + b"teleport".ljust(46, b"\0")
    info = parse_qcow2(Memory(Qcow2Builder(incompatible=1 << 7, extensions=extension(0x6803F857, table)).build()))
    assert [(f.bit, f.name, f.known) for f in info.unknown_incompatible] == [(7, "teleport", False)]


def test_header_extensions_are_listed() -> None:
    extensions = extension(0xE2792ACA, b"raw") + extension(0x12345678, b"?" * 9) + extension(0, b"")
    info = parse_qcow2(Memory(Qcow2Builder(extensions=extensions, backing=b"b").build()))
    assert info.extensions == (
        HeaderExtension(0xE2792ACA, "backing file format", 3),
        HeaderExtension(0x12345678, None, 9),
    )
    assert info.backing_format == "raw"


def test_the_data_file_is_named() -> None:
    info = parse_qcow2(Memory(Qcow2Builder(incompatible=4, extensions=extension(0x44415441, b"data.raw")).build()))
    assert info.data_file == "data.raw"
    assert info.external_data


def test_a_v2_file_may_be_as_short_as_its_tables() -> None:
    info = parse_qcow2(Memory(Qcow2Builder(version=2, size=0, header={"l1_size": 0}).build()))
    assert (info.version, info.header_length, info.refcount_bits) == (2, 72, 16)


@pytest.mark.parametrize("length", [104, 112, 120, 4096])
def test_header_lengths_of_version_3(length: int) -> None:
    builder = Qcow2Builder(header={"v3_header_length": length})
    assert parse_qcow2(Memory(builder.build())).header_length == length


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (Qcow2Builder(version=1), "version 2 or 3"),
        (Qcow2Builder(version=4), "version 2 or 3"),
        (Qcow2Builder(header={"magic": 0x51464900}), "magic"),
        (Qcow2Builder(header={"cluster_bits": 8}), "cluster_bits"),
        (Qcow2Builder(header={"cluster_bits": 22}), "cluster_bits"),
        (Qcow2Builder(header={"crypt_method": 3}), "crypt_method"),
        (Qcow2Builder(header={"v3_header_length": 103}), "header_length"),
        (Qcow2Builder(header={"v3_header_length": 65537}), "header_length"),
        (Qcow2Builder(header={"v3_refcount_order": 7}), "refcount_order"),
        (Qcow2Builder(header={"l1_size": 0}), "1 L1 entries wanted"),
        (Qcow2Builder(header={"size": (1 << 64) - 1}), "L1 entries wanted"),
        (Qcow2Builder(header={"l1_size": (4 << 20) + 1}), "at most 32 MiB"),
        (Qcow2Builder(header={"l1_table_offset": 0}), "overlaps the header"),
        (Qcow2Builder(header={"l1_table_offset": 131072 + 8}), "cluster boundary"),
        (Qcow2Builder(header={"l1_table_offset": 1 << 40}), "truncated"),
        (Qcow2Builder(header={"l1_table_offset": (1 << 64) - 65536}), "truncated"),
        (Qcow2Builder(compression=1), "contradicts its feature bit"),
        (Qcow2Builder(incompatible=8), "contradicts its feature bit"),
        (Qcow2Builder(compression=7, incompatible=8), "compression type 0"),
        (Qcow2Builder(cluster_bits=13, incompatible=16), "at least 16 KiB"),
        (Qcow2Builder(extensions=b"\x12\x34\x56\x78\xff\xff\xff\xff"), "header extension"),
        (Qcow2Builder(backing=b"b" * 1024), "backing file name"),
        (Qcow2Builder(backing=b"b", header={"backing_file_offset": 1 << 63}), "backing file name"),
    ],
)
def test_what_contradicts_the_specification_is_an_error(builder: Qcow2Builder, message: str) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        parse_qcow2(Memory(builder.build()))
    assert caught.value.place.offset is not None


@pytest.mark.parametrize("length", [0, 3, 4, 71, 72, 103, 104, 111, 65536, 131_072])
def test_a_file_that_ends_early_is_an_error(length: int) -> None:
    with pytest.raises(ParseError):
        parse_qcow2(Memory(Qcow2Builder().build()[:length]))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"refcount_table_offset": 1 << 39}, "past the end"),
        ({"refcount_table_offset": 0}, "cluster boundary"),
        ({"refcount_table_offset": 65537}, "cluster boundary"),
        ({"refcount_table_offset": 131072}, "overlaps the L1 table"),
        ({"refcount_table_clusters": 0}, "none found"),
        ({"size": (1 << 20) + 5}, "sectors of 512"),
        ({"nb_snapshots": 3, "snapshots_offset": 1 << 39}, "3 snapshots wanted"),
        ({"v3_header_length": 113}, "in eights"),
    ],
)
def test_what_is_not_needed_for_reading_is_a_problem(header: dict[str, int], message: str) -> None:
    info = parse_qcow2(Memory(Qcow2Builder(header=header).build()))
    assert any(message in problem.message for problem in info.problems)
