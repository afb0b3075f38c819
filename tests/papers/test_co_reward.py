"""Co-Reward: symmetry, alignment by id, failure modes, hacks."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.papers.co_reward import parse_rewrite, teacher_rate

PAPER = find_paper("co-reward")


def box(answer: str) -> str:
    return f"so \\boxed{{{answer}}}"


def twins(one: list[str], other: list[str], pair: int = 1) -> Batch:
    prompts = [f"question {pair}"] * len(one) + [f"paraphrase {pair}"] * len(other)
    return Batch([*one, *other], prompts, pair_id=[pair] * len(prompts))


def test_swapping_the_views_swaps_the_rewards() -> None:
    one, other = [box("4"), box("5"), box("4")], [box("5"), box("5"), ""]
    values = PAPER.build().score(twins(one, other)).values
    swapped = PAPER.build().score(twins(other, one)).values
    assert values.tolist() == [0, 1, 0, 0, 0, 0] and swapped.tolist() == [*values[3:], *values[:3]]


def test_pairs_are_found_by_id_wherever_they_stand() -> None:
    batch = Batch.concat([twins([box("4")] * 2, [box("4"), box("5")], 1), twins([box("7")] * 2, [box("7")] * 2, 2)])
    order = np.random.default_rng(0).permutation(len(batch))
    values = PAPER.build().score(batch).values
    assert PAPER.build().score(batch.select(order)).values.tolist() == values[order].tolist()


def test_an_unanswered_side_gives_zeros_and_a_missing_one_nothing() -> None:
    assert PAPER.build().score(twins([box("4")], ["no box", ""])).values.tolist() == [0, 0, 0]
    scores = PAPER.build().score(Batch([box("4")], ["q"], pair_id=[1]))
    assert np.isnan(scores.values).all() and scores.notes["cross_vote"][0].outcome == "missing_data"


def test_no_hack_beats_an_honest_answer() -> None:
    honest = [box("4"), box("4")]
    for hack in ("", "4", box("1"), box("4 5 6"), "\\boxed{", box("1") * 50, "<think>" + box("4")):
        values = PAPER.build().score(twins([*honest, hack], honest)).values
        assert values[2] <= values[0], hack
        assert hack == "<think>" + box("4") or values[2] < values[0], hack


def test_equivalence_is_an_option() -> None:
    batch = twins([box("0.5"), box("1/2")], [box("\\frac{1}{2}"), box("0.5"), box("50\\%")])
    assert PAPER.build(equivalence="number").score(batch).values.tolist() == [1, 1, 1, 1, 1]
    assert PAPER.build().score(batch).values.sum() < 5


def test_teacher_and_majority_variants() -> None:
    batch = Batch([box("4"), box("5")], ["q", "q"], teacher_rollouts=[[box("5"), box("5"), box("4")], None])
    scores = PAPER.build("teacher").score(batch)
    assert scores.values[0] == 0.0 and np.isnan(scores.values[1])
    assert PAPER.build("teacher").siblings is None and PAPER.build("majority").siblings == "group"
    assert teacher_rate(10**6, total_steps=100) == pytest.approx(1e-5)


def test_a_failed_rewrite_is_an_error_to_drop() -> None:
    with pytest.raises(UserError, match="RESULT_START"):
        parse_rewrite("### RESULT_END ORIGINAL: a REWRITE: b ### RESULT_START")
    assert parse_rewrite("### RESULT_START ORIGINAL: a REWRITE: ### RESULT_END") == ("a", "")
