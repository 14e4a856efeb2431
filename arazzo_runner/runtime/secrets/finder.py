"""Secrets found in texts in time that grows with the text, however many secrets there are.

A pattern of a thousand secrets tries a thousand alternatives at every character. So a text is first looked through for
four characters of each secret that no encoding changes, and only those whose characters are near are tried there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from arazzo_runner.effects import MASK
from arazzo_runner.runtime.secrets.encodings import forms_of, written

FEW = 32
"""So many forms of secrets are looked for by one pattern."""
_GRAM = 4
_UNCHANGED = re.compile(rf"[A-Za-z0-9_.~-]{{{_GRAM},}}")
"""Characters that stand for themselves in every encoding."""
_BLOCK = 4096
_WIDEST = 100
"""How many characters one is written as at most, in several encodings at once."""


class Finder:
    """Masks secrets, however they are encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = tuple(forms_of(secrets))
        self._block = max([_BLOCK, *(len(form) * _WIDEST for form in self._forms)])
        self._by_gram: dict[str, list[int]] = {}
        self._always: list[int] = []
        for number, form in enumerate(self._forms):
            found = max(_UNCHANGED.findall(form), key=len, default="")
            self._by_gram.setdefault(found[:_GRAM], []).append(number) if found else self._always.append(number)

    def masked(self, text: str) -> str:
        """The text with every secret masked."""
        if len(self._forms) <= FEW:
            return _pattern(self._forms).sub(MASK, text)
        parts: list[str] = []
        done = 0
        for start, numbers in self._near(text):
            end = start + self._block
            pattern = _pattern(tuple(self._forms[number] for number in numbers))
            while done < end and (found := pattern.search(text, max(done, start), end + self._block)):
                if found.start() >= end:
                    break
                parts += (text[done : found.start()], MASK)
                done = found.end()
        return "".join([*parts, text[done:]])

    def _near(self, text: str) -> Iterator[tuple[int, Sequence[int]]]:
        """Blocks of a text, each with the forms that may begin in it: a part of them stands there, or in the next."""
        by_block: dict[int, set[int]] = {}
        known = self._by_gram
        for place in range(len(text) - _GRAM + 1):
            if (gram := text[place : place + _GRAM]) in known:
                by_block.setdefault(place // self._block, set()).update(known[gram])
        for index in range(len(text) // self._block + 1):
            numbers = by_block.get(index, set()) | by_block.get(index + 1, set())
            if numbers or self._always:
                yield index * self._block, sorted(numbers.union(self._always))


@lru_cache(maxsize=64)
def _pattern(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(written, forms)))
