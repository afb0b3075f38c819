"""Twenty seconds of ``make load``: workers killed, clients that err, and nothing lost or wrong."""

from __future__ import annotations

import sys

import pytest

from benchmarks.load import run

pytest.importorskip("math_verify")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers in /proc")
def test_nothing_is_lost_while_verifiers_are_killed() -> None:
    row = run("local", seconds=20.0, clients=12, kill_every=2.0)
    assert not row["faults"] and not row["seen"].get("faults")
    assert row["kills"] >= 4
    assert row["seen"]["right"] > 200 and row["seen"]["malformed"] > 20 and row["seen"]["left"] > 20
    assert row["seen"]["right"] >= 0.95 * row["seen"]["sent"]
    assert row["held_after"] == 0.0
