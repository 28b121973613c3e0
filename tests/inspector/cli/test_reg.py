"""`inspector reg`, and paths of Windows, on a disk whose NTFS ntfs-3g filled and whose hives hivex wrote."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.windows.disk import SIGNATURE, Part, build_windows_disk, can_build
from fixtures.windows.golden import FILES, SERVICES, SOFTWARE, SYSTEM, changed
from fixtures.windows.hive import Keys, Typed
from tests.corpus import corpus
from tests.inspector.cli.conftest import call, run
from tests.windows import CONFIG, hive, windows_files

pytestmark = pytest.mark.corpus

KEY = r"HKLM\SYSTEM\CurrentControlSet\Services\viostor"
HIDDEN = "a\0b".encode("utf-16-le")
USER: Keys = {"Environment": {"Path": "x\ny"}, "Console": {"Face": Typed(1, HIDDEN), "Faces": ["a", "b"]}}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := can_build():
        pytest.skip(reason)
    devices = {r"\DosDevices\C:": struct.pack("<IQ", SIGNATURE, 1 << 20)}
    files = windows_files(changed(SYSTEM, {"MountedDevices": devices}), SOFTWARE, FILES)
    files = {**files, "/Users/ann/NTUSER.DAT": hive(USER), "/Users/ann/broken.dat": b"regf", "/Users/ann/x.txt": "text"}
    files["/Users/ann/flawed.dat"] = re.sub(rb"(?s)(lh......)....", rb"\1????", hive(USER))  # hashes of first names
    for suffix, name in DIRTY.items():
        files[f"/Users/dirty/NewDirtyHive1{suffix}"] = corpus(f"known/hives/{name}.xz").read_bytes()
    return build_windows_disk(tmp_path_factory.mktemp("reg") / "disk.raw", [Part("ntfs", 64, files, active=True)])


DIRTY = {
    "": "hv-yp-NewDirtyHive1.hive",
    ".LOG1": "hv-yp-NewDirtyHive1.NewDirtyHive.LOG1.log",
    ".LOG2": "hv-yp-NewDirtyHive1.NewDirtyHive.LOG2.log",
}


def test_a_key_for_a_person(image: Path) -> None:
    done = call("reg", image, KEY)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines[0].startswith(r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\viostor  (20")
    assert lines[1:3] == ["    Type  REG_DWORD  0x00000001 (1)", "    Start  REG_DWORD  0x00000000 (0)"]
    assert lines[-1] == r'    ImagePath  REG_EXPAND_SZ  "\SystemRoot\System32\drivers\viostor.sys"'
    assert call("reg", image, "hklm/system/currentcontrolset/services/VIOSTOR").stdout == done.stdout


def test_the_keys_below_are_named_or_shown(image: Path) -> None:
    text = call("reg", image, r"HKLM\SYSTEM\Setup").stdout.decode()
    assert text.endswith("  Status\\\n")
    below = call("reg", "-R", image, r"HKLM\SYSTEM\Setup").stdout.decode()
    assert r"Setup\Status\SysprepStatus" in below
    assert "GeneralizationState  REG_DWORD  0x00000007 (7)" in below


def test_a_key_for_programs(image: Path) -> None:
    (found,) = json.loads(call("reg", "--format", "json", image, KEY).stdout)
    assert found["path"] == r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\viostor"
    assert (found["hive"], found["state"]) == (r"C:\Windows\System32\config\SYSTEM", "clean")
    values = {value["name"]: (value["type"], value["value"], value["data"]) for value in found["values"]}
    assert values["Start"] == ("REG_DWORD", 0, None)
    assert values["Group"] == ("REG_SZ", "SCSI miniport", None)


def test_what_a_key_says_is_traced_to_its_bytes(image: Path) -> None:
    content = call("cat", image, r"C:\Windows\System32\config\SYSTEM").stdout
    (found,) = json.loads(call("reg", "--format", "json", image, KEY).stdout)
    assert found["security"].startswith("O:")
    for place, cell, name in [
        (found, b"nk", b"viostor"),
        *((it, b"vk", it["name"].encode()) for it in found["values"]),
    ]:
        assert content[place["offset"] + 4 :][:2] == cell
        assert name in content[place["offset"] :][:100]


def test_what_a_text_does_not_say_is_given_as_bytes(image: Path) -> None:
    done = call("reg", "--format", "json", "--hive", r"C:\Users\ann\NTUSER.DAT", image, "Console")
    values = {value["name"]: (value["value"], value["data"]) for value in json.loads(done.stdout)[0]["values"]}
    assert values == {"Face": ("a", HIDDEN.hex()), "Faces": (["a", "b"], None)}


def test_an_export_that_another_program_imports(image: Path, tmp_path: Path) -> None:
    out = tmp_path / "services.reg"
    assert run("reg", "-R", "--format", "reg", "-o", out, image, rf"HKLM\SYSTEM\{SERVICES}").returncode == 0
    text = out.read_bytes().decode("utf-16")
    assert text.startswith("Windows Registry Editor Version 5.00\r\n")
    parents = r"""Windows Registry Editor Version 5.00

[\ControlSet001]
"""
    target, first, plain = tmp_path / "hive", tmp_path / "first.reg", tmp_path / "plain.reg"
    target.write_bytes(hive({}))
    first.write_text(parents)
    plain.write_text(text.replace("\r\n", "\n"))
    prefix = r"HKEY_LOCAL_MACHINE\SYSTEM"
    subprocess.run(["hivexregedit", "--merge", target, first], check=True)
    subprocess.run(["hivexregedit", "--merge", "--prefix", prefix, target, plain], check=True)
    exports = []
    for made in (target, tmp_path / "SYSTEM"):
        if made.name == "SYSTEM":
            made.write_bytes(call("cat", image, rf"C:{CONFIG}/SYSTEM".replace("/", "\\")).stdout)
        done = subprocess.run(["hivexregedit", "--export", made, rf"\{SERVICES}"], check=True, capture_output=True)
        exports.append(done.stdout)
    assert exports[0] == exports[1]


def test_the_hive_of_a_user_by_its_file(image: Path) -> None:
    done = call("reg", "--hive", r"C:\Users\Ann\ntuser.dat", image, "Environment")
    assert done.stdout.decode().endswith('    Path  REG_SZ  "x\\ny"\n')


def test_a_hive_that_is_shown_as_a_whole_is_checked_as_a_whole(image: Path) -> None:
    hive_of = ("--hive", r"C:\Users\ann\flawed.dat", image)
    assert call("reg", "-R", *hive_of, "Environment").returncode == 0
    done = call("reg", "-R", *hive_of, "\\")
    assert (done.returncode, b"Console" in done.stdout) == (3, True)
    assert done.stderr.decode().endswith("it is not found by name\n")


def test_a_value_before_and_after_the_logs(image: Path) -> None:
    done = call("reg", "-R", "--hive", r"C:\Users\dirty\NewDirtyHive1", image, "\\")
    text = done.stdout.decode()
    assert text.startswith("; the last write was not completed; ")
    assert "before the logs: " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([r"HKLM\SYSTEM\none"], r"HKEY_LOCAL_MACHINE\SYSTEM\none does not exist"),
        (["HKCU\\Console"], "a disk has no current user"),
        ([r"HKEY_CURRENT_USER\Console"], "a disk has no current user"),
        (["HKLM"], r"a key below HKLM\{"),
        (["HKU"], r"a key below HKU\SID wanted, HKU found; there are .DEFAULT, S-1-5-18, "),
        ([r"HKU\ann"], "; there are .DEFAULT, S-1-5-18, "),
        ([r"HKLM\HARDWARE\x"], r"HKLM\HARDWARE\x: it is made when Windows starts, and no disk holds it"),
        ([r"HKLM\BCD00000000"], r"the boot store is a file: --hive '\Boot\BCD'"),
        (
            [KEY[:-1]],
            r"\viosto does not exist; did you mean 'HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\viostor'?",
        ),
        ([r"HKLM\SYSTEM\Setp\x"], r"\SYSTEM\Setp\x does not exist; did you mean 'HKEY_LOCAL_MACHINE\SYSTEM\Setup'?"),
        ([r"HKLM\SYSTEM\*\x"], r"HKEY_LOCAL_MACHINE\SYSTEM\*\x does not exist; wildcards are not expanded"),
        (["--hive", r"C:\Users\an\NTUSER.DAT", "x"], r"; did you mean 'C:\Users\ann'?"),
        ([r"HKLM\SYSTEM\Select\Current"], r"HKEY_LOCAL_MACHINE\SYSTEM\Select\Current is a value, not a key"),
        ([r"HKLM\SAM\SAM"], r"C:\Windows\System32\config\SAM does not exist"),
        (["--hive", r"C:\Users\ann\none.dat", "x"], "does not exist"),
        (["--hive", r"C:\Users\ann\broken.dat", "x"], "broken.dat at byte"),
    ],
)
def test_what_is_not_there_is_said(image: Path, arguments: list[str], message: str) -> None:
    done = call("reg", *arguments[:-1], image, arguments[-1])
    assert (done.returncode, done.stdout) == (3, b"")
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (r"C:\Users\none.txt", r": C:\Users\none.txt does not exist"),
        ("/Users/none.txt", ": /Users/none.txt does not exist"),
        (r"C:Users", "C:Users begins in the current directory of the drive"),
        (r"Q:\x", ": Q:\\x does not exist; there is C:\\"),
        (r"C:\Users\an\x.txt", r"; did you mean 'C:\Users\ann'?"),
        ("/users/ann/x.tx", "; did you mean '/users/ann/x.txt'?"),
        (r"C:\Users\ann\*.txt", r"\*.txt does not exist; wildcards are not expanded"),
        (r"C:\Users\ann\x.txt\deeper", r"deeper does not exist"),
        (r"\\server\share", r"\\server\share is no path of a file on a drive"),
    ],
)
@pytest.mark.parametrize("command", ["ls", "stat", "cat"])
def test_a_path_that_leads_nowhere_is_told_as_it_was_asked_for(
    image: Path, command: str, path: str, message: str
) -> None:
    done = call(command, image, path)
    assert (done.returncode, done.stdout) == (3, b"")
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("path", [r"C:\Users\ann\x.txt", r"c:/USERS/Ann/X.TXT", "/Users/ann/x.txt", "/users/ANN/x.txt"])
def test_files_by_the_paths_of_windows(image: Path, path: str) -> None:
    assert call("cat", image, path).stdout == b"text"
    asked = path if path[0] == "/" else "C:" + path[2:].replace("/", "\\")
    assert call("ls", image, path).stdout.decode() == f"{asked}\n"
    assert json.loads(call("stat", "--format", "json", image, path).stdout)["size"] == 4


def test_a_hive_alone_shows_its_root_and_lies_on_any_volume(image: Path) -> None:
    root = call("reg", "--hive", r"C:\Users\ann\NTUSER.DAT", image)
    assert (root.returncode, root.stdout.decode().splitlines()[1:]) == (0, ["  Console\\", "  Environment\\"])
    alone = call("reg", "--volume", "sda1", "--hive", r"\Users\ann\NTUSER.DAT", image, "Environment")
    assert alone.stdout.decode().splitlines()[1] == r'    Path  REG_SZ  "x\ny"'
    assert call("ls", "--volume", "sda1", image, r"C:\Users").stderr.endswith(b"; a volume by itself has no letter\n")


@pytest.mark.parametrize("arguments", [[], ["--volume", "sda1"], ["--volume", "sda1", "HKLM"]])
def test_what_is_asked_for_has_to_be_said(image: Path, arguments: list[str]) -> None:
    options, key = (arguments[:2], arguments[2:]) if arguments else ([], [])
    done = call("reg", *options, image, *key)
    assert done.returncode == 2
    assert b"--hive" in done.stderr
