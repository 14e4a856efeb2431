"""The names in a case that its document has to know: of sources, and of the variables of their servers.

A misspelt one would be passed over, and the case would test something else than it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.pointer import join
from arazzo_runner.engine.demands.reachable_urls import server_variables_of
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.cases.files import Case, case_place


class UnknownName(Struct, frozen=True):
    """A name that a case has and its document has not.

    Attributes:
        pointer: to it in the case.
        what: the name means.
        known: the names there are.
    """

    pointer: str
    what: str
    name: str
    known: tuple[str, ...]


def check_names(case: Case, description: ArazzoDescription, plan: Plan) -> None:
    """Refuse a case with names that mean nothing.

    Raises:
        CassetteError: with the first, and the names there are.
    """
    for found in (*_unknown_sources(case, description), *_unknown_variables(case, plan)):
        known = ", ".join(found.known)
        raise CassetteError(
            f"case{found.pointer}: there is no {found.what} {found.name!r}",
            hint=f"there are {known}" if known else f"there is no {found.what} at all",
            place=case_place(case.path, found.pointer),
        )


def _unknown_sources(case: Case, description: ArazzoDescription) -> Iterator[UnknownName]:
    """Names of sources; those of an Arazzo source's own, ``OUTER.SOURCE``, are known when that has been read."""
    described = description.source_descriptions
    names = tuple(source.name for source in described)
    outer = tuple(f"{source.name}." for source in described if source.type in ("arazzo", None))
    given: Mapping[str, Iterable[str]] = {
        "sources": case.sources,
        "servers": case.servers,
        "serverVariables": case.server_variables,
    }
    for member, words in given.items():
        for word in words:
            means_all = not word and member != "sources"
            if word not in names and not means_all and not (outer and word.startswith(outer)):
                yield UnknownName(join(join("", member), word), "source description", word, names)


def _unknown_variables(case: Case, plan: Plan) -> Iterator[UnknownName]:
    known = server_variables_of(plan)
    for source, values in case.server_variables.items():
        there = known.get(source)
        for name in values:
            if there is not None and name not in there:
                pointer = join(join("/serverVariables", source), name)
                yield UnknownName(pointer, "server variable", name, tuple(sorted(there)))
