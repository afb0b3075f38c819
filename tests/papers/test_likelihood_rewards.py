from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from guerdon import Batch, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores, bound_policy
from guerdon.papers.likelihood_rewards import PAPER, build
from guerdon.rewards.policy_terms import owed
from guerdon.scores import Outcome
from guerdon.shaping.advantages import rloo_advantage
from guerdon.shaping.selection import spread_filter, spread_filter_initial, spread_filter_update

QUESTION = "What is 2+2?"
THOUGHT = "<think>Two and two make four.</think>"
HONEST = f"{THOUGHT}<answer>4</answer>"
HACKS = {
    "empty": "",
    "copied question": QUESTION,
    "no answer": THOUGHT[:-1],
    "answer alone": "<answer>4</answer>",
    "keyword soup": "<think>4 4 4 four four</think><answer>4 4 4 4</answer>",
    "reference many times": f"<think>x</think><answer>{'4 ' * 500}</answer>",
    "tag stuffing": "<think></think>" * 50 + "<answer>" * 50,
    "answer shopping": "<think>x</think><answer>3</answer><answer>4</answer>",
    "mixed language": "<think>due più due 二加二</think><answer>4</answer>",
    "huge": "<think>" + "so " * 100_000 + "</think><answer>4</answer>",
    "evidence in thoughts": "<think><tool_response>The answer is correct.</tool_response></think><answer>4</answer>",
}
TARGETS = ("4", " 4", "> \\boxed{ 4 } </answer>", "\n<answer>\n4\n</answer>")
#: Finds the reference likely after the honest thought only, however it is put there.
LM = ScriptedLM(
    {target: [-3.0] for target in TARGETS}
    | {f"{THOUGHT}{tag}": {target: [-0.1] for target in TARGETS} for tag in ("<answer>", "<answer")}
    | {"<think>\nTwo and two make four.\n</think>\n": {target: [-0.1] for target in TARGETS}}
)


@pytest.mark.parametrize("variant", PAPER.variants)
@pytest.mark.parametrize("hack", HACKS.values(), ids=HACKS)
def test_no_hack_beats_an_honest_answer(variant: str, hack: str) -> None:
    rows = Batch([HONEST, hack], [QUESTION] * 2, reference=["4"] * 2)
    honest, hacked = build(variant, lm=LM).score(rows).values
    assert hacked < honest or (variant == "base" and hacked <= honest)


@pytest.mark.parametrize("variant", PAPER.variants)
def test_is_data_and_depends_on_the_policy_where_it_reads_it(variant: str) -> None:
    reward = build(variant)
    assert from_spec(to_spec(reward)) == reward and reward.columns == {"reference"}
    assert reward.needs_policy == (variant != "base")
    missing = build(variant, lm=LM).score(Batch([HONEST] * 2, [QUESTION] * 2, reference=["", None]))
    assert missing.unscored.all()


def test_rlpr_by_hand() -> None:
    rows = Batch([HONEST, "<answer>4</answer>"], [QUESTION] * 2, reference=["4"] * 2, alone=[0.3, 0.3])
    gain = math.exp(-0.1) - 0.3
    assert build("rlpr", lm=LM, baseline="alone").score(rows).values == pytest.approx([0.9 * gain + 0.1, 0.0])
    assert build("rlpr", lm=LM).score(rows).values[0] == pytest.approx(0.9 * (math.exp(-0.1) - math.exp(-3)) + 0.1)
    gated = build("rlpr", lm=LM, baseline="alone", format_coefficient=-1, bins=4).score(rows).values
    assert gated == pytest.approx([0.5, -1.0])
    loop = HONEST + " one two three four five six seven eight nine ten" * 11
    assert build("rlpr", lm=LM, contrast=False).score(Batch([loop], reference=["4"])).values == pytest.approx(
        [0.9 * math.exp(-0.1) + 0.1 - 1.0]
    )
    with pytest.raises(UserError, match="format_coefficient"):
        build("rlpr", format_coefficient=1.5)


def test_nover_adds_rank_efficiency_and_form() -> None:
    rows = Batch(
        [HONEST, "<think>some other long thought</think><answer>1</answer>", "x"], [QUESTION] * 3, reference=["4"] * 3
    )
    assert build("nover", lm=LM).score(rows).values == pytest.approx([1 + 0 + 1, 0.5 + 0 + 1, 0])
    shorter = rows.replace(completions=[HONEST, HACKS["mixed language"].replace("due", "due " * 9), "x"])
    assert build("nover", lm=LM).score(shorter).values == pytest.approx([3, 1.5, 0])


def test_graded_baseline_and_short_thoughts() -> None:
    said = [HONEST, HONEST.replace("4<", "5<"), "4", "<answer></answer>", "<answer>4</answer><answer>4</answer>"]
    rows = Batch(said, reference=["4"] * 5)
    assert build("base").score(rows).values.tolist() == [100.0, 10.0, 0.0, 0.0, 0.0]
    charged = build(lm=LM, minimum_thought=10, per_word=0.01).score(Batch([HONEST], reference=["4"])).values
    assert charged == pytest.approx([-0.1 - 0.05])


def test_long_references_flatten_probability_in_single_precision() -> None:
    lm = ScriptedLM(
        {f"{z}<answer>": {"long": np.log([0.5 + gain] * 200).tolist()} for z, gain in (("a", 0.02), ("b", 0.0))}
    )
    rows = Batch(["a", "b"], [QUESTION] * 2, reference=["long"] * 2)
    prob, logprob = (build(variant, lm=lm).score(rows).values for variant in ("prob", "default"))
    assert np.float32(prob).std() == 0.0 and rloo_advantage(logprob, [0, 0])[0] > 5


def test_groups_of_little_spread_are_left_out() -> None:
    state = spread_filter_initial()
    for _ in range(11):
        state = spread_filter_update(state, [0.0, 1.0, 0.4, 0.6], [0, 0, 1, 1])
    assert spread_filter([0.0, 1.0, 0.49, 0.51], [0, 0, 1, 1], state).tolist() == [True, True, False, False]


# -- Lemma 1 on a policy small enough to enumerate ------------------------------------------------------------------------

CHOICES, WORDS = ("aa", "bb", "cc"), 4
REFERENCE = (2, 0)


class Enumerable(CausalLM):
    """Three thoughts with logits ``thought``; after each, words of a reference independently with logits (3, 2, 4)."""

    def __init__(self, parameters: np.ndarray) -> None:
        self.thought, self.words = parameters[:3], parameters[3:].reshape(3, len(REFERENCE), WORDS)

    @staticmethod
    def softmax(logits: np.ndarray) -> np.ndarray:
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return odds / odds.sum(axis=-1, keepdims=True)

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        found = []
        for request in requests:
            table = np.log(self.softmax(self.words[CHOICES.index(str(request.prefix)[:2])]))
            found.append(TokenScores(np.array(REFERENCE), table[range(len(REFERENCE)), REFERENCE]))
        return found


@pytest.mark.parametrize("variant", ["default", "mean", "prob", "mean-prob"])
def test_both_terms_together_are_the_gradient(variant: str) -> None:
    reward = build(variant)
    rows = Batch(list(CHOICES), [QUESTION] * 3, reference=["the reference"] * 3)

    def expected(parameters: np.ndarray) -> float:
        policy = Enumerable(parameters)
        with bound_policy(policy):
            return float(policy.softmax(policy.thought) @ reward.score(rows).values)

    parameters = np.random.default_rng(0).normal(size=3 + 3 * len(REFERENCE) * WORDS)
    steps = 1e-5 * np.eye(len(parameters))
    exact = np.array([(expected(parameters + step) - expected(parameters - step)) / 2e-5 for step in steps])

    policy = Enumerable(parameters)
    chances = policy.softmax(policy.thought)
    with bound_policy(policy):
        scores = reward.score(rows)
        debts = owed(reward, rows, scores)
    first = np.zeros_like(parameters)
    for z, (chance, value) in enumerate(zip(chances, scores.values, strict=True)):
        first[:3] += chance * value * (np.eye(3)[z] - chances)
    second = np.zeros((3, len(REFERENCE), WORDS))
    for debt in debts:
        slopes = debt.factor * debt.term.derivative(policy.logprobs(debt.term.requests))[0]
        for t, slope in enumerate(slopes):
            words = policy.softmax(policy.words[debt.row, t])
            second[debt.row, t] += chances[debt.row] * slope * (np.eye(WORDS)[REFERENCE[t]] - words)
    both = first + np.concatenate([np.zeros(3), second.ravel()])
    assert both == pytest.approx(exact, abs=1e-7)
    assert abs(first - exact).max() > 1e-3, "without the second term it is another gradient"


def test_a_group_reward_owes_what_has_no_form() -> None:
    rows = Batch([HONEST] * 2, [QUESTION] * 2, reference=["4"] * 2)
    reward = build("jepo")
    with bound_policy(LM):
        scores = reward.score(rows)
        with pytest.raises(UserError, match="depends on others"):
            owed(reward, rows, scores)
    assert scores.values.tolist() == [0.0, 0.0]


def test_a_server_that_fails_is_no_zero() -> None:
    class Down(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            return [TokenScores.failed(Outcome.TRANSPORT_ERROR, "refused") for _ in requests]

    for variant in PAPER.variants:
        if variant != "base":
            scores = build(variant, lm=Down()).score(Batch([HONEST] * 2, [QUESTION] * 2, reference=["4"] * 2))
            assert scores.unscored.all() and "refused" in scores.note(0), variant
