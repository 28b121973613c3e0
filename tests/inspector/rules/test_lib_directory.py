from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.guest import Guest
from inspector.rules.lib_directory import system_directories_resolve
from inspector.verdict import Status, Verdict
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir, File, Link

MERGED: dict[str, Any] = {
    "/usr/lib64/ld-linux-x86-64.so.2": "",
    "/usr/lib/libc.so": "",
    "/usr/bin/sh": "",
    "/usr/sbin/init": "",
    **{f"/{name}": Link(f"usr/{name}") for name in ("lib", "lib64", "bin", "sbin")},
}


def facts(**changes: Any) -> Facts:
    return facts_of({path: node for path, node in {**MERGED, **changes}.items() if node is not None})


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


def test_merged_directories_are_ok() -> None:
    verdict = system_directories_resolve(facts())
    assert verdict.status is Status.OK
    assert places(verdict) == ["/lib", "/bin", "/sbin", "/lib64"]


def test_real_directories_are_ok() -> None:
    assert system_directories_resolve(
        facts(**{f"/{name}": Dir() for name in ("lib", "lib64", "bin", "sbin")})
    ).status is (Status.OK)


@pytest.mark.parametrize("name", ["lib", "lib64", "bin", "sbin"])
@pytest.mark.parametrize("node", [Link("{}"), Link("/usr/{}"), Link("usr/{}-gone"), File("x"), Link("usr/bin/sh")])
def test_a_wrong_link_fails_at_its_path_and_a_relative_one_makes_it_ok(name: str, node: Link | File) -> None:
    wrong = Link(node.target.format(name)) if isinstance(node, Link) else node
    if wrong == Link(name):
        wrong = Link("nowhere")
    verdict = system_directories_resolve(facts(**{f"/{name}": wrong}))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [f"/{name}"])
    assert system_directories_resolve(facts(**{f"/{name}": Link(f"usr/{name}")})).status is Status.OK


def test_a_link_to_another_place_is_a_warning() -> None:
    verdict = system_directories_resolve(facts(**{"/lib64": Link("lib")}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/lib64"])


@pytest.mark.parametrize("target", ["usr/lib64/", "./usr/lib64", "usr/lib"])
def test_other_spellings_of_the_merged_place_are_ok(target: str) -> None:
    assert system_directories_resolve(facts(**{"/lib64": Link(target)})).status is Status.OK


def test_what_is_missing_fails_where_it_is_needed() -> None:
    assert system_directories_resolve(facts(**{"/lib": None})).status is Status.FAILED
    assert system_directories_resolve(facts(**{"/lib64": None})).status is Status.FAILED
    arm = facts(**{"/lib64": None, "/usr/lib64/ld-linux-x86-64.so.2": None})
    assert system_directories_resolve(arm).status is Status.OK


@pytest.mark.parametrize(
    ("machine", "more", "status"),
    [
        ("x86_64", {}, Status.FAILED),
        ("ppc64le", {}, Status.FAILED),
        ("aarch64", {}, Status.OK),
        ("x86_64", {"/usr/lib/ld-musl-x86_64.so.1": ""}, Status.OK),
        ("x86_64", {"/usr/bin/sh": Link("busybox"), "/usr/bin/busybox": ""}, Status.OK),
    ],
)
def test_lib64_with_all_that_lay_in_it_is_needed_where_the_loader_lies_there(
    machine: str, more: dict[str, Any], status: Status
) -> None:
    files = {path: node for path, node in {**MERGED, **more}.items() if "lib64" not in path}
    architecture = Architecture(machine, 64, Place("/sbin/init"))
    verdict = system_directories_resolve(facts_of(files, given={Architecture: architecture}))
    assert (verdict.status, "/lib64" in places(verdict)) == (status, True)


def test_a_loop_of_links_is_never_ok() -> None:
    verdict = system_directories_resolve(facts(**{"/lib": Link("usr/loop"), "/usr/loop": Link("../lib")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_unknown_is_never_ok() -> None:
    verdict = system_directories_resolve(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
