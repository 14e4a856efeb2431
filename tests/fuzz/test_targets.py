"""Every fuzz target on its corpus, and on inputs made from it: bounded, so that it runs with the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).with_name("corpus")


def seeds(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    assert seeds(name)
    for data in seeds(name):
        TARGETS[name](data)


@st.composite
def changed(draw: st.DrawFn, name: str) -> bytes:
    """A seed, with pieces cut out, doubled, replaced, or taken from another seed."""
    data = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        until = draw(st.integers(at, min(len(data), at + 40)))
        other = draw(st.sampled_from(seeds(name)))
        start = draw(st.integers(0, len(other)))
        piece = draw(
            st.sampled_from(
                [b"", data[at:until] * 2, other[start : start + 30], b"\0", b"\xff", b"9" * 5000, b"[" * 200]
            )
            | st.binary(max_size=8)
        )
        data = data[:at] + piece + data[until:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_of_the_corpus(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(changed(name) | st.binary(max_size=60))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()
