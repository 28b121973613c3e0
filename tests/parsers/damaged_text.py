"""Texts with some characters changed, which no parser may fall over."""

from __future__ import annotations

import random
from collections.abc import Iterator


def damaged_texts(text: str, characters: str, count: int = 400) -> Iterator[str]:
    """Give `text` so many times, each time with one to seven of its characters replaced by some of `characters`."""
    dice = random.Random(count)
    for _ in range(count):
        changed = list(text)
        for _ in range(dice.randrange(1, 8)):
            changed[dice.randrange(len(changed))] = dice.choice(characters)
        yield "".join(changed)
