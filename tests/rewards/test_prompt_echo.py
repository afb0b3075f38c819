"""PromptEcho over a written-down model that looks at images, and over a tiny one that sees."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, from_spec, to_spec
from guerdon.errors import MissingColumn, UserError
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores, bound_policy
from guerdon.rewards import PromptEcho
from guerdon.rewards.policy_terms import owed
from guerdon.rewards.prompt_echo import QUERY, echo_likelihood, image_of, word_logprobs
from guerdon.scores import Outcome
from tests.models.tiny_vlm import SCENES, caption, picture, trained_vlm

LOGITS = np.log([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])


@dataclass(frozen=True)
class Seeing(CausalLM):
    """Finds a word likely if it is in the image, which is a text here; "?" cannot be read, "!" makes the model fail."""

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        image, text = str(request.images[0]), str(request.target)
        if image in ("?", "!"):
            outcome = Outcome.MISSING_DATA if image == "?" else Outcome.INSTRUMENT_ERROR
            return TokenScores.failed(outcome, "scripted")
        words = text.split()
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
        values = np.array([-0.1 if word in image.split() else -3.0 for word in words])
        offsets = np.stack([starts, starts + [len(word) for word in words]], axis=1)
        return TokenScores(np.arange(len(words)), values, offsets=offsets)


def drawn(image: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": [{"type": "text", "text": "Here:"}, {"type": "image", "image": image}]}]


def test_mean_and_sum() -> None:
    batch = Batch([drawn("a red cat"), drawn("a blue cat")], ["a red cat"] * 2)
    assert PromptEcho(Seeing()).score(batch).values == pytest.approx([-0.1, -3.2 / 3])
    assert PromptEcho(Seeing(), reduction="sum").score(batch).values == pytest.approx([-0.3, -3.2])


def test_least_likely_words_are_named() -> None:
    note = PromptEcho(Seeing()).score(Batch([drawn("a cat")], ["a red cat"])).notes["prompt_echo"][0]
    assert note is not None and note.message.startswith("least likely: red -3.00")


def test_what_the_model_is_asked() -> None:
    asked: list[LogprobRequest] = []

    @dataclass(frozen=True)
    class Noting(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            asked.extend(requests)
            return [TokenScores(np.arange(1), np.zeros(1)) for _ in requests]

    batch = Batch(["", ""], ["p", "p"], picture=["one", "two"], text=["x", "y"], asks=["What?", None])
    PromptEcho(Noting(), image="picture", label="text", query_column="asks", closed=True).score(batch)
    assert [r.target for r in asked] == ["x", "y"] and [r.images for r in asked] == [("one",), ("two",)]
    assert [r.prompt[0]["content"][1]["text"] for r in asked] == ["What?", QUERY]
    assert all(r.closed and r.prompt[0]["content"][0] == {"type": "image"} for r in asked)


def test_chat_prompts_echo_what_the_user_said() -> None:
    prompt = [{"role": "system", "content": "You draw."}, {"role": "user", "content": "a red cat"}]
    assert PromptEcho(Seeing()).score(Batch([drawn("a red cat")], [prompt])).values == pytest.approx([-0.1])


def test_gaps_are_typed() -> None:
    batch = Batch(
        [drawn("cat"), drawn("?"), drawn("!"), "cat", drawn("cat"), ""], ["cat", "cat", "cat", "cat", " ", "cat"]
    )
    scores = PromptEcho(Seeing()).score(batch)
    missing, broken = Outcome.MISSING_DATA, Outcome.INSTRUMENT_ERROR
    assert [n.outcome for n in scores.notes["prompt_echo"] if n] == [
        Outcome.SCORED,
        missing,
        broken,
        missing,
        missing,
        missing,
    ]
    assert np.isnan(scores.values[1:]).all() and scores.values[0] == pytest.approx(-0.1)


def test_without_an_image_the_lowest_of_the_group_where_wanted() -> None:
    batch = Batch(
        [drawn("a cat"), drawn("a dog"), drawn("?"), "no image", drawn("!"), "no image"],
        ["a cat"] * 5 + ["a dog"],
    )
    reward = PromptEcho(Seeing(), imageless="minimum")
    scores = reward.score(batch)
    assert scores.values[2] == scores.values[3] == scores.values[1] < scores.values[0]
    assert np.isnan(scores.values[4:]).all(), "a failing model, and a group in which nothing is scored"
    assert scores.notes["prompt_echo"][3].outcome is Outcome.MALFORMED  # type: ignore[union-attr]
    assert reward.siblings == "group" and PromptEcho(Seeing()).siblings is None


@pytest.mark.parametrize(
    ("logprobs", "outcome"),
    [
        ([], Outcome.INSTRUMENT_ERROR),
        ([-1.0, float("nan")], Outcome.INSTRUMENT_ERROR),
        ([-1.0, -np.inf], Outcome.SCORED),
    ],
)
def test_odd_numbers(logprobs: list[float], outcome: Outcome) -> None:
    @dataclass(frozen=True)
    class Odd(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            return [TokenScores(np.arange(len(logprobs)), np.array(logprobs)) for _ in requests]

    scores = PromptEcho(Odd()).score(Batch([drawn("x")], ["y"]))
    assert scores.notes["prompt_echo"][0].outcome is outcome  # type: ignore[union-attr]
    assert np.isnan(scores.values[0]) == (outcome is Outcome.INSTRUMENT_ERROR)


def test_image_of() -> None:
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    assert image_of(pixels) is pixels and image_of({"type": "image", "image": pixels}) is pixels
    assert image_of("kite.png") is None and image_of("data:image/png;base64,AA") == "data:image/png;base64,AA"
    assert image_of([*drawn("first"), *drawn("second")]) == "second"
    shown = {"role": "user", "content": [{"type": "image", "image": "reference.png"}]}
    assert image_of([*drawn("own"), shown]) == "own" and image_of([shown]) is None
    assert image_of([{"role": "assistant", "content": None}]) is None and image_of(None) is None


def test_errors() -> None:
    with pytest.raises(UserError, match="reduction"):
        PromptEcho(Seeing(), reduction="max")
    with pytest.raises(UserError, match="imageless"):
        PromptEcho(Seeing(), imageless="zero")
    with pytest.raises(MissingColumn, match="picture"):
        PromptEcho(Seeing(), image="picture").score(Batch(["a"], ["b"]))


def test_is_data() -> None:
    reward = PromptEcho(ScriptedLM({"a": [-1.0]}), image="image", reduction="sum", imageless="minimum")
    assert from_spec(to_spec(reward)) == reward == pickle.loads(pickle.dumps(reward))
    assert reward.columns == {"image"} and reward.range == (-np.inf, 0.0) and not reward.needs_policy


def test_a_policy_that_sees_owes_its_gradient() -> None:
    reward = PromptEcho("policy")  # type: ignore[arg-type]
    batch = Batch([drawn("a cat"), drawn("?")], ["a cat", "a cat"])
    with bound_policy(Seeing()):
        scores = reward.score(batch)
    assert reward.needs_policy
    (due,) = owed(reward, batch, scores)
    assert due.row == 0 and due.term.derivative(Seeing().logprobs(due.term.requests))[0].tolist() == [0.5, 0.5]


# -- the pure functions -----------------------------------------------------------------------------------------------


def test_echo_likelihood_by_hand() -> None:
    assert echo_likelihood(LOGITS, [0, 1, 2], [0, 0, 1]) == pytest.approx(np.log(0.7))
    assert echo_likelihood(LOGITS, [0, 1, 2], [0, 1, 1]) == pytest.approx(np.log(0.25 * 0.7) / 2)
    assert echo_likelihood(LOGITS, [0, 1, 2], [0, 1, 1], reduction="sum") == pytest.approx(np.log(0.25 * 0.7))
    assert echo_likelihood(LOGITS, [0, 1, 2], [0, 0, 0]) == 0.0
    assert echo_likelihood(LOGITS, [0, 1, 2], [1, 0, 1]) == pytest.approx(np.log(0.7)), "nothing predicts the first"
    assert echo_likelihood(np.empty((0, 3)), [], []) == 0.0


@given(st.integers(0, 2**32 - 1), st.sampled_from(["mean", "sum"]))
def test_echo_likelihood_reads_the_captions_rows_alone(seed: int, reduction: Any) -> None:
    rng = np.random.default_rng(seed)
    start, size = int(rng.integers(1, 5)), int(rng.integers(1, 6))
    logits = rng.normal(size=(start + size, 7)) * 3
    ids, mask = rng.integers(0, 7, start + size), np.arange(start + size) >= start
    value = echo_likelihood(logits, ids, mask, reduction=reduction)
    other = logits + rng.normal(size=(start + size, 1))  # shifting a row's logits changes nothing
    other[: start - 1] = rng.normal(size=(start - 1, 7))
    other[-1] = rng.normal(size=7)
    assert echo_likelihood(other, ids, mask, reduction=reduction) == pytest.approx(value) and value <= 0


@pytest.mark.parametrize("arguments", [(LOGITS, [0, 1], [0, 1]), (LOGITS[0], [0], [1]), (LOGITS, [0, 1, 2], [0, 1])])
def test_echo_likelihood_shapes(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(UserError, match="must be"):
        echo_likelihood(*arguments)


def test_words_sum_their_tokens() -> None:
    offsets = np.array([[0, 1], [1, 3], [3, 6], [6, 7], [7, 7]])
    masks = {"target": np.array([True, True, True, True, False])}
    scores = TokenScores(np.arange(5), np.array([-1.0, -2.0, -4.0, -8.0, -16.0]), offsets=offsets, masks=masks)
    assert word_logprobs("a  redx", scores) == [("a", -1.0), ("redx", -12.0)]
    assert word_logprobs("a", TokenScores(np.arange(1), np.zeros(1))) == []


# -- a model that sees ------------------------------------------------------------------------------------------------


def test_a_wrong_word_costs() -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("torch")
    from guerdon.models.lms import VisionLM

    rng = np.random.default_rng(0)
    right = SCENES[0]
    wrong = [right, ("blue", *right[1:]), (right[0], "square", right[2]), (*right[:2], "right")]
    image = picture(right, rng)
    reward = PromptEcho(VisionLM(trained_vlm(), device="cpu"))
    values = reward.score(Batch([drawn(image)] * 4, [caption(scene) for scene in wrong])).values
    assert (values[1:] < values[0]).all()
    as_column = PromptEcho(VisionLM(trained_vlm(), device="cpu"), image="image")
    batch = Batch([""] * 4, [caption(scene) for scene in wrong], image=[image] * 4)
    assert as_column.score(batch).values == pytest.approx(values, abs=1e-5)
    assert reward.score(Batch([drawn(image)], [caption(right)])).values == pytest.approx(values[:1], abs=1e-5)
