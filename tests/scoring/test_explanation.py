"""What a scored file says of itself: the same numbers that scoring had, without scoring again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from guerdon import Batch, Gate, Product, Reward
from guerdon.rewards import ExactMatch, LengthMatch, TokenF1
from guerdon.runtime import score_all
from guerdon.scoring.data import open_data
from guerdon.scoring.explanation import _notes, extremes, told
from guerdon.scoring.job import Job
from guerdon.scoring.ledger import Ledger
from guerdon.scoring.recorded import open_ledger, recorded_values
from guerdon.scoring.run import Finished, Run, Start
from tests.scoring.files import read_lines, record, run, write_lines
from tests.scoring.rewards import Length

GATED = Gate(TokenF1(), Product(LengthMatch(), Length().then("clip", low=0, high=3)), at_least=0.4)
ZSCORED = TokenF1().then("zscore") + 0.5 * Length().then("zscore").then("clip", low=-1, high=1)
UNDER_A_GATE = Gate(TokenF1(), Length().then("zscore"), at_least=0.4)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    records = [record(i) for i in range(24)]
    records[5]["completion"] = "skip me"
    return write_lines(tmp_path / "data.jsonl", records)


@pytest.mark.parametrize(
    "reward", [TokenF1(), GATED, ZSCORED, GATED + 2 * ZSCORED + 1.0, TokenF1().then("batch_zscore")], ids=str
)
def test_the_values_of_every_node_come_back(data: Path, tmp_path: Path, reward: Reward) -> None:
    finished = run(data, tmp_path / "out.jsonl", reward, batch_size=5)
    batch = finished.job.layout.batch(read_lines(tmp_path / "out.jsonl"))
    nodes = list(told(reward) - {GATED.terms[1], *GATED.terms[1].walk()})
    expected = score_all(nodes, batch)
    Length.seen.clear()
    for node, values, scores in zip(nodes, recorded_values(nodes, batch, finished.job.columns), expected, strict=True):
        assert values is not None, node
        np.testing.assert_allclose(values, scores.values)
    assert not Length.seen


def test_what_a_gate_passed_over_is_not_told() -> None:
    zscore = UNDER_A_GATE.children[1]
    assert told(UNDER_A_GATE) == {TokenF1(), Length()}
    assert told(UNDER_A_GATE + ExactMatch()) == {TokenF1(), Length(), ExactMatch()}
    assert told(zscore) == {zscore, Length()}
    assert told(ZSCORED) == set(ZSCORED.walk())
    assert told(TokenF1().then("batch_zscore") + 1.0) == {TokenF1()}
    named = Gate(TokenF1(), Length().then("zscore", name="varied"))
    assert told(named + 1.0) == set((named + 1.0).walk())


def finished_run(data: Path, out: Path, reward: Reward) -> Run:
    return Run(Job(open_data(str(data)), reward, out, batch_size=5), Start.OVERWRITE)


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("reward", [ZSCORED, GATED, UNDER_A_GATE], ids=["zscored", "gated", "under a gate"])
def test_the_best_and_the_worst(data: Path, tmp_path: Path, reward: Reward, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    with finished_run(data, tmp_path / name, reward) as open_run:
        finished = open_run.finish()
        assert finished.ledger is not None
        best, worst = extremes(finished.job, finished.ledger, 3)
    scores = reward.score(Batch.from_records(read_lines(data)))
    order = [int(i) for i in np.argsort(-scores.values, kind="stable") if not math.isnan(scores.values[i])]
    assert [sample.number for sample in best] == [i + 1 for i in order[:3]]
    assert [sample.number for sample in worst] == [i + 1 for i in reversed(order[-3:])]
    for sample in (*best, *worst):
        row = sample.number - 1
        assert sample.record["id"] == row
        assert sample.value == sample.nodes[reward] == scores.values[row]
        for leaf in (node for node in reward.walk() if not node.children):
            np.testing.assert_equal(sample.nodes[leaf], scores.parts[leaf.name][row])


def test_few_samples_are_not_shown_twice(tmp_path: Path) -> None:
    for rows in (0, 1, 3):
        data = write_lines(tmp_path / "d.jsonl", [record(i) for i in range(rows)])
        with finished_run(data, tmp_path / "o.jsonl", TokenF1()) as open_run:
            finished = open_run.finish()
            assert finished.ledger is not None
            best, worst = extremes(finished.job, finished.ledger, 5)
        numbers = [sample.number for sample in (*best, *worst)]
        assert sorted(numbers) == list(range(1, rows + 1))


def test_notes_are_told_by_part(data: Path, tmp_path: Path) -> None:
    records = [{**record(0), "completion": "skip me", "reference": None}, record(1)]
    run(write_lines(tmp_path / "d.jsonl", records), tmp_path / "o.jsonl", Product(ExactMatch(), Length()))
    note = read_lines(tmp_path / "o.jsonl")[0]["reward_note"]
    assert note == "exact_match: missing_data: no reference | length: timed_out: asked | to"
    assert _notes(note, ("exact_match", "length", "length/words")) == {
        "exact_match": "missing_data: no reference",
        "length": "timed_out: asked | to",
    }
    assert _notes(None, ("a",)) == {}
    assert _notes("b: c", ("a",)) == {"": "b: c"}


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_the_ledger_of_an_earlier_process_is_made_anew(data: Path, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    reward = ZSCORED + LengthMatch()
    with finished_run(data, tmp_path / name, reward) as open_run:
        first = open_run.finish()
        assert first.ledger is not None
        columns = {column: first.ledger.column(column) for column in first.ledger.dtype.names or ()}
    Length.seen.clear()
    again: Finished = run(data, tmp_path / name, reward, Start.RESUME)
    with open_ledger(again) as ledger:
        assert isinstance(ledger, Ledger)
        for column, values in columns.items():
            if column != "offset" or name.endswith("jsonl"):
                np.testing.assert_allclose(ledger.column(column), values, rtol=1e-12)
    assert not Length.seen
