"""The journal's file: who may use it, what is wrong with it, and that one run's harm is not another's."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from arazzo_runner.errors import JournalError, JournalLost, RunHeld
from arazzo_runner.runtime.durable import leases
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.leases import Holder, is_free
from arazzo_runner.runtime.durable.rows import Entry, NewRun
from arazzo_runner.runtime.durable.runs import DurableRuns
from arazzo_runner.runtime.secrets.sealing import create_key, read_key
from arazzo_runner.runtime.user_directories import key_directory, state_directory
from tests.support.durable_runs import Place, after, answers, left_behind, start, taken_up
from tests.support.runs import polling
from tests.support.worlds import ListWorld


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def kept(place: Place) -> str:
    """A run that has stopped somewhere; its id."""
    return left_behind(place, polling(5), 1)


def goes_on(place: Place, run_id: str) -> bool:
    case = polling(5)
    with place.process() as runs:
        run = taken_up(runs, run_id, case)
        result = run.run(ListWorld(after(case, 1)))
        assert result.succeeded, result.reason
        return True


# Files


def test_only_the_user_can_read_journal_and_key(place: Place) -> None:
    kept(place)
    with place.process():
        for path in place.directory.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_commit_is_on_the_disk_before_anything_goes_on(place: Place) -> None:
    with place.process() as runs:
        database = runs.journal._database
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_journal_and_key_are_in_the_users_directories_and_not_in_the_same() -> None:
    environ = {"XDG_STATE_HOME": "/s", "XDG_DATA_HOME": "/d"}
    assert state_directory(environ) == Path("/s/arazzo-runner")
    assert key_directory(environ) == Path("/d/arazzo-runner")
    assert state_directory({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/arazzo-runner"
    assert key_directory({}) == Path.home() / ".local/share/arazzo-runner"
    assert state_directory({"HOME": ""}) is None


LOOK = """
import sys
from arazzo_runner.runtime.durable.journal import Journal
with Journal(sys.argv[1]) as journal:
    print([row.cancel for row in journal.runs()])
"""


def test_what_is_written_is_there_for_other_processes_that_come_and_go(place: Place) -> None:
    def looked() -> str:
        words = [sys.executable, "-c", LOOK, str(place.directory / "journal.db")]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    with place.process() as runs:  # it has two connections, and the locks of both must hold
        run = start(runs, polling(2))
        assert looked() == "[False]"
        runs.journal.cancel(run.id)
        assert looked() == "[True]"


def test_a_journal_that_is_not_there_is_only_made_for_a_new_run(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        Journal(tmp_path / "journal.db", create=False)
    assert not (tmp_path / "journal.db").exists()


def test_a_newer_journal_is_refused_by_name_and_left_alone(place: Place) -> None:
    kept(place)
    with sqlite3.connect(place.directory / "journal.db") as database:
        database.execute("PRAGMA user_version = 7")
    database.close()
    before = place.raw()
    with pytest.raises(JournalError, match=r"of a newer release \(format 7, this one reads 3\)"):
        Journal(place.directory / "journal.db")
    assert place.raw() == before


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (a)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="another program's database"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database at all, " * 100)
    with pytest.raises(JournalError, match="is damaged") as damaged:
        Journal(path)
    assert "backup" in damaged.value.hint
    assert path.read_bytes().startswith(b"this is not a database")


def test_what_is_no_regular_file_is_named(tmp_path: Path) -> None:
    for path in (Path(os.devnull), tmp_path):
        for create in (True, False):
            with pytest.raises(JournalError, match=f"the journal {path} is not a regular file"):
                Journal(path, create=create)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path / "file" / "journal.db")


def test_damaged_pages_are_named_and_lose_no_other_run(place: Place) -> None:
    first, second = kept(place), kept(place)
    with place.process() as runs:
        runs.journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        runs.journal._database.execute("UPDATE states SET body = zeroblob(40) WHERE run = 1")
    with place.process() as runs, pytest.raises(JournalError, match="is damaged, or was sealed with another key"):
        taken_up(runs, first, polling(5)).run(ListWorld(answers(polling(5))))
    assert goes_on(place, second)
    path = place.directory / "journal.db"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(JournalError, match="is damaged"), place.process() as runs:
        runs.journal.runs()


def test_a_full_disk_stops_the_run_and_loses_nothing(place: Place) -> None:
    other = kept(place)
    case = polling(200)
    with place.process() as runs:
        run = start(runs, case)
        database = runs.journal._database
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages + 8}")
        world = ListWorld(answers(case))
        with pytest.raises(JournalLost, match="the disk is full") as full:
            run.run(world)
        assert full.value.exit_status == 1
        assert "resume" in full.value.hint
        recorded = runs.journal.run(run.id).requests
    assert 0 < recorded <= world.sent
    # There is room again: every answer but the last, which could not be written, is known.
    with place.process() as runs:
        going_on = ListWorld(after(case, recorded - 1))
        assert taken_up(runs, run.id, case).run(going_on).succeeded
    assert goes_on(place, other)


# Key


def test_without_the_key_a_run_stops_and_says_so(place: Place) -> None:
    run_id = kept(place)
    key = place.directory / "key"
    saved = key.read_bytes()
    key.unlink()
    with place.process() as runs:
        assert [row.id for row in runs.journal.runs()] == [run_id]  # lists need none
        with pytest.raises(JournalError, match="is not there") as lost:
            taken_up(runs, run_id, polling(5))
        assert "--journal-key" in lost.value.hint
        with pytest.raises(JournalError, match="is not there"):
            start(runs, polling(2))  # a new key would only hide that the old one is lost
    assert not key.exists()
    key.write_bytes(saved)
    key.chmod(0o600)
    assert goes_on(place, run_id)


def test_another_key_is_refused(place: Place) -> None:
    run_id = kept(place)
    (place.directory / "key").unlink()
    create_key(place.directory / "key")
    with place.process() as runs, pytest.raises(JournalError, match="sealed with another key"):
        taken_up(runs, run_id, polling(5))


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(JournalError, match="can be read by others") as refused:
        read_key(tmp_path / "key")
    assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("text", ["", "short", "bm90IDMyIGJ5dGVz"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, "ascii")
    path.chmod(0o600)
    with pytest.raises(JournalError, match="is not a key"):
        read_key(path)


def test_processes_that_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(create_key(tmp_path / "keys" / "key").fingerprint))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["key"]


def test_a_record_cannot_stand_in_anothers_place(place: Place) -> None:
    first, second = kept(place), kept(place)
    with place.process() as runs:
        runs.journal._database.execute("UPDATE states SET body = (SELECT body FROM states WHERE run = 2) WHERE run = 1")
        with pytest.raises(JournalError, match="another key"):
            taken_up(runs, first, polling(5)).run(ListWorld(answers(polling(5))))
    assert goes_on(place, second)


# Leases

CLAIM = """
import sys
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.leases import Holder
with Journal(sys.argv[1]) as journal:
    journal.take(sys.argv[2], Holder.this_process())
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_of_another_process_is_held_until_that_is_gone(place: Place) -> None:
    run_id = kept(place)
    words = [sys.executable, "-c", CLAIM, str(place.directory / "journal.db"), run_id]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with place.process() as runs:
            with pytest.raises(RunHeld, match=f"driven by process {other.pid} on "):
                taken_up(runs, run_id, polling(5))
            # However long it was suspended: a process that lives may send at any moment.
            runs.journal._database.execute("UPDATE runs SET lease = 0")
            with pytest.raises(RunHeld):
                taken_up(runs, run_id, polling(5))
        other.kill()
        other.wait()
    assert goes_on(place, run_id)


def test_a_holder_elsewhere_is_believed_until_its_lease_is_over() -> None:
    elsewhere = Holder("token", "another-host/boot/namespace", 1, "1")
    assert not is_free(elsewhere, 100.0, 99.0)
    assert is_free(elsewhere, 100.0, 101.0)
    assert is_free(None, None, 0.0)


def test_another_process_with_the_same_number_is_not_the_holder() -> None:
    here = Holder.this_process()
    assert not is_free(here, 0.0, 1.0)
    reused = Holder("token", here.machine, here.pid, "an earlier start")
    assert is_free(reused, 0.0, 1.0)


def test_a_lease_that_is_lost_keeps_its_old_holder_from_writing(place: Place) -> None:
    case = polling(5)
    with place.process() as runs:
        run = start(runs, case)

        class Suspended(ListWorld):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                runs.journal._database.execute("UPDATE runs SET holder = 'somebody else'")

        world = Suspended(answers(case))
        with pytest.raises(JournalLost, match="driven by another process now"):
            run.run(world)
    assert world.sent == 1


def test_of_many_that_take_a_run_at_once_one_gets_it(place: Place) -> None:
    run_id = kept(place)
    got: list[str] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        with Journal(place.directory / "journal.db") as journal:
            barrier.wait()
            try:
                journal.take(run_id, Holder.this_process())
                got.append("held")
            except RunHeld:
                got.append("refused")

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["held", *["refused"] * 7]


def test_a_heartbeat_prolongs_the_lease_of_a_long_request(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT", 0.0)
    monkeypatch.setattr(leases, "WATCH", 0.01)
    case = polling(2)
    with place.process() as runs:
        run = start(runs, case)
        database = runs.journal._database
        database.execute("UPDATE runs SET lease = 0")
        (lease,) = database.execute("SELECT lease FROM runs").fetchone()
        while lease == 0:
            (lease,) = database.execute("SELECT lease FROM runs").fetchone()
        assert lease > time.time()
        runs.journal.release(run.id, runs.holder)


# Pruning


def test_pruning_forgets_what_has_ended_and_gives_the_space_back(place: Place) -> None:
    stopped = kept(place)
    case = polling(300)
    with place.process() as runs:
        run = start(runs, case)
        assert run.run(ListWorld(answers(case))).succeeded
    size = len(place.raw())
    with place.process() as runs:
        assert runs.journal.prune(time.time() + 1, ("failed",)) == 0
        assert runs.journal.prune(time.time() + 1) == 1
        assert [row.id for row in runs.journal.runs()] == [stopped]
        (turns,) = runs.journal._database.execute("SELECT count(DISTINCT run) FROM turns").fetchone()
        assert turns == 1
    assert len(place.raw()) < size / 2
    assert goes_on(place, stopped)


def test_documents_are_kept_once_and_forgotten_with_the_last_run_that_needs_them(place: Place) -> None:
    case = polling(2)
    with place.process() as runs:
        for _ in range(3):
            assert start(runs, case).run(ListWorld(answers(case))).succeeded
        count = "SELECT count(*) FROM documents"
        assert runs.journal._database.execute(count).fetchone() == (2,)
        runs.journal.prune(time.time() + 1)
        assert runs.journal._database.execute(count).fetchone() == (0,)


def test_a_new_run_is_kept_whole_or_not_at_all(place: Place) -> None:
    with place.process() as runs:
        new = NewRun("twice", "w", "d", b"setup", [])
        with pytest.raises(JournalLost):
            runs.journal.add([new, new], [("digest", b"content")])
        assert runs.journal.runs() == []
        assert runs.journal._database.execute("SELECT count(*) FROM documents").fetchone() == (0,)


def test_a_turn_is_written_once(place: Place) -> None:
    with place.process() as runs:
        runs.journal.add([NewRun("one", "w", "d", b"setup", [])], [], runs.holder)
        entry = Entry("one", 0, b"told", b"state")
        assert runs.journal.record(runs.holder, entry) == [True]
        with pytest.raises(JournalLost):
            runs.journal.record(runs.holder, entry)
        assert list(runs.journal.turns("one")) == [(0, b"told")]


def test_an_unknown_run_names_the_nearest(place: Place) -> None:
    run_id = kept(place)
    with place.process() as runs:
        with pytest.raises(JournalError, match="has no run") as unknown:
            runs.journal.run(run_id[:-1] + "_")
        assert unknown.value.hint == f"did you mean {run_id}?"


def test_a_journal_is_made_by_many_at_once(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def make() -> None:
        try:
            with Journal(tmp_path / "state" / "journal.db") as journal, DurableRuns(journal, tmp_path / "key") as runs:
                assert runs.key.fingerprint
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown below
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
