from __future__ import annotations

import random

import pytest

from parsers.linux.sshd import DEBIAN_12, NEWEST, OLDEST, parse_sshd_config
from parsers.linux.sshd.address import address, address_list_flaw, listen_parts, port, split_host
from parsers.linux.sshd.algorithms import CIPHERS, list_flaw
from parsers.linux.sshd.keywords import KEYWORDS
from parsers.linux.sshd.line import QuoteError, next_word, split_arguments, split_line
from parsers.linux.sshd.values import seconds

DEBIAN = """\
# This is the sshd server system-wide configuration file.

Include /etc/ssh/sshd_config.d/*.conf
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
AcceptEnv LANG LC_*
Subsystem\tsftp\t/usr/lib/openssh/sftp-server
Match User anoncvs
\tX11Forwarding no
Match all
\tPort 22
"""


def test_the_first_value_counts_and_others_accumulate() -> None:
    config = parse_sshd_config("UsePAM yes\nUsePAM no\nPort 1\nPort 2\nMatch User a\nX11Forwarding yes\n")
    assert config.problems == ()
    first = config.first("UsePAM")
    assert first is not None
    assert (first.arguments, first.place.line) == (("yes",), 1)
    assert [item.arguments for item in config.every("Port")] == [("1",), ("2",)]
    assert config.first("X11Forwarding") is None
    assert [item.active for item in config.directives] == [True, True, True, True, False]


def test_a_block_for_all_overrides_what_may_stand_in_it() -> None:
    config = parse_sshd_config(
        "X11Forwarding yes\nAllowUsers a\nPort 1\nMatch all\nX11Forwarding no\nAllowUsers b\nPort 2\n"
    )
    assert [item.arguments for item in config.every("X11Forwarding")] == [("no",)]
    assert [item.arguments for item in config.every("AllowUsers")] == [("b",)]
    assert [item.arguments for item in config.every("Port")] == [("1",), ("2",)]


def test_the_configuration_of_debian() -> None:
    config = parse_sshd_config(DEBIAN)
    assert (config.problems, config.remarks, config.doubts) == ((), (), ())
    assert [item.keyword for item in config.directives] == [
        "KbdInteractiveAuthentication", "UsePAM", "X11Forwarding", "AcceptEnv", "Subsystem", "X11Forwarding", "Port",
    ]  # fmt: skip


def test_an_alias_is_what_it_stands_for() -> None:
    config = parse_sshd_config("ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\n")
    first = config.first("KbdInteractiveAuthentication")
    assert first is not None
    assert first.arguments == ("no",)


def test_one_bad_line_does_not_hide_the_others() -> None:
    config = parse_sshd_config('Nope x\nUsePAM yes\nPort x\nBanner "x\nX11Forwarding\nMatch Nope x\nUsePAM no\n')
    assert [problem.place.line for problem in config.problems] == [1, 3, 4, 5, 6, 7]
    assert [item.keyword for item in config.directives] == ["UsePAM"]


def test_what_has_no_effect_is_remarked() -> None:
    config = parse_sshd_config("UseLogin no\nProtocol 2\nKerberosGetAFSToken yes\n")
    assert config.problems == ()
    assert [str(remark) for remark in config.remarks] == [
        "/etc/ssh/sshd_config:1: UseLogin is deprecated and has no effect",
        "/etc/ssh/sshd_config:3: KerberosGetAFSToken is unsupported and has no effect",
    ]


def test_includes_nest_sixteen_deep_and_end_there() -> None:
    def chain(length: int) -> list[str]:
        def read_included(pattern: str) -> list[tuple[str, str | None]]:
            number = int(pattern.rpartition("/")[2])
            return [(pattern, f"Include /i/{number + 1}\n" if number < length else "UsePAM yes\n")]

        return [str(problem) for problem in parse_sshd_config("Include /i/1\n", read_included=read_included).problems]

    assert chain(16) == []
    assert chain(17) == ["/i/16:1: at most 16 levels of included files wanted, more found"]


def test_a_file_that_includes_itself_many_times_ends_soon() -> None:
    asked = []

    def read_included(pattern: str) -> list[tuple[str, str | None]]:
        asked.append(pattern)
        return [("/x", "Include /x\n" * 50), ("/y", "Include /x\n" * 50)]

    config = parse_sshd_config("Include /x\n", read_included=read_included)
    assert len(config.problems) == 1
    assert len(asked) < 100


def test_many_files_that_include_many_files_end_too() -> None:
    def read_included(pattern: str) -> list[tuple[str, str | None]]:
        level = int(pattern.rpartition("/")[2])
        return [(f"{pattern}.{n}", f"Include /i/{level + 1}\n" if level < 12 else "") for n in range(40)]

    config = parse_sshd_config("Include /i/1\n", read_included=read_included)
    assert [problem.message for problem in config.problems] == [
        "at most 1000 files of included files wanted, more found"
    ]


def test_a_match_block_ends_with_its_file_and_holds_what_it_includes() -> None:
    files = {"/match": "Match User x\n", "/global": "Port 1\n", "/all": "Match all\nPort 2\n"}

    def read_included(pattern: str) -> list[tuple[str, str | None]]:
        return [(pattern, files[pattern])]

    def lines(text: str) -> list[str]:
        config = parse_sshd_config(text, read_included=read_included)
        return [f"{problem.place}" for problem in config.problems]

    assert lines("Include /match\nPort 3\n") == []
    assert lines("Match User x\nInclude /global\n") == ["/global:1"]
    assert lines("Match User x\nInclude /all\n") == ["/all:2"]


def test_the_number_of_problems_is_bounded() -> None:
    assert len(parse_sshd_config("x\n" * 100_000).problems) == 1000


def test_bytes_that_are_no_text_are_a_problem_not_a_crash() -> None:
    chosen = random.Random(3)
    alphabet = "UsePAM yes\nMatch \"'\\=#,!*?@:/[]%+-^0123\t\r\0\x0b\x0c\x1b\x85\u2028\udcff\ud800é"
    for _ in range(3000):
        text = "".join(chosen.choices(alphabet, k=chosen.randrange(60)))
        keyword = chosen.choice(list(KEYWORDS))
        for candidate in (text, f"{keyword} {text}", f"Match all\n{keyword}={text}"):
            config = parse_sshd_config(candidate)
            assert len(config.directives) + len(config.problems) <= 2 * candidate.count("\n") + 4


def test_long_values_cost_little() -> None:
    for value in (
        "9" * 100_000,
        "1s" * 100_000,
        "a," * 100_000,
        "!" * 100_000,
        "[" * 100_000,
        "1:" * 50_000,
        '"' * 99_999,
    ):
        for keyword in KEYWORDS:
            parse_sshd_config(f"{keyword} {value}\n")


def test_an_older_sshd_knows_less_and_a_newer_one_more() -> None:
    def valid(text: str, release: tuple[int, int], vendor: str = "debian") -> bool:
        return not parse_sshd_config(text, release=release, vendor=vendor).problems

    assert [valid("Include x\n", release) for release in ((8, 1), (8, 2))] == [False, True]
    assert [valid("PubkeyAcceptedKeyTypes ssh-rsa\n", release) for release in (OLDEST, (6, 8), DEBIAN_12, NEWEST)] == [
        False, True, True, True,
    ]  # fmt: skip
    assert [valid("Match User a\nSubsystem a b\n", release) for release in ((9, 4), (9, 5))] == [False, True]
    assert [valid("Match invalid-user\nMaxSessions 0\n", release) for release in (DEBIAN_12, NEWEST)] == [False, True]
    assert [valid("DebianBanner no\n", DEBIAN_12, vendor) for vendor in ("debian", "redhat", "arch")] == [
        True,
        False,
        False,
    ]
    assert [valid("GSSAPIKeyExchange no\n", DEBIAN_12, vendor) for vendor in ("debian", "redhat", "suse", "arch")] == [
        True, True, True, False,
    ]  # fmt: skip
    unknown = parse_sshd_config("GSSAPIKeyExchange no\n", vendor="")
    assert (unknown.problems, len(unknown.doubts)) == ((), 1)


EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE, EL10 = (
    (5, 3), (6, 6), (7, 2), (7, 4), (8, 0), (8, 4), (8, 7), (9, 6), (9, 9),
)  # fmt: skip
FAMILIES = {
    EL6: "redhat", TRUSTY: "debian", SLES12: "suse", EL7: "redhat", EL8: "redhat", LEAP: "suse", EL9: "redhat",
    NOBLE: "debian", EL10: "redhat", NEWEST: "arch",
}  # fmt: skip
LIVES = {
    # what sshd of which release takes: by the release notes, and the packages' own sshd_config(5)
    "Protocol 2": (),
    "Protocol 3": (EL6, TRUSTY, SLES12),
    "UsePrivilegeSeparation sandbox": (EL6,),
    "UsePrivilegeSeparation maybe": (EL6, TRUSTY, SLES12, EL7),
    "UseLogin maybe": (EL6, TRUSTY, SLES12),
    "ShowPatchLevel no": (TRUSTY, SLES12, EL8, LEAP, EL9, NOBLE, EL10, NEWEST),
    "GSSAPIEnablek5users no": (EL6, TRUSTY, SLES12, LEAP, NOBLE, NEWEST),
    "GSSAPIKeyExchange no": (NEWEST,),
    "DebianBanner no": (EL6, SLES12, EL7, EL8, LEAP, EL9, EL10, NEWEST),
    "AuthorizedKeysCommand /x": (TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE, EL10, NEWEST),
    "AuthorizedKeysCommand /x\nAuthorizedKeysCommandUser nobody": (EL6,),
    "AuthorizedKeysCommandRunAs nobody": (TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE, EL10, NEWEST),
    "AuthenticationMethods publickey": (EL6,),
    "PermitRootLogin prohibit-password": (EL6, TRUSTY),
    "PermitRootLogin without-password": (),
    "AllowTcpForwarding local": (EL6,),
    "UsePAM yes # why": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "AllowUsers root # why": (),
    "Include /etc/ssh/sshd_config.d/*.conf": (EL6, TRUSTY, SLES12, EL7, EL8),
    "RequiredRSASize 2048": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "FingerprintHash md5": (EL6, TRUSTY),
    "HostKeyAlgorithms ssh-ed25519": (EL6, TRUSTY),
    "HostKeyAlgorithms +ssh-dss": (EL6, TRUSTY, EL10, NEWEST),
    "Ciphers arcfour": (EL8, LEAP, EL9, NOBLE, EL10, NEWEST),
    "Ciphers aes128-gcm@openssh.com": (EL6,),
    "Ciphers -3des-cbc": (EL6, TRUSTY, SLES12, EL7),
    "Ciphers ^aes256-ctr": (EL6, TRUSTY, SLES12, EL7, EL8),
    "MACs hmac-ripemd160": (EL8, LEAP, EL9, NOBLE, EL10, NEWEST),
    "MACs hmac-sha2-256": (),
    "MACs hmac-md5": (),
    "KexAlgorithms curve25519-sha256@libssh.org": (EL6,),
    "KexAlgorithms sntrup761x25519-sha512@openssh.com": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "KexAlgorithms sntrup761x25519-sha512": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE),
    "KexAlgorithms mlkem768x25519-sha256": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE),
    "PubkeyAcceptedAlgorithms ssh-rsa": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "PermitUserEnvironment LANG": (EL6, TRUSTY, SLES12, EL7),
    "SetEnv A=b": (EL6, TRUSTY, SLES12, EL7),
    "IgnoreRhosts shosts-only": (EL6, TRUSTY, SLES12, EL7, EL8),
    "PerSourceMaxStartups 3": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "ChannelTimeout session=5m": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9),
    "PerSourcePenalties yes": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE),
    "Match all\nX11Forwarding no": (EL6,),
    "Match LocalPort 22\nX11Forwarding no": (EL6,),
    "Match User a # why\nX11Forwarding no": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "Match User a\nAllowUsers a": (EL6,),
    "Match User a\nClientAliveInterval 5": (EL6, TRUSTY, SLES12),
    "Match User a\nLogLevel DEBUG": (EL6, TRUSTY, SLES12, EL7),
    "Match User a\nIgnoreRhosts no": (EL6, TRUSTY, SLES12, EL7, EL8),
    "Match User a\nPasswordAuthentication no": (),
    "Match User a\nChallengeResponseAuthentication no": (EL6, TRUSTY, SLES12, EL7, EL8, LEAP),
    "Match User a\nKbdInteractiveAuthentication no": (),
    "AuthenticationMethods any": (EL6, TRUSTY, SLES12),
}


@pytest.mark.parametrize("text", LIVES)
def test_each_release_refuses_what_it_does_not_know(text: str) -> None:
    refused = {
        release
        for release, vendor in FAMILIES.items()
        if parse_sshd_config(f"{text}\n", release=release, vendor=vendor).problems
    }
    assert refused == set(LIVES[text])


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Match User a Group b", ()),
        ("Match User=a", ()),
        ("Match User = a", (EL10, NEWEST)),
        ("Match User 'a", (EL9, NOBLE, EL10, NEWEST)),
        ('Match User "a b" Host c', ()),
        ("Match User a\\ b", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("Match all # why", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP)),
        ("Match invalid-user", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("Match invalid-user Address 192.0.2.0/24", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("Match version OpenSSH_10.*", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE, EL10)),
        ("Match version", tuple(FAMILIES)),
        ("Match sessiontype shell", tuple(FAMILIES)),
        ("Match command x", tuple(FAMILIES)),
        ("PerSourcePenalties no", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("PerSourcePenalties off", tuple(FAMILIES)),
        ("PerSourcePenalties crash:3600s authfail:1h max:1d", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("PerSourcePenalties overflow:permissive max-sources4:7", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("PerSourcePenalties overflow:maybe", tuple(FAMILIES)),
        ("PerSourcePenalties yes crash:1", tuple(FAMILIES)),
        ("PerSourcePenalties crash:off", tuple(FAMILIES)),
        ("PerSourcePenaltyExemptList 192.0.2.0/24,::1", (EL6, TRUSTY, SLES12, EL7, EL8, LEAP, EL9, NOBLE)),
        ("PerSourcePenaltyExemptList 192.0.2.1/24", tuple(FAMILIES)),
    ],
)
def test_what_is_new_in_9_8_and_later(text: str, refused: tuple[tuple[int, int], ...]) -> None:
    found = {
        release
        for release, vendor in FAMILIES.items()
        if parse_sshd_config(f"{text}\n", release=release, vendor=vendor).problems
    }
    assert found == set(refused)


def test_what_only_some_packages_of_a_release_take_is_in_doubt() -> None:
    for text, release in (("Match User=a\n", EL10), ("GSSAPIDelegateCredentials no\n", NEWEST)):
        config = parse_sshd_config(text, release=release, vendor="redhat")
        assert (config.problems, len(config.doubts)) == ((), 1)
    assert parse_sshd_config("Match User=a\n", release=NEWEST).doubts == ()
    assert parse_sshd_config("GSSAPIDelegateCredentials no\n", release=EL10, vendor="redhat").problems


def test_a_patch_that_only_some_updates_carry_is_left_open() -> None:
    config = parse_sshd_config("RSAMinSize 2048\nX11MaxDisplays 5\n", release=(8, 0), vendor="redhat")
    assert (config.problems, [doubt.place.line for doubt in config.doubts]) == ((), [1, 2])


def test_words_before_8_7_are_parted_as_keywords_are() -> None:
    def words(text: str) -> tuple[str, ...] | None:
        line = split_line(text, old=True)
        assert line is not None
        return line.arguments

    assert words('AllowUsers a "b c"d  e=f #g') == ("a", "b c", "d", "e", "f", "#g")
    assert words('SetEnv A=b "C=d e" \'f') == ("A=b", "C=d e", "'f")
    assert words('AllowUsers a "b') is None
    assert words("AllowUsers " + "=a" * 200_000) is not None


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("a b", "a", "b"),
        ("a = b", "a", "b"),
        ("a==b", "a", "=b"),
        ('"a b" c', "a b", "c"),
        ('x"a" c', "xa", "c"),
        ('"a', None, ""),
        (" a", "", "a"),
        ("a", "a", ""),
    ],
)
def test_words(text: str, word: str | None, rest: str) -> None:
    assert next_word(text) == (word, rest)


def test_arguments() -> None:
    assert split_arguments(r"""a "b c" 'd "e' f\ g "h\"i" ''""") == ["a", "b c", 'd "e', "f g", 'h"i', ""]
    assert split_arguments("a #b c") == ["a"]
    with pytest.raises(QuoteError):
        split_arguments("a 'b")
    line = split_line("A 'b")
    assert line is not None
    assert line.arguments is None


def test_addresses() -> None:
    assert str(address("10.1")) == "10.0.0.1"
    assert str(address("0x7f.1")) == "127.0.0.1"
    assert str(address("017.0.0.1")) == "15.0.0.1"
    assert address("1.2.3.256") is None
    assert address("1.2.3.4.5") is None
    assert address("host") is None
    assert address("") is None
    assert address_list_flaw("10.0.0.0/8,!192.0.2.1,*.example") is None
    assert address_list_flaw("10.0.0.1/8") is not None
    assert (port("22"), port("ssh"), port("0"), port("nope"), port("65536"), port("")) == (
        22,
        22,
        None,
        None,
        None,
        None,
    )
    assert split_host("[::1]:22") == ("::1", "22")
    assert split_host("a:22") == ("a", "22")
    assert split_host("a/22") == (None, None)
    assert listen_parts("fe80::1") == ("fe80::1", None)


def test_times() -> None:
    assert [seconds(text) for text in ("90", "2m", "1h30m", "1w", "", "m", "1x", "1 m")] == [
        90, 120, 5400, 604800, None, None, None, None,
    ]  # fmt: skip


def test_lists_of_algorithms() -> None:
    assert list_flaw("aes128-ctr", CIPHERS, DEBIAN_12, wildcards=False) is None
    assert list_flaw("-anything*", CIPHERS, DEBIAN_12, wildcards=False) is None
    flaw = list_flaw("+arcfour", CIPHERS, DEBIAN_12, wildcards=False)
    assert flaw == "an algorithm that OpenSSH 9.2 has wanted, 'arcfour' found"
    assert list_flaw("arcfour", CIPHERS, (7, 5), wildcards=False) is None
