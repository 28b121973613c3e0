"""systemd unit files: by hand, against `systemctl enable`, and against the corpus."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from parsers.linux.systemd import LINE_MAX, Unit, parse_unit, split_words
from parsers.place import Place, Problem
from tests.corpus import corpus
from tests.oracles import needs

SERVICE = """\
# a comment
; another
[Unit]
Description = A daemon
Wants=a.service b.service
Wants=c.service

[Service]
ExecStart=/bin/a \\
# in between
  --flag=x;y \\
  #no
  end
Environment="A=1 2" 'B=3'
ExecStart=
ExecStart=/bin/b
[Install]
WantedBy=multi-user.target
Alias=x.service y.service
"""


def test_assignments_have_their_place_and_section() -> None:
    unit = parse_unit(SERVICE, "/u")
    description = unit.last("Unit", "Description")
    assert description is not None
    assert (description.place, description.value) == (Place("/u", 4), "A daemon")
    assert unit.words("Unit", "Wants") == ("a.service", "b.service", "c.service")
    assert unit.words("Install", "Alias") == ("x.service", "y.service")
    assert unit.problems == ()
    assert unit.last("Unit", "Nothing") is None


def test_a_line_goes_on_after_a_backslash_and_comments_are_left_out() -> None:
    unit = parse_unit(SERVICE.replace("ExecStart=\n", ""), "/u")
    assert [(a.place.line, a.value) for a in unit.all("Service", "ExecStart")] == [
        (9, "/bin/a  --flag=x;y  end"),
        (15, "/bin/b"),
    ]


def test_an_empty_assignment_takes_the_list_back() -> None:
    assert [a.value for a in parse_unit(SERVICE, "/u").all("Service", "ExecStart")] == ["/bin/b"]
    assert parse_unit("[Unit]\nWants=a\nWants=\n", "/u").words("Unit", "Wants") == ()


def test_a_drop_in_adds_to_the_unit_and_may_reset_it() -> None:
    unit = parse_unit("[Unit]\nWants=a\n", "/u").with_drop_in(parse_unit("[Unit]\nWants=b\n", "/u.d/x.conf"))
    assert unit.words("Unit", "Wants") == ("a", "b")
    assert unit.with_drop_in(parse_unit("[Unit]\nWants=\nWants=c\n", "/d")).words("Unit", "Wants") == ("c",)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("Wants=a\n", 1, "a section wanted before the first assignment, none found"),
        ("[Unit\nWants=a\n", 1, "a section header wanted, [Unit found"),
        ("[Unit]\nnonsense\n", 2, "key=value wanted, nonsense found"),
        ("[Unit]\n=x\n", 2, "a key wanted before =, none found"),
        (
            "[Unit]\nX=" + "y" * LINE_MAX + "\n",
            2,
            f"a line of at most {LINE_MAX} characters wanted, {LINE_MAX + 2} found",
        ),
    ],
)
def test_a_bad_line_is_reported_and_the_rest_is_read(text: str, line: int, message: str) -> None:
    unit = parse_unit(text + "[Good]\nKey=value\n", "/u")
    assert unit.problems[0] == Problem(Place("/u", line), message)
    assert unit.last("Good", "Key") is not None


def test_the_assignments_of_a_broken_section_are_not_taken_for_the_last_ones() -> None:
    unit = parse_unit("[Unit]\nA=1\n[Broken\nWants=x\n", "/u")
    assert [a.key for a in unit.assignments] == ["A"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a  b\tc", ("a", "b", "c")),
        ('"a b" c', ("a b", "c")),
        ("'a b'c", ("a bc",)),
        (r"dev-disk\x2dby.device", (r"dev-disk\x2dby.device",)),
        ("", ()),
        ('"open', ("open",)),
    ],
)
def test_words_are_split_at_blanks(value: str, words: tuple[str, ...]) -> None:
    assert split_words(value) == words


def install_section(chance: random.Random) -> str:
    lines = []
    for number in range(chance.randint(1, 6)):
        words = " ".join(f"{name}{number}.target" for name in chance.sample("abcdefg", chance.randint(1, 3)))
        lines.append(
            chance.choice(
                [
                    f"WantedBy={words}",
                    f"  WantedBy = {words}  ",
                    f"RequiredBy={words}",
                    f"WantedBy={words} \\\n# note\n   more{number}.target",
                    f"WantedBy={words} \\\n\nRequiredBy=after{number}.target",
                    "WantedBy=",
                    f"# WantedBy={words}",
                    f"; RequiredBy={words} \\",
                    f"Alias=other{number}.service",
                    f"[Service]\nWantedBy={words}\n[Install]",
                    f"RequiredBy='{words.split()[0]}'",
                ]
            )
        )
    return "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\n" + "\n".join(lines) + "\n"


def declared(unit: Unit) -> set[str]:
    links = {f"{word}.wants/x.service" for word in unit.words("Install", "WantedBy")}
    links |= {f"{word}.requires/x.service" for word in unit.words("Install", "RequiredBy")}
    return links | set(unit.words("Install", "Alias"))


@needs("systemctl")
def test_systemctl_enables_what_the_unit_says(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(40):
        root = tmp_path / str(number)
        folder = root / "usr/lib/systemd/system"
        folder.mkdir(parents=True)
        text = install_section(chance)
        (folder / "x.service").write_text(text)
        subprocess.run(["systemctl", f"--root={root}", "enable", "x.service"], capture_output=True, check=False)
        made = root / "etc/systemd/system"
        links = (
            {str(path.relative_to(made)) for path in made.rglob("*") if path.is_symlink()} if made.is_dir() else set()
        )
        assert declared(parse_unit(text, "/x")) == links, text


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(8)
    for _ in range(300):
        raw = bytes(chance.choices(b"[]=\\\n\r#; \tA\"'\x00\xff", k=chance.randint(0, 200)))
        unit = parse_unit(raw.decode("utf-8", "surrogateescape"), "/u")
        for assignment in unit.assignments:
            split_words(assignment.value)


def test_hostile_lengths_are_read_in_linear_time() -> None:
    for piece in ('"', "\\", "a'", "[", "=", "\\\n", "x\\\n#\n"):
        parse_unit("[Unit]\nA=" + piece * 200_000, "/u")
        split_words(piece * 200_000)


DOCKER = (
    "/bin/sh -c '/usr/bin/docker-current daemon --authorization-plugin=rhel-push-plugin "
    "--exec-opt native.cgroupdriver=systemd $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_NETWORK_OPTIONS $ADD_REGISTRY "
    "$BLOCK_REGISTRY $INSECURE_REGISTRY 2>&1 | /usr/bin/forward-journald -tag docker'"
)
ASSERTED: Final = (
    (
        "in-systemd_config-SYSTEMD_DOCKER",
        {
            "Unit": {"After": ["network.target"]},
            "Service": {"NotifyAccess": ["all"], "Environment": ["GOTRACEBACK=crash"], "ExecStart": [DOCKER]},
            "Install": {"WantedBy": ["multi-user.target"]},
        },
    ),
    (
        "in-systemd_config-SYSTEMD_RPCBIND_SOCKET",
        {
            "Socket": {
                "ListenStream": ["/run/rpcbind.sock", "0.0.0.0:111", "[::]:111"],
                "ListenDatagram": ["0.0.0.0:111", "[::]:111"],
            }
        },
    ),
    ("in-systemd_config-SYSTEMD_DNSMASQ_SERVICE", {"Unit": {"After": ["network.target"]}}),
    (
        "al-systemd-unit",
        {
            "Unit": {"Description": ["Locale Service"]},
            "Service": {
                "ExecStart": ["/lib/systemd/systemd-localed"],
                "Type": ["dbus"],
                "BusName": ["org.freedesktop.locale1"],
                "CapabilityBoundingSet": [],
            },
        },
    ),
)
"""What insights-core asserts, and the lens' own test (test_systemd.aug). We differ from the lens over `.include`, which
it lists: systemd has known nothing of it since 246, and to us the line is a problem."""


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "asserted"), ASSERTED)
def test_other_programs_find_the_same_in_the_corpus(name: str, asserted: dict[str, dict[str, list[str]]]) -> None:
    unit = parse_unit(corpus(f"known/configs/systemd/{name}").read_text(), "/u")
    for section, keys in asserted.items():
        for key, values in keys.items():
            # systemd keeps the blanks of continued lines, which insights-core folds.
            found = [re.sub(" +", " ", it.value) for it in unit.all(section, key)]
            assert found == values
    assert [problem.place.line for problem in unit.problems] == ([6, 11] if name == "al-systemd-unit" else [])
    if name == "in-systemd_config-SYSTEMD_DOCKER":
        assert {it.key for it in unit.assignments if it.section == "Install"} == {"WantedBy"}
