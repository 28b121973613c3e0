"""cloud-init's system configuration: cloud.cfg and cloud.cfg.d, as its Python reads them and as ds-identify does.

References: docs.cloud-init.io (base configuration, merging, boot stages, ds-identify), and the behaviour of the
released programs (22.4.2), which the tests ask. Python merges YAML mappings, the later file winning key by key and
mappings being merged in depth; a file that cannot be read as a mapping is passed over. ds-identify is a shell script
that knows no YAML: it takes the last line that begins with `datasource_list:` (blanks before it do not matter, a last
line without an end is not seen) and splits what follows at commas.
Not done: jinja templates are read as the YAML they are, as on a first boot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from parsers.linux.cloud_merge import MergeError, merge, without_rules
from parsers.linux.cloud_modules import canonical_name, default_frequency
from parsers.place import Place, Problem
from parsers.yaml_document import Mapping, Node, Scalar, Sequence, parse_yaml, plain

STAGES: Final = {"cloud_init_modules": "network", "cloud_config_modules": "config", "cloud_final_modules": "final"}
"""The lists of modules, and the boot stage that runs each."""
FREQUENCIES: Final = ("always", "once-per-instance", "once")


class CloudConfigFile(msgspec.Struct, frozen=True):
    """One file. `flaw` is why cloud-init passes it over; an empty file has neither root nor flaw."""

    path: str
    root: Mapping | None
    problems: tuple[Problem, ...] = ()
    flaw: Problem | None = None


class Module(msgspec.Struct, frozen=True):
    """An entry of a module list, with the frequency that holds: "always", "once-per-instance" or "once".

    `asked` is whether the entry itself says so, not the module.
    """

    place: Place
    name: str
    frequency: str
    asked: bool = False


class CloudConfig(msgspec.Struct, frozen=True):
    """What all files together say. `failure` is a merging that a file asks for and cloud-init fails at."""

    files: tuple[CloudConfigFile, ...]
    merged: Mapping | None
    failure: Problem | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong in any file, flaws included."""
        return tuple(problem for file in self.files for problem in file.problems)

    @property
    def flaws(self) -> tuple[Problem, ...]:
        """Why files are passed over."""
        return tuple(file.flaw for file in self.files if file.flaw is not None)

    def node(self, *keys: str) -> Node | None:
        """Return the node at a path of keys, or None."""
        node: Node | None = self.merged
        for key in keys:
            if not isinstance(node, Mapping):
                return None
            node = node.get(key)
        return node

    def value(self, *keys: str) -> Any:
        """Return what stands at a path of keys as Python values; None where there is nothing."""
        return plain(self.node(*keys))

    def place(self, *keys: str) -> Place | None:
        """Return where a key stands that has a value."""
        node = self.node(*keys[:-1]) if keys else None
        return node.keys.get(keys[-1]) if isinstance(node, Mapping) else None

    def modules(self, section: str) -> tuple[Module, ...]:
        """Return the modules of `cloud_init_modules`, `cloud_config_modules` or `cloud_final_modules`."""
        node = self.node(section)
        found = (_module(item) for item in (node.items if isinstance(node, Sequence) else ()))
        return tuple(module for module in found if module)

    def module(self, name: str) -> Module | None:
        """Return a module by its name (`growpart`), in whichever list it is."""
        return next((it for section in STAGES for it in self.modules(section) if it.name == name), None)


def parse_cloud_config(text: str, path: str) -> CloudConfigFile:
    """Read one file; `path` labels the places."""
    document = parse_yaml(text, path)
    if document.flaw is not None or document.root is None:
        return CloudConfigFile(path, None, document.problems, document.flaw)
    root = document.root
    if isinstance(root, Mapping):
        return CloudConfigFile(path, root, document.problems)
    if isinstance(root, Scalar) and root.value is None:
        return CloudConfigFile(path, None, document.problems)
    found = "a list" if isinstance(root, Sequence) else root.text[:80]
    flaw = Problem(root.place, f"a mapping wanted, {found} found")
    return CloudConfigFile(path, None, (*document.problems, flaw), flaw)


def merge_cloud_config(files: Iterable[CloudConfigFile]) -> CloudConfig:
    """Merge the files, given in the order of their names: cloud.cfg, then those of cloud.cfg.d."""
    files = tuple(files)
    merged: Node | None = None
    failure: Problem | None = None
    for file in reversed(files):
        if file.root is None or not file.root.entries:
            continue
        try:
            root, how = without_rules(file.root)
            merged = merge(merged or Mapping(root.place, {}, {}), root, how)
        except MergeError as error:
            failure = failure or Problem(error.place, error.message)
    return CloudConfig(files, merged if isinstance(merged, Mapping) and merged.entries else None, failure)


def _module(item: Node) -> Module | None:
    """Read `name`, `[name, frequency, ...]` or `{name: ..., frequency: ...}`."""
    name: Node | None = item
    frequency: Node | None = None
    if isinstance(item, Sequence):
        name, frequency = [*item.items[:2], None, None][:2]
    elif isinstance(item, Mapping):
        name, frequency = item.get("name"), item.get("frequency")
    if not isinstance(name, Scalar) or not isinstance(name.value, str) or not name.value.strip():
        return None
    canonical = canonical_name(name.value)
    asked = frequency.text.strip() if isinstance(frequency, Scalar) else ""
    if asked in FREQUENCIES:
        return Module(item.place, canonical, asked, asked=True)
    return Module(item.place, canonical, default_frequency(canonical))


# -- the data sources, seen by Python and by the shell


class DatasourceList(msgspec.Struct, frozen=True):
    """The names of a datasource_list, in the order in which they are tried, and where it stands."""

    place: Place
    names: tuple[str, ...]
    flaw: str | None = None

    @property
    def single(self) -> str | None:
        """The one data source that is used without looking for it, `None` as a fallback aside."""
        if len(self.names) == 1 or (len(self.names) == 2 and self.names[1] == "None"):
            return self.names[0]
        return None


def python_datasources(config: CloudConfig) -> DatasourceList | None:
    """Return the list as cloud-init's Python sees it; None where no file gives one."""
    node = config.node("datasource_list")
    place = config.place("datasource_list")
    if node is None or place is None or (isinstance(node, Scalar) and node.value is None):
        return None
    if not isinstance(node, Sequence):
        return DatasourceList(place, (), "a list wanted, something else found")
    names = tuple(item.text.removeprefix("DataSource") for item in node.items if isinstance(item, Scalar))
    flaw = "a list of names wanted, a list of something else found" if len(names) < len(node.items) else None
    return DatasourceList(place, names, flaw)


def shell_datasources(files: Iterable[tuple[str, str]]) -> DatasourceList | None:
    """Return the list as ds-identify sees it in (text, path) of its files; None where it falls back to its own."""
    found: tuple[Place, str] | None = None
    for text, path in files:
        for number, line in _read_lines(text):
            line = line.partition("#")[0]
            if line == "datasource_list:" or line.startswith("datasource_list: "):
                found = Place(path, number), line.partition(":")[2].removeprefix(" ")
    if found is None:
        return None
    place, value = found
    names = tuple(_array(value))
    return DatasourceList(place, names) if names else None


def _array(value: str) -> Iterator[str]:
    """Split `[ A, B ]` as ds-identify does: at commas, then at blanks, quotes around a piece taken away."""
    for piece in value.removeprefix("[").removesuffix("]").split(","):
        yield from _unquote(" ".join(piece.split())).split()


def _unquote(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _read_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines as the shell's `read` does: backslashes taken away, blanks stripped, an unended line not seen."""
    number, joined, first = 0, "", 1
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        first = first if joined else number
        if _CONTINUED.search(line):
            joined += line[:-1]
            continue
        yield first, re.sub(r"\\(.)", r"\1", (joined + line).strip(" \t"))
        joined = ""


_CONTINUED: Final = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")


class DsIdentifyConfig(msgspec.Struct, frozen=True):
    """/etc/cloud/ds-identify.cfg: a data source to use without looking, and a policy."""

    datasource: str | None = None
    policy: str | None = None
    datasource_place: Place | None = None
    policy_place: Place | None = None


class Policy(msgspec.Struct, frozen=True):
    """What ds-identify does: `mode` "search", "report", "enabled" or "disabled"."""

    mode: str = "search"
    found: str = "all"
    maybe: str = "none"
    notfound: str = "disabled"


def parse_ds_identify(text: str, path: str = "/etc/cloud/ds-identify.cfg") -> DsIdentifyConfig:
    """Read ds-identify.cfg; of a key given twice the last counts."""
    values: dict[str, tuple[str, Place]] = {}
    for number, line in _read_lines(text):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            values[" ".join(key.split())] = _unquote(" ".join(value.split())), Place(path, number)
    datasource, policy = values.get("datasource"), values.get("policy")
    return DsIdentifyConfig(
        datasource[0] or None if datasource else None,
        policy[0] or None if policy else None,
        datasource[1] if datasource else None,
        policy[1] if policy else None,
    )


def parse_policy(text: str | None, *, dmi: bool = True) -> Policy:
    """Read a policy such as `search,found=first,notfound=enabled`; `dmi` is whether the machine has DMI (x86)."""
    values = {"mode": "search", "found": "all", "maybe": "none", "notfound": "disabled" if dmi else "enabled"}
    allowed = {"found": {"all", "first"}, "maybe": {"all", "none"}, "notfound": {"enabled", "disabled"}}
    for token in (text or "").split(","):
        key, equals, value = token.partition("=")
        if not equals and token in ("enabled", "disabled", "search", "report"):
            values["mode"] = token
        elif value in allowed.get(key, ()):
            values[key] = value
    return Policy(**values)
