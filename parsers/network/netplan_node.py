"""What netplan expects of a node of its YAML: its shape, the words for true and false, and the mistake that ends all.

Reference: netplan-yaml; netplan-generate(8), which writes nothing at all where one definition has a mistake.
"""

from __future__ import annotations

from typing import Final

from parsers.place import Place, Problem
from parsers.yaml_document import Mapping, Node, Scalar, Sequence

TRUE: Final = frozenset({"true", "on", "yes", "y"})
FALSE: Final = frozenset({"false", "off", "no", "n"})


class Flaw(Exception):  # noqa: N818 - one entry that netplan refuses, never leaves the readers of netplan
    """A mistake at a place, for which netplan refuses everything."""

    def __init__(self, place: Place, message: str) -> None:
        """Take where it stands, and what was wanted and found."""
        super().__init__(message)
        self.problem = Problem(place, message)


def shape(node: Node) -> str:
    """Say what a node is, for a message: a scalar by its text."""
    if isinstance(node, Scalar):
        return node.text[:80] or "nothing"
    return "a list" if isinstance(node, Sequence) else "a mapping"


def mapping_of(node: Node) -> Mapping:
    """Return a node that must be a mapping."""
    if not isinstance(node, Mapping):
        raise Flaw(node.place, f"a mapping wanted, {shape(node)} found")
    return node


def only(mapping: Mapping, *keys: str) -> Mapping:
    """Return a mapping that must have no other keys than these."""
    stray = next((key for key in mapping.entries if key not in keys), None)
    if stray is not None:
        raise Flaw(mapping.keys[stray], f"{' or '.join(keys)} wanted, {str(stray)[:80]} found")
    return mapping


def text_of(node: Node | None) -> str | None:
    """Return the text of a node that must be a scalar; None where there is no node."""
    if node is None:
        return None
    if not isinstance(node, Scalar):
        raise Flaw(node.place, f"a scalar wanted, {shape(node)} found")
    return node.text


def boolean_of(node: Node | None) -> bool:
    """Return what a node says that must be true or false; False where there is none."""
    text = text_of(node)
    if node is None or text is None or text.lower() in FALSE:
        return False
    if text.lower() not in TRUE:
        raise Flaw(node.place, f"true or false wanted, {text[:80]} found")
    return True


def items_of(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a node that must be a list; none where there is no node."""
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        raise Flaw(node.place, f"a list wanted, {shape(node)} found")
    return node.items
