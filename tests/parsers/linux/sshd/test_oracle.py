"""Hundreds of configurations, judged by `sshd -t` of OpenSSH 9.2p1 (Debian 12) and by this parser.

`cases.txt` holds one configuration per line (escapes as in Python) behind the judgement of sshd: `+` valid, `-` not.
Where that very sshd is installed, the judgements are asked for again.
"""

from __future__ import annotations

import glob
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.linux.sshd import DEBIAN_12, SshdConfig, parse_sshd_config
from tests.corpus import ROOT, need_corpus

CASES = [
    (line[0] == "+", line[2:])
    for line in (Path(__file__).parent / "cases.txt").read_text().splitlines()
    if line[:2] in {"+ ", "- "}
]
# What is refused though sshd takes it; nothing is taken that sshd refuses.
STRICTER = {
    "ChannelTimeout session=5m none",
    "UsePAM yes\\x00junk",
    # sshd -t takes no user to match, and a connection that does is refused
    "Match User a\\nBanner ~nosuch",
    # sshd looks at no name behind an empty one, and then has no use for it either
    "MACs hmac-sha2-256,,nope",
    "Ciphers aes128-ctr,,nope",
    "Ciphers ,aes128-ctr,,nope",
    "Ciphers +,nope",
    "KexAlgorithms curve25519-sha256,,nope",
    "HostKeyAlgorithms ssh-ed25519,,nope",
    "PubkeyAcceptedAlgorithms +ssh-rsa,,nope",
}

SSHD = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")


def text_of(case: str) -> str:
    return str(case.encode("latin-1").decode("unicode_escape")) + "\n"


def accepted(config: SshdConfig) -> bool:
    return not config.problems and not config.doubts


def test_there_are_hundreds() -> None:
    assert len(CASES) > 1500
    assert sum(valid for valid, _ in CASES) > 600


@pytest.mark.parametrize("valid", [False, True], ids=["broken", "valid"])
def test_they_are_judged_as_sshd_judged_them(valid: bool) -> None:
    wrong = [
        case for judged, case in CASES if judged is valid and accepted(parse_sshd_config(text_of(case))) is not valid
    ]
    assert set(wrong) == (STRICTER if valid else set())


def test_every_problem_points_at_a_line_of_the_file() -> None:
    for _, case in CASES:
        text = text_of(case)
        for problem in parse_sshd_config(text).problems:
            assert problem.place.path == "/etc/ssh/sshd_config"
            assert problem.place.line is not None
            assert 1 <= problem.place.line <= text.count("\n")


def ask_sshd(text: str, folder: Path) -> bool:
    """Whether sshd accepts a configuration; what it misses on this machine does not count."""
    path = folder / "sshd_config"
    path.write_bytes(text.encode("latin-1"))
    done = subprocess.run([str(SSHD), "-t", "-f", str(path)], capture_output=True, text=True, check=False)
    missing = "Missing privilege separation directory" in done.stderr or "no hostkeys available" in done.stderr
    return done.returncode == 0 or missing


def has_that_sshd() -> bool:
    if SSHD is None:
        return False
    done = subprocess.run([SSHD, "-V"], capture_output=True, text=True, check=False)
    return f"OpenSSH_{DEBIAN_12[0]}.{DEBIAN_12[1]}" in done.stdout + done.stderr


needs_sshd = pytest.mark.skipif(
    not has_that_sshd(), reason="OpenSSH 9.2 is not installed: its judgements stand in cases.txt"
)


@needs_sshd
def test_the_judgements_are_those_of_sshd(tmp_path: Path) -> None:
    sample = random.Random(9).sample(CASES, 200)
    assert [case for valid, case in sample if ask_sshd(text_of(case), tmp_path) is not valid] == []


@needs_sshd
@pytest.mark.slow
def test_all_the_judgements_are_those_of_sshd(tmp_path: Path) -> None:
    assert [case for valid, case in CASES if ask_sshd(text_of(case), tmp_path) is not valid] == []


BLOCKS = ["Match all\n", "Match User a\n", "Match Group a,!b\n", "Match Address 10.0.0.0/8\n", "match localport 22\n"]


def mixture(chosen: random.Random, valid: list[str]) -> str:
    """Valid lines together, within blocks or not, or one line often, or with a sign put in or taken away."""
    kind = chosen.random()
    if kind < 0.4:
        blocks = [chosen.choice([*BLOCKS, ""]) for _ in range(3)]
        return "".join(block + "".join(chosen.choices(valid, k=2)) for block in blocks)
    if kind < 0.6:
        word = chosen.choice(valid).split()[:1]
        same = [text for text in valid if text.split()[:1] == word]
        return "".join(chosen.choice([*BLOCKS, ""]) + chosen.choice(same) for _ in range(4))
    text = "".join(chosen.choices(valid, k=2))
    position = chosen.randrange(len(text))
    put: str = chosen.choice(["", *"\"'\\=#, \t!*+-^:/@0x\n[]%?~"])
    return text[:position] + put + text[position + (not put) :]


def falsely_taken(folder: Path, seed: int, count: int) -> list[str]:
    chosen = random.Random(seed)
    valid = [text_of(case) for judged, case in CASES if judged and "Include" not in case]  # this machine's files
    texts = (mixture(chosen, valid) for _ in range(count))
    return [text for text in texts if accepted(parse_sshd_config(text)) and not ask_sshd(text, folder)]


@needs_sshd
def test_mixed_configurations_are_never_taken_where_sshd_refuses(tmp_path: Path) -> None:
    assert falsely_taken(tmp_path, 5, 200) == []


@needs_sshd
@pytest.mark.soak
def test_thousands_of_mixed_configurations_are_never_taken_where_sshd_refuses(tmp_path: Path) -> None:
    assert falsely_taken(tmp_path, 6, 6000) == []


@needs_sshd
def test_includes_are_read_as_sshd_reads_them(tmp_path: Path) -> None:
    files = {
        "bad.conf": "Nonsense x\n",
        "good.conf": "UsePAM yes\n",
        "match.conf": "Match User x\n",
        "all.conf": "Match all\nPort 22\n",
        "port.conf": "Port 22\n",
        "value.conf": "X11Forwarding maybe\n",
        "self.conf": f"Include {tmp_path}/self.conf\n",
        **{f"d{number}.conf": f"Include {tmp_path}/d{number + 1}.conf\n" for number in range(1, 21)},
        "d21.conf": "UsePAM yes\n",
        "folder/x.conf": "Nonsense\n",
    }
    (tmp_path / "folder").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "dangling.conf").symlink_to("/nowhere")
    cases = [
        "Include {}/bad.conf", "Include {}/b*.conf", "Include {}/none*.conf", "Include {}/good.conf {}/bad.conf",
        "Include {}/match.conf\nPort 22", "Match User x\nInclude {}/port.conf", "Match User x\nInclude {}/all.conf",
        "Match all\nInclude {}/all.conf", "Match User x\nInclude {}/value.conf", "Match User x\nInclude {}/good.conf",
        "Match User x\nInclude {}/match.conf\nMatch all\nPort 22", "Include {}/self.conf", "Include {}/d5.conf",
        "Include {}/d6.conf", "Include {}/d7.conf", "Include {}", 'Include "{}/good.conf"', "Include {}/[b]ad.conf",
        "Include {}/*/x.conf", "Include {}/good.conf\nNonsense", "Include {}/?ood.conf", "Include {}/dangling.conf",
        "Include {}/dang*.conf", "Include {}/good.conf/x",
    ]  # fmt: skip

    def read_included(pattern: str) -> list[tuple[str, str | None]]:
        return [
            (path, Path(path).read_text() if Path(path).exists() else None)
            for path in sorted(glob.glob(pattern))  # noqa: PTH207 - pathlib's glob gives no dangling links
            if not Path(path).is_dir()
        ]

    for case in cases:
        text = case.replace("{}", str(tmp_path)) + "\n"
        assert accepted(parse_sshd_config(text, read_included=read_included)) is ask_sshd(text, tmp_path), case


@needs_sshd
@pytest.mark.corpus
def test_files_of_other_projects_are_judged_as_sshd_judges_them(tmp_path: Path) -> None:
    need_corpus()
    paths = sorted((ROOT / "known/configs/sshd_config").iterdir())
    assert len(paths) >= 5
    for path in paths:
        text = path.read_bytes().decode("latin-1")
        assert accepted(parse_sshd_config(text)) is ask_sshd(text, tmp_path), path.name


LINES = [
    "PermitRootLogin yes", "PermitRootLogin no", "permitrootlogin forced-commands-only", "PasswordAuthentication no",
    "PasswordAuthentication yes", "ChallengeResponseAuthentication no", "KbdInteractiveAuthentication yes",
    "X11Forwarding yes", "X11Forwarding no", "MaxAuthTries 3", "MaxAuthTries = 7", "LogLevel DEBUG", "LogLevel fatal",
    'Banner "/a b"', "Banner none", "PubkeyAuthentication no", "KeepAlive no", "TCPKeepAlive yes", "Port 2201",
    "Port 2202", "Match User nobody-at-all", "Match all", "Match Address 192.0.2.0/24", "Include {}/one",
    "Include {}/two", "UseDNS yes", "PrintMotd no", "UseLogin yes", "ClientAliveInterval 2m",
    "Subsystem sftp internal-sftp # x",
]  # fmt: skip
VALUES = {
    "PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication", "X11Forwarding", "MaxAuthTries",
    "LogLevel", "Banner", "PubkeyAuthentication", "TCPKeepAlive", "UseDNS", "PrintMotd",
}  # fmt: skip
DUMP = """
mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 77
for file in "$1"/*.conf; do "$2" -T -f "$file" > "$file.out" 2> /dev/null; done
"""


@needs_sshd
def test_the_values_that_count_are_those_that_sshd_shows(tmp_path: Path) -> None:
    """`sshd -T` wants a directory in /run, so this runs in a name space of its own, which only root can make."""
    chosen = random.Random(11)
    included = {"one": "Banner /one\nMatch User x\nLogLevel ERROR\n", "two": "PermitRootLogin no\nPort 2203\n"}
    for name, text in included.items():
        (tmp_path / name).write_text(text)
    texts = ["\n".join(chosen.choices(LINES, k=12)).replace("{}", str(tmp_path)) + "\n" for _ in range(40)]
    texts = [text for text in texts if accepted(parse_sshd_config(text, read_included=read_files))]
    assert len(texts) > 5
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.conf").write_text(text)
    command = ["unshare", "-m", "sh", "-c", DUMP, "sh", str(tmp_path), str(SSHD)]
    if shutil.which("unshare") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no mount name space can be made here: the values that sshd -T shows were not compared")
    for number, text in enumerate(texts):
        shown = [line.split(" ", 1) for line in (tmp_path / f"{number}.conf.out").read_text().splitlines()]
        config = parse_sshd_config(text, read_included=read_files)
        for keyword in VALUES:
            if first := config.first(keyword):
                assert [keyword.lower(), first.arguments[0].lower()] in [[k, v.lower()] for k, v in shown], (
                    text,
                    keyword,
                )
        ports = [item.arguments[0] for item in config.every("Port")] or ["22"]
        assert [value for key, value in shown if key == "port"] == ports, text


def read_files(pattern: str) -> list[tuple[str, str | None]]:
    return [(pattern, Path(pattern).read_text())]
