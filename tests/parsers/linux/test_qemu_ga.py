"""The settings of QEMU's guest agent, as packages of the distributions ship them (comments shortened)."""

from __future__ import annotations

import pytest

from parsers.linux.qemu_ga import RpcFilter, parse_qemu_ga
from parsers.place import Place
from tests.parsers.damaged_text import damaged_texts

EL7 = """\
# This is a systemd environment file, not a shell script.
# BLACKLIST_RPC=guest-file-open
BLACKLIST_RPC=guest-file-open,guest-file-close,guest-exec,guest-exec-status
FSFREEZE_HOOK_ENABLE=1
"""
EL9 = '#FILTER_RPC_ARGS="--block-rpcs=guest-exec"\nFILTER_RPC_ARGS="--allow-rpcs=guest-sync,guest-ping"\n'
CONF = "[general]\ndaemon = 1\nblock-rpcs = guest-exec;guest-exec-status\n"
OLD_CONF = "[general]\nblacklist=guest-exec,guest-shutdown\n"
DEBIAN = 'DAEMON_ARGS="-l /var/log/qga.log --blacklist=guest-exec"\n'


@pytest.mark.parametrize(
    ("text", "line", "names", "allow"),
    [
        (EL7, 3, ("guest-file-open", "guest-file-close", "guest-exec", "guest-exec-status"), False),
        (EL9, 2, ("guest-sync", "guest-ping"), True),
        (CONF, 3, ("guest-exec", "guest-exec-status"), False),
        (OLD_CONF, 2, ("guest-exec", "guest-shutdown"), False),
        (DEBIAN, 1, ("guest-exec",), False),
        ("BLOCK_RPCS=guest-exec\nBLOCK_RPCS=guest-ping\n", 2, ("guest-ping",), False),
    ],
    ids=["el7", "el9", "conf", "old-conf", "debian", "twice"],
)
def test_the_filter(text: str, line: int, names: tuple[str, ...], allow: bool) -> None:
    assert parse_qemu_ga(text, "/x") == RpcFilter(Place("/x", line), names, allow)


@pytest.mark.parametrize("text", ["", "BLACKLIST_RPC=\n", "# block-rpcs=guest-exec\n", "my-block-rpcs=guest-exec\n"])
def test_no_filter(text: str) -> None:
    assert parse_qemu_ga(text, "/x") is None


def test_damage_never_escapes() -> None:
    for damaged in damaged_texts(EL7 + EL9 + CONF + DEBIAN, "=\"'#;\n\0\udc80 -,x", 300):
        parse_qemu_ga(damaged, "/x")
