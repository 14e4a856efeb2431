from __future__ import annotations

from arazzo_runner.reports.spool import Spool


def test_entries_come_back_in_order_as_often_as_wanted() -> None:
    with Spool() as spool:
        for number in range(3):
            spool.append({"number": number})
        assert len(spool) == 3
        assert [entry["number"] for entry in spool] == [0, 1, 2]
        spool.append({"number": 3})
        assert [entry["number"] for entry in spool] == [0, 1, 2, 3]


def test_beyond_its_size_entries_are_in_a_file() -> None:
    with Spool(in_memory=100) as spool:
        spool.append("a" * 50)
        assert not spool.on_disk
        spool.append("b" * 100)
        assert spool.on_disk
        assert list(spool) == ["a" * 50, "b" * 100]


def test_text_that_no_encoding_writes_is_kept() -> None:
    with Spool() as spool:
        spool.append(["\ud800", "line\nline", "ü"])
        assert list(spool) == [["\ud800", "line\nline", "ü"]]
        assert all(line.isascii() for line in spool.lines())
