from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import Batch
from guerdon.errors import MissingColumn, UnboundPolicy, UserError
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, bound_policy
from guerdon.rewards import Likelihood, PerplexityRank, ReasoningForm, RepeatedWindow
from guerdon.rewards.policy_terms import OwesGradient, owed
from guerdon.scores import Outcome
from guerdon.shaping.advantages import jepo_advantage
from guerdon.shaping.likelihood import AGGREGATES, FLOOR, sequence_likelihood

LM = ScriptedLM({"4": [-2.0, -1.0], "four": [-0.5], "good<answer>": {"4": [-0.2, -0.1], "four": [-9.0]}})
SAID = ["good<answer>1</answer>", "bad<answer>4</answer>", "no place"]


def batch(completions: Sequence[Any] = SAID, reference: Any = "4", **columns: Any) -> Batch:
    size = len(completions)
    return Batch(completions, ["2+2?"] * size, reference=[reference] * size, columns=columns)


def outcomes(reward: Any, rows: Batch) -> list[Outcome | None]:
    notes = reward.score(rows).notes[reward.name]
    return [note and note.outcome for note in notes]


@pytest.mark.parametrize("how", AGGREGATES)
def test_every_aggregate_reads_the_reference_and_never_the_answer(how: str) -> None:
    reward = Likelihood(LM, how)
    good, bad = (sequence_likelihood(row, how) for row in ([-0.2, -0.1], [-2.0, -1.0]))  # type: ignore[arg-type]
    assert reward.score(batch()).values == pytest.approx([good, bad, bad])
    assert outcomes(reward, batch()) == [None, None, Outcome.MALFORMED]
    low, high = reward.range
    assert low <= bad < good <= high


def test_several_references_the_likeliest_counts() -> None:
    assert Likelihood(LM).score(batch(reference=["4", "four", " "])).values == pytest.approx([-0.3, -0.5, -0.5])


@pytest.mark.parametrize("reference", ["", " ", None, [], [None], math.nan])
def test_without_a_reference_nothing_is_scored(reference: Any) -> None:
    reward = Likelihood(LM, contrast=True)
    assert reward.score(batch(reference=reference)).unscored.all()
    assert set(outcomes(reward, batch(reference=reference))) == {Outcome.MISSING_DATA}


def test_what_the_model_cannot_say_is_no_number() -> None:
    reward = Likelihood(ScriptedLM({"4": [math.nan], "x": [-1.0]}))
    assert reward.score(batch()).unscored.all() and outcomes(reward, batch())[0] is Outcome.INSTRUMENT_ERROR
    assert outcomes(reward, batch(reference="unknown")) == [Outcome.MISSING_DATA] * 3
    assert outcomes(Likelihood(ScriptedLM({"4": []})), batch())[0] is Outcome.INSTRUMENT_ERROR
    impossible = Likelihood(ScriptedLM({"4": [-math.inf, -1.0]})).score(batch()).values
    assert impossible.tolist() == [FLOOR - 1] * 3


def test_contrast_subtracts_what_needs_no_reasoning() -> None:
    lm = ScriptedLM({"4": [-2.0], "<answer>": {"4": [-1.0]}, "good<answer>": {"4": [-0.2]}})
    assert Likelihood(lm, contrast=True).score(batch()).values == pytest.approx([0.8, -1.0, -1.0])
    given = Likelihood(lm, baseline="alone")
    assert given.score(batch(alone=[-1.0, None, "x"])).values == pytest.approx([0.8, math.nan, math.nan], nan_ok=True)
    assert outcomes(given, batch(alone=[-1.0, None, "x"]))[1] is Outcome.MISSING_DATA
    assert given.columns == {"reference", "alone"}
    with pytest.raises(UserError, match="give one of them"):
        Likelihood(lm, contrast=True, baseline="alone")
    with pytest.raises(MissingColumn, match="alone"):
        given.score(batch())
    asked: list[LogprobRequest] = []
    Likelihood(Watched(asked), contrast=True).score(batch())
    assert len(asked) == 4, "the score without reasoning is asked once for the group"


def test_boxed_and_truncated_get_the_lowest() -> None:
    lm = ScriptedLM({"> \\boxed{ 4 } </answer>": [-0.5]})
    reward = Likelihood(lm, "prob", "boxed", truncated="cut")
    assert reward.score(batch(cut=[False, True, False])).values == pytest.approx([math.exp(-0.5), 0.0, 0.0])
    logarithm = Likelihood(lm, "sum", "boxed", truncated="cut")
    assert logarithm.score(batch(cut=[False, True, False])).values == pytest.approx([-0.5, FLOOR, FLOOR])
    assert logarithm.score(batch(cut=[False] * 3, reference="")).unscored.all(), "no reference is nobody's fault"


def test_a_leading_space_counts_only_with_the_first_token() -> None:
    @dataclass(frozen=True)
    class Spaced(CausalLM):
        """Cuts " 42" into the space, then the two digits, or into the space with one digit, then the other."""

        apart: bool

        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            offsets = [[0, 1], [1, 2], [2, 3]] if self.apart else [[0, 2], [2, 3]]
            values = np.array([-5.0, -1.0, -1.0] if self.apart else [-5.0, -1.0])
            return [TokenScores(np.arange(len(values)), values, offsets=np.array(offsets)) for _ in requests]

    said = ["<think>a</think><answer> 5</answer>"]
    assert Likelihood(Spaced(True), splice="answer").score(batch(said, "42")).values.tolist() == [-2.0]
    assert Likelihood(Spaced(False), splice="answer").score(batch(said, "42")).values.tolist() == [-6.0]


def test_arguments_that_cannot_be() -> None:
    for wrong in ({"aggregate": "median"}, {"splice": "end"}, {"temperature": 0.0}, {"lm": 3}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            Likelihood(**{"lm": LM, **wrong})  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Watched(CausalLM):
    """Notes what it is asked, and says the same of all."""

    asked: list[LogprobRequest]

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        self.asked.extend(requests)
        return [TokenScores(np.arange(2), np.array([-1.0, -0.5])) for _ in requests]


def test_the_policy_is_asked_with_its_own_prompt_and_temperature() -> None:
    asked: list[LogprobRequest] = []
    reward = Likelihood("policy", temperature=0.7)  # type: ignore[arg-type]
    assert reward.needs_policy and not Likelihood(LM).needs_policy and isinstance(reward, OwesGradient)
    with pytest.raises(UnboundPolicy):
        reward.score(batch())
    with bound_policy(Watched(asked)):
        assert reward.score(batch()).values.tolist() == [-1.5] * 3
    assert {(r.prompt, r.target, r.temperature) for r in asked} == {("2+2?", "4", 0.7)}
    assert [r.prefix for r in asked] == ["good<answer>", "bad<answer>", "no place<answer>"]


@pytest.mark.parametrize("how", AGGREGATES)
def test_what_the_value_owes_is_its_derivative(how: str) -> None:
    reward = Likelihood(PolicyLM(), how, contrast=True, truncated="cut")
    rows = batch(reference=["4", "four"], cut=[False, False, True])
    values = {"4": np.array([-0.4, -1.0]), "four": np.array([-3.0])}

    def answers(requests: Sequence[LogprobRequest], shift: float = 0.0, t: int = 0) -> list[TokenScores]:
        found = [values[str(r.target)] + shift * (np.arange(len(values[str(r.target)])) == t) for r in requests]
        return [TokenScores(np.arange(len(each)), each) for each in found]

    class Bound(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            return answers(requests)

    with bound_policy(Bound()):
        scores = reward.score(rows)
        terms = reward.policy_terms(rows, scores)
        scaled = 2.0 * reward
        assert [each.factor for each in owed(scaled, rows, scaled.score(rows))] == pytest.approx([2.0, 2.0])
    assert terms[2] is None, "a truncated one has a fixed value"
    for term in terms[:2]:
        assert term is not None
        slopes = term.derivative(answers(term.requests))
        best = max(values.values(), key=lambda each: sequence_likelihood(each, how))  # type: ignore[arg-type]
        for request, slope in zip(term.requests, slopes, strict=True):
            own = values[str(request.target)]
            if own is not best:
                assert not slope.any()
                continue
            for t in range(len(own)):
                step = 1e-6 * (np.arange(len(own)) == t)
                rise = sequence_likelihood(own + step, how) - sequence_likelihood(own - step, how)  # type: ignore[arg-type]
                assert slope[t] == pytest.approx(rise / 2e-6, rel=1e-4)
    assert Likelihood(LM).policy_terms(batch(), Likelihood(LM).score(batch())) == [None] * 3


def test_as_rules_on_groups() -> None:
    reward = Likelihood(LM)
    values = reward.score(batch()).values
    joined = reward.then("log_mean_exp").score(batch()).values
    assert joined == pytest.approx([np.log(np.mean(np.exp(values)))] * 3) and joined[0] >= values.mean()
    assert reward.then("jepo").score(batch()).values == pytest.approx(jepo_advantage(values, [0, 0, 0]))
    gains = Likelihood(LM, "prob", contrast=True).then("shape_gain", shape="threshold_0").then("discretize", bins=4)
    assert gains.range == (0.0, 1.0) and gains.score(batch()).values.tolist() == [0.75, 0.0, 0.0]


def test_on_local_weights(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from guerdon.models.lms import TransformersLM
    from tests.models.tiny_lm import save_tiny

    lm = TransformersLM(save_tiny(tmp_path), dtype="float32", device="cpu")
    chat = [{"role": "user", "content": "What is two plus three?"}]
    said = ["<think>two and three make five</think><answer>5</answer>", "I do not know"]
    rows = Batch(said, [chat, chat], reference=["five, because two and three make five"] * 2)
    values = {how: Likelihood(lm, how).score(rows).values for how in AGGREGATES}
    assert values["prob"] == pytest.approx(np.exp(values["sum"])) and (values["sum"] < 0).all()
    alone = Likelihood(lm).score(rows.select([1])).values
    assert alone == pytest.approx(values["sum"][1:], abs=1e-4), "the batch around a sample changes nothing"
    for splice in ("answer", "boxed", "block"):
        assert np.isfinite(Likelihood(lm, "mean", splice).score(rows).values).all()
    gap = (
        Likelihood(lm, contrast=True).score(rows).values
        + Likelihood(lm).score(rows.replace(completions=["", ""])).values
    )
    assert gap == pytest.approx(values["sum"], abs=1e-3)
    too_long = Likelihood(lm).score(rows.replace(reference=["five " * 500] * 2))
    assert too_long.unscored.all() and too_long.notes["likelihood"][0].outcome.unscored


# -- rank, form, repetition ---------------------------------------------------------------------------------------------


def thought(text: str) -> str:
    return f"<think>{text}</think><answer>x</answer>"


def block(*logprobs: float) -> dict[str, list[float]]:
    return {"\n<answer>\n4\n</answer>": list(logprobs)}


def test_ranks_and_efficiency() -> None:
    lm = ScriptedLM(
        {f"<think>\n{t}\n</think>\n": block(value) for t, value in (("a", -2.0), ("b c", -0.5), ("d e f", -2.0))}
    )
    rows = batch([thought("a"), thought("b c"), thought("d e f"), "x", thought("a") + "!"])
    reward = PerplexityRank(lm, forgiving=False)
    scores = reward.score(rows)
    assert scores.values == pytest.approx([0.5, 1.0, 0.5, 0.0, 0.0])
    assert scores.parts["perplexity_rank/efficiency"].tolist() == [0.0, 0.5, 0.0, 0.0, 0.0]
    assert PerplexityRank(lm, forgiving=False, ties_by="order").score(rows).values[:3] == pytest.approx(
        [2 / 3, 1.0, 1 / 3]
    )
    forgiven = PerplexityRank(lm).score(rows).parts["perplexity_rank/perplexity"]
    assert forgiven[:3] == pytest.approx(np.exp([2.0, 0.5 / (1 + math.log10(2)), 2.0 / (1 + math.log10(3))]))
    assert reward.siblings == "group" and outcomes(reward, rows)[3] is Outcome.MALFORMED


def test_unknown_and_impossible_perplexities() -> None:
    lm = ScriptedLM(
        {f"<think>\n{t}\n</think>\n": block(value) for t, value in (("a", -1.0), ("b", -math.inf), ("c", math.nan))}
    )
    rows = batch([thought(t) for t in "abcd"])
    scores = PerplexityRank(lm).score(rows)
    assert scores.values == pytest.approx([1.0, 0.0, math.nan, math.nan], nan_ok=True)
    assert PerplexityRank(lm).score(batch([thought("a")] * 2, reference="")).unscored.all()
    with pytest.raises(UserError, match="ties_by"):
        PerplexityRank(lm, ties_by="none")


def test_form_and_repetition() -> None:
    assert ReasoningForm("bare").score(Batch([thought("a"), thought("a") + "."])).values.tolist() == [1.0, 0.0]
    with pytest.raises(UserError, match="begun"):
        ReasoningForm("strict")
    loop = "one two three four five six seven eight nine ten "
    assert RepeatedWindow().score(Batch([loop * 10, loop * 9, loop.replace(" ", "_") * 10])).values.tolist() == [
        -1,
        0,
        -1,
    ]
    with pytest.raises(UserError, match="window"):
        RepeatedWindow(window=0)
