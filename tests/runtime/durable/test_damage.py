"""Damage: a run is killed at any point, a file of its journal is harmed, and it is resumed.

Nothing that changes something is sent twice, and no loss is silent: the run ends as it would have, stops as ambiguous,
or is refused by name. ``ARAZZO_DAMAGE=5000 pytest tests/runtime/durable/test_damage.py`` tries more.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.effects import Answered, Failed, Response, Send
from arazzo_runner.errors import ArazzoError, JournalError
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.leases import Holder
from arazzo_runner.runtime.durable.runs import Row
from tests.support.durable_runs import Case, Died, DyingWorld, Place, planned, taken_up
from tests.support.worlds import ListWorld

VARIANTS = int(os.environ.get("ARAZZO_DAMAGE", "540"))
FILES = ("journal.db", "journal.db-wal", "journal.db-witness")
UNSAFE = frozenset({"POST", "PUT", "DELETE"})
EFFECTS = 12


def step(number: int, operation: str) -> dict[str, Any]:
    made: dict[str, Any] = {"stepId": f"s{number}", "operationId": operation, "outputs": {"all": "$response.body"}}
    if operation in ("createItem", "placeOrder"):
        made["requestBody"] = {"payload": {"number": number}}
    if operation in ("getItem", "updateItem", "items.delete"):
        made["parameters"] = [{"name": "id", "in": "path", "value": f"i{number}"}]
    if operation == "updateItem":
        made["requestBody"] = {"payload": {"number": number}}
    return made


OPERATIONS = (
    "createItem", "getItem", "updateItem", "listItems", "placeOrder", "getItem",
    "items.delete", "getItem", "updateItem", "createItem", "getItem", "updateItem",
)  # fmt: skip
CASE: Case = {
    "id": "damage",
    "workflow": {
        "steps": [step(number, operation) for number, operation in enumerate(OPERATIONS)],
        "outputs": {"last": f"$steps.s{len(OPERATIONS) - 1}.outputs.all"},
    },
}


class Server:
    """Answers every request, and remembers those that change something."""

    def __init__(self) -> None:
        self.changed: Counter[str] = Counter()

    def answer(self, _: int, effect: Send, now: float) -> Answered | Failed:
        request = effect.request
        if request.method in UNSAFE:
            self.changed[f"{request.method} {request.url} {request.body!r}"] += 1
        text = b'{"said": "' + os.urandom(300).hex().encode() + b'"}'
        return Answered(Response(200, (("Content-Type", "application/json"),), text), at=now)


def flip(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 1, 8))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def truncate(chance: random.Random, data: bytearray) -> None:
    del data[chance.randrange(len(data)) :]


def zero(chance: random.Random, data: bytearray) -> None:
    begin = chance.choice((0, chance.randrange(len(data))))
    data[begin:] = bytes(len(data) - begin)


HARMS: tuple[Callable[[random.Random, bytearray], None] | str, ...] = (
    flip,
    truncate,
    zero,
    "delete",
    "replace",
    "empty",
)


def harm(chance: random.Random, directory: Path, older: Path, kind: Any, name: str) -> None:
    path = directory / name
    if kind == "delete":
        path.unlink(missing_ok=True)
    elif kind == "replace":
        path.unlink(missing_ok=True)
        if (older / name).exists():
            shutil.copy(older / name, path)
    elif kind == "empty":
        path.write_bytes(b"")
    elif path.exists() and path.stat().st_size:
        data = bytearray(path.read_bytes())
        kind(chance, data)
        path.write_bytes(data)


def copied(source: Path, target: Path) -> Path:
    """What a kill leaves: the files as they are, while the connection is open; not the shared memory beside them."""
    target.mkdir()
    for file in source.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, target / file.name)
    return target


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str, Holder, Counter[str]]]:
    """A run killed before, and after, each of its requests; the directory, and what had been changed by then."""
    found = []
    root = tmp_path_factory.mktemp("killed")
    for performed in range(EFFECTS):
        for lost in (False, True):
            server = Server()
            place = Place(root / f"live-{performed}-{lost}")
            place.directory.mkdir()
            with place.process() as runs:
                run = runs.start(planned(CASE), Row({}, {}))
                with pytest.raises(Died):
                    run.run(DyingWorld(server.answer, 0.0, performed, lost=lost))
                left = copied(place.directory, root / f"left-{performed}-{lost}")
                found.append((left, run.id, runs.holder, server.changed))
    return found


def resumed(directory: Path, run_id: str, holder: Holder, server: Server) -> str:
    """Resume in another process; its end, or the code of the error that refused it."""
    try:
        with Place(directory).process() as runs:
            runs.holder = holder  # the process that held it is gone; this one stands for it
            result = taken_up(runs, run_id, CASE).run(ListWorld(server.answer))
    except ArazzoError as error:
        return f"refused: {error}"
    return result.status if result.reason is None else result.reason.code


def test_without_damage_every_run_ends_or_stops_as_ambiguous(
    killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    ends: Counter[str] = Counter()
    for number, (left, run_id, holder, changed) in enumerate(killed):
        server = Server()
        server.changed += changed
        end = resumed(copied(left, tmp_path / str(number)), run_id, holder, server)
        ends[end] += 1
        assert max(server.changed.values(), default=0) <= 1
        assert end != "succeeded" or len(server.changed) == sum(o not in ("getItem", "listItems") for o in OPERATIONS)
    assert set(ends) == {"succeeded", "ambiguous-request"}
    assert ends["succeeded"] >= 8


@pytest.mark.slow
@pytest.mark.parametrize("part", range(6))
def test_after_any_damage_nothing_is_sent_twice_and_no_loss_is_silent(
    part: int, killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    ends: Counter[str] = Counter()
    for number in range(VARIANTS * part // 6, VARIANTS * (part + 1) // 6):
        chance = random.Random(number)
        point = chance.randrange(len(killed))
        left, run_id, holder, changed = killed[point]
        older = killed[chance.randrange(point + 1)][0] if chance.random() < 0.5 else killed[point][0]
        directory = copied(left, tmp_path / str(number))
        kind, name = HARMS[number % len(HARMS)], FILES[(number // len(HARMS)) % len(FILES)]
        harm(chance, directory, older, kind, name)
        server = Server()
        server.changed += changed
        end = resumed(directory, run_id, holder, server)
        what = f"variant {number}: {kind} {name}, killed at {point}: {end}"
        assert max(server.changed.values(), default=0) <= 1, what
        assert end in ("succeeded", "ambiguous-request") or end.startswith("refused: "), what
        assert end != "succeeded" or len(server.changed) == sum(o not in ("getItem", "listItems") for o in OPERATIONS)
        ends[end.partition(":")[0]] += 1
    assert ends["refused"] > 10
    assert ends["succeeded"] + ends["ambiguous-request"] > 10


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("journal.db", "is gone: its witness"),
        ("journal.db-witness", "does not know the run"),
        ("journal.db-wal", "is shorter than it was|is empty"),
    ],
)
def test_a_file_that_is_gone_is_named(
    name: str, says: str, killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    left, run_id, holder, _ = killed[-1]
    directory = copied(left, tmp_path / "it")
    (directory / name).unlink()
    before = {file.name: file.read_bytes() for file in directory.iterdir()}
    server = Server()
    end = resumed(directory, run_id, holder, server)
    assert end.startswith("refused: ")
    assert any(part in end for part in says.split("|")), end
    assert not server.changed
    if name != "journal.db-witness":  # the damaged journal is not written to
        assert {file.name: file.read_bytes() for file in directory.iterdir() if file.name in before} == before


def test_a_journal_that_is_trusted_goes_on_and_its_pending_request_is_ambiguous(
    killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    left, run_id, holder, _ = killed[7]
    directory = copied(left, tmp_path / "it")
    (directory / "journal.db-witness").unlink()
    with Journal(directory / "journal.db", trusted=True) as journal:
        row = journal.take(run_id, holder)
        journal.release(run_id, holder)
    assert not row.unsent
    assert resumed(directory, run_id, holder, Server()) in ("succeeded", "ambiguous-request")


def test_a_run_that_was_interrupted_cleanly_is_not_ambiguous_and_a_forged_flag_is(
    killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    left, run_id, holder, _ = killed[0]
    with Journal(copied(left, tmp_path / "it") / "journal.db") as journal:
        journal.take(run_id, holder)
        journal.release(run_id, holder, unsent=True)
        assert journal.run(run_id).unsent
        journal._database.execute("UPDATE runs SET unsent = 1")
        assert not journal.run(run_id).unsent


def test_the_list_of_runs_says_that_a_journal_is_gone(
    killed: list[tuple[Path, str, Holder, Counter[str]]], tmp_path: Path
) -> None:
    directory = copied(killed[3][0], tmp_path / "it")
    (directory / "journal.db").unlink()
    with pytest.raises(JournalError, match=r"is gone: its witness .* knows 1 run"):
        Journal(directory / "journal.db", create=False)
