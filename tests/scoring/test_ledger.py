"""The ledger gives back every number, whole or in portions that no group reaches across."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from guerdon import Batch, Scores
from guerdon.runtime import Report
from guerdon.scoring import ledger as module
from guerdon.scoring.ledger import Ledger
from guerdon.scoring.summary import Spread, summarise


def filled(path: Path, rows: int, seed: int = 0) -> tuple[Ledger, np.ndarray, np.ndarray]:
    ledger = Ledger(path, ("a", "b"), 1)
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    values[rng.random(rows) < 0.2] = np.nan
    groups = rng.integers(0, 2**63, size=max(1, rows // 3))[rng.integers(0, max(1, rows // 3), size=rows)]
    scores = Scores(values, parts={"a": values, "b": np.full(rows, np.nan)})
    data = ledger.encode(
        Batch(["abc"] * rows), scores, [scores], groups=groups.tolist(), ties=groups.tolist(), offsets=range(rows)
    )
    path.write_bytes(data)
    return ledger, groups, values


def test_columns_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    ledger, groups, values = filled(tmp_path / "ledger", 50)
    assert len(ledger) == 50
    np.testing.assert_array_equal(ledger.column("value"), values)
    np.testing.assert_array_equal(ledger.column("parts")[:, 0], values)
    np.testing.assert_array_equal(ledger.column("terms")[:, 0], values)
    assert ledger.column("group").tolist() == groups.tolist()
    assert ledger.column("offset").tolist() == list(range(50))
    assert set(ledger.column("length")) == {3.0}
    assert len(set(ledger.group_numbers())) == len(set(groups.tolist()))


@pytest.mark.parametrize("most", [1, 10, 1000])
def test_portions_hold_whole_groups(tmp_path: Path, most: int) -> None:
    ledger, groups, values = filled(tmp_path / "ledger", 200)
    portions = list(ledger.groups(most))
    assert len(portions) == min(32, 200 // most + 1)
    assert sum(len(keys) for keys, _ in portions) == 200
    seen = [set(keys.tolist()) for keys, _ in portions]
    assert sum(map(len, seen)) == len(set(groups.tolist()))
    known = np.concatenate([found for _, found in portions])
    np.testing.assert_array_equal(np.sort(known), np.sort(values))


def test_a_summary_is_that_of_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    ledger, groups, values = filled(tmp_path / "ledger", 300)
    summary = summarise(ledger, rejected=0, report=Report(), seconds=1.0)
    scored = values[~np.isnan(values)]
    assert summary.reward.mean == pytest.approx(scored.mean())
    assert summary.reward.std == pytest.approx(scored.std())
    assert summary.reward.unscored == pytest.approx(np.isnan(values).mean())
    assert summary.parts["a"] == summary.reward
    assert np.isnan(summary.parts["b"].mean)
    assert summary.parts["b"].unscored == 1.0
    stds = [
        known.std() for group in set(groups.tolist()) if len(known := scored[groups[~np.isnan(values)] == group]) > 1
    ]
    assert summary.groups == len(stds)
    assert summary.within_group_std == pytest.approx(np.mean(stds))
    assert isinstance(summary.reward, Spread)
