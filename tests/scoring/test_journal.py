"""A journal counts what was made durable, and nothing else, whatever the moment of a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.scoring.journal import JOURNAL, Journal, is_begun, write_durably


def write(folder: Path, chunks: int, *, checkpoints: bool = True) -> None:
    with Journal(folder, ("rows", "side")) as journal:
        if journal.header is None:
            journal.begin({"who": "me"})
        at = (journal.entry or {"n": 0})["n"]
        for n in range(at + 1, at + chunks + 1):
            journal.append({"rows": b"row %d\n" % n, "side": b"s" * n}, n=n)
            if checkpoints:
                journal.checkpoint()


def test_what_was_checkpointed_counts(tmp_path: Path) -> None:
    folder = tmp_path / "x.partial"
    assert not is_begun(folder)
    write(folder, 0)
    assert not is_begun(folder)
    write(folder, 3)
    assert is_begun(folder)
    write(folder, 2, checkpoints=False)
    with Journal(folder, ("rows", "side")) as journal:
        assert journal.header == {"who": "me"}
        assert journal.entry == {"n": 3, "lengths": {"rows": 18, "side": 6}}
        assert journal.path("rows").read_bytes() == b"row 1\nrow 2\nrow 3\n"
        assert journal.path("side").read_bytes() == b"ssssss"


@settings(max_examples=60)
@given(st.data())
def test_a_torn_journal_goes_back_to_its_last_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal") / "x.partial"
    write(folder, 4)
    path = folder / JOURNAL
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut] + data.draw(st.binary(max_size=20)).replace(b"\n", b""))
    (folder / "rows").open("ab").write(b"torn row")
    with Journal(folder, ("rows", "side")) as journal:
        kept = sum(end <= cut for end in ends) - 1
        assert (journal.header is None) == (kept < 0)
        assert (journal.entry or {"n": 0})["n"] == max(0, kept)
        assert journal.path("rows").read_bytes() == b"".join(b"row %d\n" % n for n in range(1, kept + 1))
    if kept >= 0:
        write(folder, 4 - kept)
        assert (folder / "rows").read_bytes() == b"row 1\nrow 2\nrow 3\nrow 4\n"
        assert path.read_bytes() == whole


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "x.partial"
    write(folder, 3)
    path = folder / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"n": 2', b'"n": 9')
    path.write_bytes(b"".join(lines))
    with Journal(folder, ("rows", "side")) as journal:
        assert (journal.entry or {})["n"] == 1


def test_a_file_shorter_than_its_journal_says_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "x.partial"
    write(folder, 3)
    (folder / "rows").write_bytes(b"row")
    with pytest.raises(UserError, match=r"rows is shorter than its journal says \(3 of 18 bytes\).*--restart"):
        Journal(folder, ("rows", "side"))


def test_only_one_process_writes(tmp_path: Path) -> None:
    folder = tmp_path / "x.partial"
    source = (
        "from pathlib import Path\n"
        "from guerdon.errors import UserError\n"
        "from guerdon.scoring.journal import Journal\n"
        "try:\n"
        f"    Journal(Path({str(folder)!r}), ('rows',))\n"
        "except UserError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def other() -> str:
        done = subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    with Journal(folder, ("rows",)):
        assert other().startswith(f"another process is writing {folder}; wait for it, or choose another --out")
    assert other() == ""
    Journal(folder, ("rows",)).remove()
    assert not folder.exists()


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_durably(path, b"1")
    write_durably(path, json.dumps([2]).encode())
    assert path.read_bytes() == b"[2]"
    assert list(tmp_path.iterdir()) == [path]
