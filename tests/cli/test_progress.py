"""Progress: a line now and then where there is no terminal, with what is left."""

from __future__ import annotations

import pytest

from guerdon.cli import progress as module
from guerdon.cli.progress import share_done, watched
from guerdon.scoring.run import Progress


def test_the_share_is_that_of_the_data_or_of_the_rows_asked_for() -> None:
    assert share_done(Progress(10, 0, 10, 0.25), None) == 0.25
    assert share_done(Progress(8, 2, 10, 0.25), 20) == 0.5
    assert share_done(Progress(8, 2, 10, None), None) is None
    assert share_done(Progress(8, 2, 10, None), 5) == 1.0


def test_lines_tell_rows_speed_share_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 40.0, 50.0, 80.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with watched() as watch:
        watch(Progress(1000, 0, 1000, 0.1))
        watch(Progress(4000, 0, 4000, 0.3))
        watch(Progress(5000, 0, 5000, 0.5))
        watch(Progress(8000, 0, 8000, None))
    assert capsys.readouterr().err.splitlines() == [
        "scoring: 4,000 rows, 100 rows/s, 30%, 2 min 20 s left",
        "scoring: 8,000 rows, 100 rows/s",
    ]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with watched(limit=10) as watch:
        watch(Progress(5, 0, 5, None))
        watch(Progress(10, 0, 10, None))
    assert "10 rows" in capsys.readouterr().err
