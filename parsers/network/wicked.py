"""wicked's own configuration, /etc/wicked/ifconfig/*.xml: an `<interface>` for each (wicked-config(5), its schema).

Read are the name, when it is brought up (`control/mode`), DHCP and addresses. The files are no documents of XML: they
may hold several interfaces side by side, and prefixes that nothing declares (`ipv4:dhcp`).
Not done: nodes of `<policy>` and their conditions beyond being told; what bonds and bridges are made of.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.parsers import expat

import msgspec

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said
from parsers.place import Place, Problem

NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 32
_TEXT_MAX: Final = 4096
_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]*\?>")
_AT_BOOT: Final = frozenset({"boot", "hotplug"})
_KINDS: Final = {"bond": Kind.BOND, "bridge": Kind.BRIDGE, "vlan": Kind.VLAN, "wireless": Kind.WIRELESS}
_OTHER: Final = frozenset({"tun", "tap", "gre", "sit", "ipip", "macvlan", "dummy", "infiniband", "ovs-bridge", "team"})


class _Interface(msgspec.Struct):
    place: Place
    values: dict[str, list[tuple[str, Place]]] = msgspec.field(default_factory=dict)

    def get(self, path: str) -> str:
        found = self.values.get(path)
        return found[-1][0] if found else ""

    def place_of(self, path: str) -> Place | None:
        found = self.values.get(path)
        return found[-1][1] if found else None


class _Stop(Exception):  # noqa: N818 - ends the reading of one file, never leaves this module
    pass


class _Reader:
    """Collects the text of every node of every interface under its path."""

    def __init__(self, path: str, parser: Any) -> None:
        self._path = path
        self._parser = parser
        self._names: list[str] = []
        self._text: list[str] = []
        self._nodes = 0
        self.interfaces: list[_Interface] = []
        self.policies: list[Place] = []

    def place(self) -> Place:
        return Place(self._path, self._parser.CurrentLineNumber)

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._nodes += 1
        self._names.append(name)
        self._text = []
        if self._nodes > NODES_MAX or len(self._names) > DEPTH_MAX:
            raise _Stop(f"at most {NODES_MAX} nodes in {DEPTH_MAX} levels wanted, more found")
        if name == "interface" and "interface" not in self._names[:-1]:
            self.interfaces.append(_Interface(self.place()))
        elif name == "policy":
            self.policies.append(self.place())

    def text(self, data: str) -> None:
        if sum(map(len, self._text)) < _TEXT_MAX:
            self._text.append(data)

    def end(self, _name: str) -> None:
        if "interface" in self._names:
            below = self._names[self._names.index("interface") + 1 :]
            value = "".join(self._text).strip()[:_TEXT_MAX]
            if below:
                self.interfaces[-1].values.setdefault("/".join(below), []).append((value, self.place()))
        self._names.pop()
        self._text = []

    def refuse(self, *_arguments: object) -> None:
        raise _Stop("no document type wanted, one found")


def parse_wicked(text: str, path: str) -> Configuration:
    """Read one file; `path` labels the places. A file that is no XML gives a problem and no profile."""
    parser = expat.ParserCreate()
    reader = _Reader(path, parser)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    body = _DECLARATION.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    try:
        parser.Parse(f"<file>{body}</file>".encode("utf-8", "replace"), True)  # noqa: FBT003 - expat's own contract
    except (expat.ExpatError, _Stop) as error:
        return Configuration((), (Problem(reader.place(), f"nodes of XML wanted, {str(error)[:120]}"),))
    problems = tuple(Problem(place, "what a policy applies to is not worked out") for place in reader.policies[:8])
    found = [(interface, _profile(interface)) for interface in reader.interfaces]
    nameless = tuple(Problem(interface.place, "a name wanted, none found") for interface, it in found if it is None)
    return Configuration(tuple(it for _, it in found if it is not None), problems + nameless)


def _profile(interface: _Interface) -> Profile | None:
    name = interface.get("name")
    if not name:
        return None
    place = interface.place
    method = Method.NONE
    addresses = tuple(value for value, _ in interface.values.get("ipv4:static/address/local", ()))
    if _enabled(interface, "ipv4:dhcp"):
        method, place = Method.DHCP, interface.values["ipv4:dhcp"][-1][1]
    elif addresses:
        method, place = Method.STATIC, interface.values["ipv4:static/address/local"][0][1]
    mode = interface.get("control/mode")
    kinds = {path.partition("/")[0] for path in interface.values}
    kind = next((kind for node, kind in _KINDS.items() if node in kinds), Kind.ETHERNET)
    master = interface.get("link/master") or interface.get("master")
    return Profile(
        place,
        "wicked",
        name,
        Match((name,)),
        Kind.LOOPBACK if name == "lo" else Kind.OTHER if kinds & _OTHER else kind,
        Method.NONE if master else method,
        Method.DHCP if _enabled(interface, "ipv6:dhcp") else Method.AUTO,
        addresses,
        interface.get("ipv4:static/route/nexthop/gateway") or None,
        mode in _AT_BOOT,
        mode == "hotplug",
        master or None,
        said=Said(name=interface.place_of("name"), at_boot=interface.place_of("control/mode")),
    )


def _enabled(interface: _Interface, node: str) -> bool:
    """A node that is there is switched on, unless it says that it is not."""
    return node in interface.values and interface.get(f"{node}/enabled") not in {"false", "0", "no"}
