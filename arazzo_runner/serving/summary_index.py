"""A search over summaries: the workflows whose words are most like those of a question.

The index is made once; a question looks only at the workflows that have one of its words.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from arazzo_runner.documents.near_names import near_names

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_COMMON = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "how", "i", "in", "into", "is"),
        *("it", "its", "me", "my", "of", "on", "or", "please", "run", "that", "the", "then", "this", "to", "until"),
        *("want", "which", "with", "you", "your", "workflow"),
    }
)
"""Words that say nothing about what a workflow does."""
_SIMILAR = 0.5
"""The weight of a word that is only like one of the question's: a misspelling, another form."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without endings of the plural and those that say nothing."""
    found = (word.lower() for word in _WORD.findall(_BOUNDARY.sub(" ", text)))
    return [_stem(word) for word in found if word not in _COMMON]


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word.removesuffix("e") if len(word) > 4 else word


class SummaryIndex:
    """Finds entries by the words of their texts.

    Args:
        texts: of each entry, by its name, each text with the weight of its words.

    Attributes:
        visited: how many entries of the index questions have looked at.
    """

    def __init__(self, texts: Mapping[str, Iterable[tuple[str, float]]]) -> None:
        self.visited = 0
        self._weights: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._count = len(texts)
        for name, parts in texts.items():
            for text, weight in parts:
                for word in words_of(text):
                    known = self._weights[word]
                    known[name] = max(known.get(name, 0.0), weight)

    def find(self, question: str, limit: int) -> list[str]:
        """Return the names of the entries most like a question, the best first."""
        scores: defaultdict[str, float] = defaultdict(float)
        for word in dict.fromkeys(words_of(question)):
            for known, likeness in self._like(word):
                entries = self._weights[known]
                self.visited += len(entries)
                rarity = math.log1p(self._count / len(entries))
                for name, weight in entries.items():
                    scores[name] += rarity * weight * likeness
        return sorted(scores, key=lambda name: (-scores[name], name))[:limit]

    def _like(self, word: str) -> list[tuple[str, float]]:
        if word in self._weights:
            return [(word, 1.0)]
        begun = [known for known in self._weights if len(word) >= 4 and (known.startswith(word))]
        return [(known, _SIMILAR) for known in begun[:10] or near_names(word, self._weights, most=3)]
