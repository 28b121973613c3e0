"""cloud-init's configuration: its own Python and its own ds-identify are the oracles."""

from __future__ import annotations

import json
import random
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from parsers.linux.cloud_init import (
    CloudConfig,
    DatasourceList,
    Policy,
    merge_cloud_config,
    parse_cloud_config,
    parse_ds_identify,
    parse_policy,
    python_datasources,
    shell_datasources,
)
from parsers.place import Place
from parsers.yaml_document import plain
from tests.parsers.damaged_text import damaged_texts

PYTHON = "/usr/bin/python3"
PACKAGE = Path("/usr/lib/python3/dist-packages/cloudinit/util.py")
DS_IDENTIFY = Path("/usr/lib/cloud-init/ds-identify")


def config(*texts: str) -> CloudConfig:
    return merge_cloud_config(parse_cloud_config(text, f"/{number}.cfg") for number, text in enumerate(texts))


def shell(*texts: str) -> tuple[str, ...] | None:
    found = shell_datasources((text, f"/{number}.cfg") for number, text in enumerate(texts))
    return found.names if found else None


def test_the_later_file_wins_key_by_key_and_lists_are_replaced() -> None:
    found = config(
        "a: 1\nlist: [x]\nsystem_info: {distro: debian, paths: {cloud_dir: /var}}\n",
        "list: [y, z]\nsystem_info: {paths: {templates_dir: /t}}\nb: 2\n",
    )
    assert plain(found.merged) == {
        "a": 1,
        "b": 2,
        "list": ["y", "z"],
        "system_info": {"distro": "debian", "paths": {"cloud_dir": "/var", "templates_dir": "/t"}},
    }
    assert found.value("system_info", "distro") == "debian"
    assert found.place("list") == Place("/1.cfg", 1)
    assert found.place("system_info", "distro") == Place("/0.cfg", 3)
    assert found.place("nothing", "at", "all") is None


def test_a_file_that_cannot_be_read_is_passed_over() -> None:
    found = config("a: 1\n", "b: [\n", "- a list\n", "just text\n", "", "c: 3\n")
    assert plain(found.merged) == {"a": 1, "c": 3}
    assert [(it.place.path, it.place.line) for it in found.flaws] == [("/1.cfg", 2), ("/2.cfg", 1), ("/3.cfg", 1)]


def test_a_file_may_ask_to_be_merged_by_its_own_rules() -> None:
    found = config("list: [a]\nmerge_how: 'list(append)+dict(recurse_list)+str()'\n", "list: [b]\n")
    assert plain(found.merged) == {"list": ["b", "a"]}
    broken = config("list: [a]\nmerge_how: 'wat(append)'\n", "list: [b]\n")
    assert broken.failure is not None
    assert broken.failure.place == Place("/0.cfg", 2)


def test_modules_and_their_frequencies() -> None:
    found = config(
        "cloud_init_modules:\n - migrator\n - write-files\n - [growpart, once]\n - {name: cc_ssh, frequency: always}\n"
        " - bootcmd\n - [resizefs, sometimes]\n - 5\n -\n"
    ).modules("cloud_init_modules")
    assert [(it.name, it.frequency, it.place.line) for it in found] == [
        ("migrator", "always", 2),
        ("write_files", "once-per-instance", 3),
        ("growpart", "once", 4),
        ("ssh", "always", 5),
        ("bootcmd", "always", 6),
        ("resizefs", "always", 7),
    ]


# -- data sources


def test_the_list_as_python_sees_it() -> None:
    found = python_datasources(
        config("datasource_list: [ NoCloud ]\n", "datasource_list:\n - DataSourceAliYun\n - None\n")
    )
    assert found == DatasourceList(Place("/1.cfg", 1), ("AliYun", "None"))
    assert found.single == "AliYun"
    assert python_datasources(config("a: 1\n")) is None
    odd = python_datasources(config("datasource_list: AliYun\n"))
    assert odd is not None
    assert odd.flaw is not None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("datasource_list: [ AliYun, None ]\n", ("AliYun", "None")),
        ("  datasource_list: ['AliYun', \"Ec2\"] # why\n", ("AliYun", '"Ec2"]')),
        ("datasource_list: AliYun\n", ("AliYun",)),
        ("datasource_list:\n - AliYun\n", None),
        ("datasource_list: [ AliYun,\n  Ec2 ]\n", ("AliYun",)),
        ("datasource_list:[AliYun]\n", None),
        ("datasource_list: [ AliYun ]", None),
        ("# datasource_list: [ AliYun ]\n", None),
        ("datasource_list: [ A ]\ndatasource_list: [ B ]\n", ("B",)),
        ("x: {datasource_list: [ A ]}\n", None),
    ],
)
def test_the_list_as_the_shell_sees_it(text: str, names: tuple[str, ...] | None) -> None:
    assert shell(text) == names


def test_ds_identify_cfg() -> None:
    found = parse_ds_identify("# c\npolicy: search,notfound=enabled\ndatasource: 'Ec2' # pinned\nunended: x")
    assert (found.datasource, found.policy) == ("Ec2", "search,notfound=enabled")
    assert found.datasource_place == Place("/etc/cloud/ds-identify.cfg", 3)
    assert parse_policy(found.policy) == Policy("search", "all", "none", "enabled")
    assert parse_policy("disabled").mode == "disabled"
    assert parse_policy(None, dmi=False).notfound == "enabled"
    assert parse_policy("found=wat,report").found == "all"


def test_bombs_are_bounded() -> None:
    bomb = "l0: &l0 {a: b}\n" + "".join(f"l{n}: &l{n} {{x: *l{n - 1}, y: *l{n - 1}}}\n" for n in range(1, 16))
    start = time.process_time()
    config(bomb, bomb, bomb)
    shell("datasource_list: " + "," * 200_000 + "\n", "\\\n" * 100_000)
    assert time.process_time() - start < 10


def test_damage_never_escapes() -> None:
    text = (
        "#cloud-config\ndatasource_list: [ AliYun, None ]\ncloud_init_modules:\n - growpart\n - [ssh, always]\n"
        "network: {config: disabled}\nsystem_info: &s {distro: debian}\nagain: *s\npolicy: search\n"
    )
    for damaged in damaged_texts(text, "{}[]:,&*!|>'\"#-? \n\t\0\udc80x1~\\"):
        found = config(text, damaged)
        found.modules("cloud_init_modules")
        found.value("network", "config")
        python_datasources(found)
        shell(damaged)
        parse_policy(parse_ds_identify(damaged).policy)


# -- cloud-init itself


def need(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} (Debian package cloud-init) is absent: the oracle was not asked")


def random_value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8 if depth else 5)
    if kind < 5:
        return rng.choice([1, True, None, "text", "", 2.5, "AliYun"])
    if kind == 5:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice("abcd"): random_value(rng, depth - 1) for _ in range(rng.randrange(4))}


def test_cloud_init_merges_alike(tmp_path: Path) -> None:
    need(PACKAGE)
    rng = random.Random(11)
    cases: list[list[str]] = []
    for _ in range(150):
        texts = [json.dumps({rng.choice("abcd"): random_value(rng, 3) for _ in range(4)}) for _ in range(4)]
        if rng.random() < 0.3:
            texts[rng.randrange(4)] = rng.choice(["a: [", "- x", "", "text", "a: 1\na: 2", "--- {a: 1}\n--- {b: 2}"])
        cases.append(texts)
    for number, (base, *others) in enumerate(cases):
        folder = tmp_path / str(number)
        (folder / "cloud.cfg.d").mkdir(parents=True)
        (folder / "cloud.cfg").write_text(base)
        for name, text in zip(("05_a.cfg", "90_b.cfg", "B.cfg"), others, strict=True):
            (folder / "cloud.cfg.d" / name).write_text(text)
        (folder / "cloud.cfg.d" / "99_not.txt").write_text("a: wrong")
        (folder / "cloud.cfg.d" / "98_dangling.cfg").symlink_to("/nowhere")
    program = """
        import json, sys
        from cloudinit import util
        print(json.dumps([util.read_conf_with_confd(f"{sys.argv[1]}/{n}/cloud.cfg") for n in range(int(sys.argv[2]))]))
    """
    command = [PYTHON, "-c", textwrap.dedent(program), str(tmp_path), str(len(cases))]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    for theirs, texts in zip(json.loads(run.stdout), cases, strict=True):
        assert (plain(config(*texts).merged) or {}) == theirs, texts


HOW: tuple[Any, ...] = (
    "list(append)+dict(recurse_list)+str(append)",
    "list(prepend)+dict(recurse_array,recurse_str)+str()",
    "dict(replace)+list()+str()",
    "dict(allow_delete,no_replace)+list(no_replace)+str()",
    "list(append)",
    "dict()",
    "dict(recurse_list)+list(recurse_dict,recurse_list,recurse_str)+str(append)",
    "",
    None,
    [],
    [{"name": "list", "settings": ["append"]}, {"name": "dict", "settings": ["recurse-list", "recurse_list"]}],
    [["m_dict", "replace"], ["list"]],
    "wat()",
    "list",
    5,
    [{"name": "dict"}],
)


def test_cloud_init_follows_a_files_own_rules_alike(tmp_path: Path) -> None:
    need(PACKAGE)
    rng = random.Random(13)
    cases: list[list[str]] = []
    for number in range(250):
        values = [{rng.choice("abc"): random_value(rng, 3) for _ in range(4)} for _ in range(3)]
        for value in rng.sample(values, rng.randrange(1, 3)):
            value[rng.choice(["merge_how", "merge_how", "merge_type"])] = rng.choice(HOW)
        cases.append([json.dumps(value) for value in values])
        folder = tmp_path / str(number)
        (folder / "cloud.cfg.d").mkdir(parents=True)
        for name, text in zip(("cloud.cfg", "cloud.cfg.d/1.cfg", "cloud.cfg.d/2.cfg"), cases[-1], strict=True):
            (folder / name).write_text(text)
    program = """
        import json, sys
        from cloudinit import util
        def read(path):
            try:
                return util.read_conf_with_confd(path)
            except Exception:
                return None
        print(json.dumps([read(f"{sys.argv[1]}/{n}/cloud.cfg") for n in range(int(sys.argv[2]))]))
    """
    command = [PYTHON, "-c", textwrap.dedent(program), str(tmp_path), str(len(cases))]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    failures = 0
    for theirs, texts in zip(json.loads(run.stdout), cases, strict=True):
        ours = config(*texts)
        assert (ours.failure is not None) == (theirs is None), texts
        failures += theirs is None
        if theirs is not None:
            assert (plain(ours.merged) or {}) == theirs, texts
    assert 20 < failures < 200


def test_cloud_init_has_the_same_frequencies() -> None:
    need(PACKAGE)
    program = """
        import importlib, json, pkgutil, cloudinit.config as package
        names = [it.name for it in pkgutil.iter_modules(package.__path__) if it.name.startswith("cc_")]
        found = {it[3:]: importlib.import_module(f"cloudinit.config.{it}").meta["frequency"] for it in names}
        print(json.dumps(found))
    """
    run = subprocess.run([PYTHON, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    theirs = json.loads(run.stdout)
    ours = config("cloud_init_modules: " + json.dumps(list(theirs))).modules("cloud_init_modules")
    assert {it.name: it.frequency for it in ours} == theirs


def identify(root: Path, expression: str) -> str:
    need(DS_IDENTIFY)
    run = subprocess.run(
        ["sh", "-c", f". {DS_IDENTIFY}; {expression}"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/sbin:/usr/bin", "DI_MAIN": "noop", "DI_LOG": "/dev/null", "PATH_ROOT": str(root)},
    )
    return run.stdout.strip()


LINES = (
    "datasource_list: [ AliYun, None ]",
    "datasource_list: [AliYun]",
    " datasource_list: [ 'NoCloud', \"AliYun\" ]",
    "datasource_list: [ Ec2, # comment",
    "  AliYun ]",
    "datasource_list:",
    "- AliYun",
    "datasource_list: AliYun",
    "datasource_list: [ A B, C,, D ] # x",
    "datasource_list: []",
    "datasource_list : [ X ]",
    "datasource_list:\t[ T ]",
    "#datasource_list: [ H ]",
    "other: 5",
    "datasource_list: [ \\",
    "datasource_list: [ \\A, 'B\\n' ]",
    "\tdatasource_list:  [ Z ]  ",
    "",
)


def test_ds_identify_reads_the_same_list(tmp_path: Path) -> None:
    rng = random.Random(2)
    folder = tmp_path / "etc" / "cloud"
    (folder / "cloud.cfg.d").mkdir(parents=True)
    for _ in range(120):
        texts = ["\n".join(rng.choices(LINES, k=rng.randrange(1, 4))) + rng.choice(["\n", "\n", ""]) for _ in range(3)]
        for name, text in zip(("cloud.cfg", "cloud.cfg.d/05_a.cfg", "cloud.cfg.d/90_b.cfg"), texts, strict=True):
            (folder / name).write_text(text)
        theirs = identify(tmp_path, 'DI_DSLIST_DEFAULT=default; read_datasource_list; printf "%s" "$DI_DSLIST"')
        assert (shell(*texts) or ("default",)) == tuple(theirs.split()), texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "datasource: Ec2\n",
        "policy: disabled\n",
        "policy: search,found=first,maybe=all,notfound=enabled\n",
        "policy: report\n",
        "policy: found=wat\n",
        '  policy:enabled  # x\ndatasource: "AliYun"\n',
        "policy: enabled",
        "datasource: A\ndatasource: B\n",
        "nonsense\n",
    ],
)
def test_ds_identify_reads_the_same_policy(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "cloud"
    folder.mkdir(parents=True)
    (folder / "ds-identify.cfg").write_text(text)
    expression = (
        "DI_UNAME_MACHINE=x86_64; DI_KERNEL_CMDLINE=; read_config;"
        'echo "$DI_DSNAME|$DI_MODE|$DI_ON_FOUND|$DI_ON_MAYBE|$DI_ON_NOTFOUND"'
    )
    theirs = identify(tmp_path, expression)
    ours = parse_ds_identify(text)
    policy = parse_policy(ours.policy)
    assert "|".join([ours.datasource or "", policy.mode, policy.found, policy.maybe, policy.notfound]) == theirs
