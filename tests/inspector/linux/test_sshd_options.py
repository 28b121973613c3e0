from __future__ import annotations

import pytest

from inspector.linux.sshd_options import Word, command_line, with_settings
from parsers.linux.sshd import parse_sshd_config
from parsers.linux.systemd import parse_unit
from parsers.place import Place
from tests.memory_tree import Link, guest_of

CONFIG = "/etc/ssh/sshd_config"
UNIT = "/usr/lib/systemd/system/sshd.service"
BACK_END = "/etc/crypto-policies/back-ends/opensshserver.config"
EL_8 = (
    f"[Service]\nEnvironmentFile=-{BACK_END}\nEnvironmentFile=-/etc/sysconfig/sshd\n"
    "ExecStart=/usr/sbin/sshd -D $OPTIONS $CRYPTO_POLICY\n"
)
FILES: dict[str, str | Link] = {
    "/usr/share/policy.txt": "CRYPTO_POLICY='-oCiphers=aes256-ctr -oMACs=hmac-sha2-256'\n",
    BACK_END: Link("/usr/share/policy.txt"),
    "/etc/sysconfig/sshd": '# x\nOPTIONS="-p 2022"\n',
}


def words(text: str, files: dict[str, str | Link] | None = None) -> list[tuple[str, str]]:
    given = command_line(guest_of(FILES if files is None else files), parse_unit(text, UNIT))
    return [(word.text, str(word.place)) for word in given]


def test_variables_are_put_in_from_the_files_that_set_them() -> None:
    assert words(EL_8) == [
        ("-D", f"{UNIT}:4"),
        ("-p", "/etc/sysconfig/sshd:2"),
        ("2022", "/etc/sysconfig/sshd:2"),
        ("-oCiphers=aes256-ctr", f"{BACK_END}:1"),
        ("-oMACs=hmac-sha2-256", f"{BACK_END}:1"),
    ]


def test_a_file_that_is_not_there_sets_nothing_and_an_opt_out_takes_the_policy_back() -> None:
    assert words(EL_8, {}) == [("-D", f"{UNIT}:4")]
    assert words(EL_8, {**FILES, "/etc/sysconfig/sshd": "CRYPTO_POLICY=\n"}) == [("-D", f"{UNIT}:4")]


def test_a_file_counts_before_the_unit_and_braces_make_one_word() -> None:
    unit = "[Service]\nEnvironment=A=1 'B=2 3'\nEnvironmentFile=/etc/e\nExecStart=/usr/sbin/sshd $A ${B} $B $C\n"
    found = words(unit, {"/etc/e": "A=-4\n"})
    assert [text for text, _ in found] == ["-4", "2 3", "2", "3"]


def settled(*given: str) -> tuple[list[str], list[str], list[str]]:
    read = parse_sshd_config("Ciphers aes128-ctr\nPort 22\n", CONFIG, release=(8, 0), vendor="redhat")
    line = tuple(Word(text, Place(BACK_END, 1)) for text in given)
    config = with_settings(read, line, (8, 0), "redhat")
    ciphers = config.first("Ciphers")
    return (
        list(ciphers.arguments) if ciphers else [],
        [f"{problem.place} {problem.message}" for problem in config.problems],
        list(config.files),
    )


@pytest.mark.parametrize(
    "given", [("-oCiphers=aes256-ctr",), ("-o", "Ciphers aes256-ctr"), ("-4", "-oCiphers=aes256-ctr")]
)
def test_what_is_set_on_the_command_line_wins(given: tuple[str, ...]) -> None:
    assert settled(*given) == (["aes256-ctr"], [], [CONFIG, BACK_END])


def test_without_settings_the_file_decides() -> None:
    assert settled("-p", "2022") == (["aes128-ctr"], [], [CONFIG])
    assert settled("-o") == (["aes128-ctr"], [], [CONFIG])


def test_a_setting_that_sshd_refuses_is_found_where_it_stands() -> None:
    _, problems, _ = settled("-oCiphers=aes256-gone", "-oMACs=hmac-sha2-256", "-oNonsense=yes")
    assert len(problems) == 2
    assert all(problem.startswith(f"{BACK_END}:1 ") for problem in problems)
    assert "aes256-gone" in problems[0]
