"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from arazzo_runner.runtime.atomic_file import WholeFile


def write(path: Path, text: str) -> None:
    with WholeFile(path) as file:
        file.stream.write(text)
        file.keep()


def test_a_file_takes_its_name_when_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "made" / "report.json"
    with WholeFile(path) as file:
        file.stream.write("whole")
        assert not path.exists()
        file.keep()
    assert path.read_text("utf-8") == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_kept_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("older", "utf-8")
    with WholeFile(path) as file:
        file.stream.write("half")
    assert path.read_text("utf-8") == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("older", "utf-8")
    link = tmp_path / "link.json"
    link.symlink_to("real.json")
    write(link, "newer")
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_text("utf-8") == "newer"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text("utf-8")))
    reader.start()
    write(pipe, "through")
    reader.join(10)
    assert read == ["through"]
    assert pipe.is_fifo()


def test_a_device_is_written_to() -> None:
    write(Path(os.devnull), "nowhere")
    assert Path(os.devnull).is_char_device()


def test_what_cannot_be_written_is_found_on_entering(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    for path in (tmp_path, tmp_path / "file" / "below", Path()):
        with pytest.raises(OSError, match=r"directory|exists"), WholeFile(path):
            pass
