"""What counts of sshd_config for one user, against what `sshd -T -C user=root` of OpenSSH 9.2p1 (Debian 12) shows."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from inspector.facts.sshd import Sshd
from inspector.linux.sshd_login import Login
from parsers.linux.sshd import SshdConfig, parse_sshd_config
from tests.facts_of import facts_of
from tests.memory_tree import File, Files
from tests.parsers.linux.sshd.test_oracle import SSHD, needs_sshd

BLOCKS = [
    "Match all", "Match User root", "Match User nobody-at-all", "Match User !root,*", "Match User r*,x",
    "Match Group root", "Match Group nogroup,x", "Match Host *", "Match Host h.example", "Match Address *",
    "Match Address 0.0.0.0/0", "Match Address 192.0.2.0/24", "Match LocalAddress *", "Match LocalPort 22",
    "Match LocalPort 2222", 'Match User "root"', "Match User root Address *", "Match User root Group nogroup",
    "Match user=root", "Match Group !root,*", "Match all # why", "Match User r[o]ot", "Match LocalPort ssh",
]  # fmt: skip
LINES = [
    "PermitRootLogin yes", "PermitRootLogin no", "PermitRootLogin forced-commands-only", "PasswordAuthentication no",
    "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "MaxSessions 0", "MaxSessions 4",
    "ForceCommand /bin/false", "ForceCommand none", "AllowUsers root a", "AllowUsers x", "DenyUsers root",
    "AllowGroups root", "DenyGroups adm", "PubkeyAuthentication no", "PubkeyAuthentication yes",
    "ChrootDirectory /srv", "ChrootDirectory none", "AuthorizedKeysFile none", "Include {}/one", "Include {}/two",
]  # fmt: skip
INCLUDED = {
    "one": "MaxSessions 7\nMatch User root\nForceCommand /one\nDenyGroups one\n",
    "two": "Match all\nPermitRootLogin no\nMatch Address *\nMaxSessions 9\n",
}
SINGLE = {
    "PermitRootLogin": "prohibit-password", "PasswordAuthentication": "yes", "KbdInteractiveAuthentication": "yes",
    "MaxSessions": "10", "ForceCommand": "none", "PubkeyAuthentication": "yes", "ChrootDirectory": "none",
}  # fmt: skip
LISTS = ("AllowUsers", "DenyUsers", "AllowGroups", "DenyGroups")
CLIENT = "user=root,host=client.example,addr=198.51.100.7,laddr=10.0.0.5,lport=22"
DUMP = f"""
mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 77
for file in "$1"/*.conf; do "$2" -T -C {CLIENT} -f "$file" > "$file.out" 2> /dev/null; done
"""


def read_files(pattern: str) -> list[tuple[str, str | None]]:
    return [(pattern, Path(pattern).read_text())]


def made(folder: Path) -> list[str]:
    """Configurations that sshd accepts: some lines for all, and blocks of which several may hold."""
    chosen = random.Random(12)
    for name, text in INCLUDED.items():
        (folder / name).write_text(text)
    texts = []
    for _ in range(90):
        lines = chosen.choices(LINES, k=chosen.randrange(4))
        for _ in range(chosen.randrange(1, 5)):
            lines += [chosen.choice(BLOCKS), *chosen.choices(LINES, k=chosen.randrange(1, 4))]
        texts.append("\n".join([*lines, ""]).replace("{}", str(folder)))
    return [text for text in texts if not parse_sshd_config(text, read_included=read_files).problems]


def login(config: SshdConfig) -> Login:
    files: Files = {
        "/etc/os-release": "ID=debian\n", "/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\n",
        "/etc/ssh/sshd_config": "", "/usr/lib/systemd/system/x.service": "", "/usr/sbin/sshd": File("x", 0o755),
    }  # fmt: skip
    facts = facts_of(files)
    return Login(facts, facts[Sshd], config, "root")


@needs_sshd
def test_the_values_that_count_for_root_are_those_that_sshd_shows(tmp_path: Path) -> None:
    texts = made(tmp_path)
    assert len(texts) > 60
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.conf").write_text(text)
    command = ["unshare", "-m", "sh", "-c", DUMP, "sh", str(tmp_path), str(SSHD)]
    if shutil.which("unshare") is None or subprocess.run(command, capture_output=True, check=False).returncode == 77:
        pytest.skip("no mount name space can be made here: the values that sshd -T shows were not compared")
    for number, text in enumerate(texts):
        shown = [line.partition(" ") for line in (tmp_path / f"{number}.conf.out").read_text().splitlines()]
        user = login(parse_sshd_config(text, read_included=read_files))
        for keyword, default in SINGLE.items():
            theirs = next(value for key, _, value in shown if key == keyword.lower())
            line = next(iter(user.every(keyword)), None)
            ours = line.rest.strip() if line else default
            assert ours == {"without-password": "prohibit-password"}.get(theirs, theirs), (keyword, text)
        for keyword in LISTS:
            theirs_all = [value for key, _, value in shown if key == keyword.lower()]
            assert [word for line in user.every(keyword) for word in line.arguments] == theirs_all, (keyword, text)
