"""A judge that likes the first place: what it says of completions, and at what cost the liking is taken out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from guerdon import Batch
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.protocols.listwise import Listwise
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.tournament import Tournament
from guerdon.rewards import Judged

SHOWN = re.compile(r"<<<ANSWER (\w+) [0-9a-f]{20}\nquality ([0-9.]+)")


def coin(text: str) -> float:
    """A uniform number that depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


@dataclass(frozen=True)
class BiasedJudge(ChatModel):
    """Prefers A with chance ``bias`` between equals, else by the difference of the qualities it reads too.

    In a list it ranks the first higher by ``bias`` - 0.5.
    """

    bias: float = 0.7
    sharpness: float = 0.0

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [self.reply(request.text) for request in requests]

    def reply(self, text: str) -> ChatReply:
        shown = [(name, float(quality)) for name, quality in SHOWN.findall(text)]
        if shown[0][0] == "1":
            scored = sorted(shown, key=lambda one: -one[1] - (self.bias - 0.5) * (one[0] == "1"))
            ranking = ", ".join(f'"{name}"' for name, _ in scored)
            return ChatReply(f'{{"why": "", "ranking": [{ranking}]}}')
        (_, first), (_, second) = shown
        liking = np.log(self.bias / (1 - self.bias))
        chance = 1 / (1 + np.exp(-(self.sharpness * (first - second) + liking)))
        return ChatReply(f"<verdict>{'A' if coin(text) < chance else 'B'}</verdict>")


def answers(n: int, qualities: Sequence[float]) -> Batch:
    """n questions of len(qualities) answers each; every answer is its own text."""
    texts = [f"quality {q} (no. {i}.{k})" for i in range(n) for k, q in enumerate(qualities)]
    prompts = [f"question {i}" for i in range(n) for _ in qualities]
    return Batch(texts, prompts, exemplar=[f"quality 0.5 (exemplar {i})" for i in range(n) for _ in qualities])


CASES = [("none", 0.7, 1), ("random", 0.5, 1), ("swap", 0.5, 2), ("consistent", 0.5, 2)]


@pytest.mark.parametrize(("debias", "mean", "calls"), CASES, ids=[case[0] for case in CASES])
def test_equals_are_equal_after_debiasing(debias: str, mean: float, calls: int) -> None:
    batch = answers(800, [0.5])
    reward = Judged(BiasedJudge(), ReferenceComparison(Pairwise(), debias=debias))  # type: ignore[arg-type]
    scores = reward.score(batch)
    assert scores.values.mean() == pytest.approx(mean, abs=0.05)
    assert scores.report.counters["judged"]["judge_calls"] == calls * len(batch)
    consistent = scores.parts["judged/consistent"]
    if calls == 2:
        assert np.nanmean(consistent) == pytest.approx(2 * 0.7 * 0.3, abs=0.05), "agreement tells of the bias"
    else:
        assert np.isnan(consistent).all()


def test_averaging_both_orders_is_less_noisy_than_one_at_random() -> None:
    batch = answers(800, [0.5])
    spread = {
        debias: Judged(BiasedJudge(), ReferenceComparison(Pairwise(), debias=debias)).score(batch).values.std()
        for debias in ("random", "swap", "consistent")
    }
    assert spread["consistent"] <= spread["swap"] < 0.8 * spread["random"]


@pytest.mark.parametrize("schedule", ["all_pairs", "circular", "adaptive"])
def test_a_tournament_of_equals_is_flat_after_debiasing(schedule: str) -> None:
    """As given, whoever the schedule puts first is ahead; entrants are seeded at random, so groups show it as noise."""
    batch = answers(150, [0.5] * 4)

    def spread(debias: str) -> float:
        protocol = Tournament(Pairwise(), schedule=schedule, aggregate="win_rate", debias=debias, hops=1)  # type: ignore[arg-type]
        values = Judged(BiasedJudge(bias=0.95), protocol).score(batch).values
        assert values.mean() == pytest.approx(0.5, abs=0.02)
        return float(values.std())

    assert spread("swap") < 0.6 * spread("random")


@pytest.mark.parametrize("schedule", ["all_pairs", "circular", "adaptive", "knockout", "double_elimination"])
def test_the_better_answer_wins_in_spite_of_the_bias(schedule: str) -> None:
    batch = answers(40, [0.0, 0.3, 0.7, 1.0])
    protocol = Tournament(schedule=schedule)  # type: ignore[arg-type]
    values = Judged(BiasedJudge(sharpness=8.0), protocol).score(batch).values.reshape(-1, 4).mean(axis=0)
    assert (np.diff(values) > 0).all()


def test_calls_of_a_schedule() -> None:
    batch = answers(1, np.linspace(0, 1, 8).tolist())

    def calls(**fields: object) -> float:
        protocol = Tournament(**fields)  # type: ignore[arg-type]
        report = Judged(BiasedJudge(sharpness=50.0), protocol).score(batch).report
        return float(report.counters["judged"]["judge_calls"])

    assert calls() == 56 and calls(debias="random") == 28 and calls(debias="none", schedule="knockout") == 7
    assert calls(debias="none", schedule="circular", hops=2) == 16 and calls(debias="none", schedule="adaptive") == 16
    assert 14 <= calls(debias="none", schedule="double_elimination") <= 15


def test_several_orders_of_a_list_take_the_first_place_out() -> None:
    batch = answers(1, [0.5, 0.5, 0.5])
    judge = BiasedJudge(bias=0.9)
    one = Judged(judge, Listwise()).score(batch)
    many = Judged(judge, Listwise(orders=60)).score(batch)
    assert one.values.std() > 0.4 and many.values.std() < 0.1
    assert many.uncertainty is not None and (many.uncertainty > 0.3).all() and one.uncertainty is None


def test_equal_texts_share_one_entrant() -> None:
    batch = Batch(["quality 0.9", "quality 0.1", "quality 0.9", "quality 0.5"], ["q"] * 4)
    for protocol in (Tournament(debias="none"), Listwise()):
        scores = Judged(BiasedJudge(sharpness=90.0, bias=0.5), protocol).score(batch)
        assert scores.values.tolist() == [1.0, 0.0, 1.0, 0.5]


def test_bradley_terry_has_standard_errors() -> None:
    batch = answers(1, [0.0, 0.4, 0.6, 1.0])
    scores = Judged(BiasedJudge(sharpness=3.0), Tournament(aggregate="bradley_terry")).score(batch)
    assert scores.values.mean() == pytest.approx(0.0, abs=1e-6)
    assert scores.uncertainty is not None and ((scores.uncertainty > 0.3) & (scores.uncertainty < 4.0)).all()
