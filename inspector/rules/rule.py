"""The shape of a rule: a name that is a true sentence, a pure function, and its documentation.

The docstring of the function is the documentation of the rule; `explain` prints it. It has the sections `Why:`,
`Fix:` and `Reads:`, and `References:`. What stands before them says more of what is judged than the title does, and
is the section `What:`. Keyword-only arguments are parameters, whose values (thresholds) come from the profile.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from inspector.facts import Facts, UnknownFact
from inspector.verdict import Evidence, Verdict, unknown
from parsers.place import ParseError, Place

Family = Literal["linux", "windows", "any"]

_SECTION: Final = re.compile(r"^(Why|Fix|Reads|References): *", re.MULTILINE)


class Rule(msgspec.Struct, frozen=True):
    """One thing that is good about a guest, under the name of the good state (`fstab-devices-exist`)."""

    name: str
    title: str
    judge: Callable[..., Verdict]
    os: Family = "linux"

    @property
    def sections(self) -> dict[str, str]:
        """The sections of the docstring by their names, each in one line; taken apart when they are asked for."""
        parts = _SECTION.split(inspect.cleandoc(self.judge.__doc__ or ""))
        what = {"What": " ".join(parts[0].split())} if parts[0].strip() else {}
        return what | {key: " ".join(body.split()) for key, body in zip(parts[1::2], parts[2::2], strict=True)}

    @property
    def parameters(self) -> dict[str, Any]:
        """The keyword-only parameters by their names, with their annotations."""
        parameters = inspect.signature(self.judge).parameters.values()
        return {item.name: item.annotation for item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY}

    @property
    def why(self) -> str:
        """What happens to a guest that breaks the rule."""
        return self.sections["Why"]

    @property
    def fix(self) -> str:
        """What to do about it; tested: applying it makes the rule OK."""
        return self.sections["Fix"]

    def __call__(self, facts: Facts, **parameters: object) -> Verdict:
        """Judge; a fact that could not be had gives a WARNING with the reason, marked as not known."""
        try:
            return self.judge(facts, **parameters)
        except UnknownFact as missing:
            return unknown(
                missing.reason, *(Evidence(place, missing.reason) for place in missing.places or (Place("image"),))
            )
        except ParseError as broken:  # a rule that looks at files itself may meet a broken structure
            return unknown(str(broken), Evidence.of(broken))


def rule(name: str, title: str, os: Family = "linux") -> Callable[[Callable[..., Verdict]], Rule]:
    """Make a rule of a function from facts (and keyword-only parameters) to a verdict, for guests of family `os`."""

    def wrap(judge: Callable[..., Verdict]) -> Rule:
        if not all(f"{section}:" in (judge.__doc__ or "") for section in ("Why", "Fix")):
            raise TypeError(f"rule {name}: the docstring wants the sections Why and Fix")
        return Rule(name, title, judge, os)

    return wrap
