"""Preference data: pairs from scores, token rewards, mixed texts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, Outcome
from guerdon.errors import GuerdonError, UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores
from guerdon.rewards import ExactMatch
from guerdon.text.sentences import sentences
from guerdon.training.preferences.mixed_texts import MixedText, chosen_sentences, mixed_texts, ordered_texts, put_back
from guerdon.training.preferences.pairs import preference_pairs, preference_row
from guerdon.training.preferences.token_rewards import (
    aligned_rewards,
    contrast_requests,
    revision_prompt,
    token_rewards,
    with_token_rewards,
)

# -- pairs ------------------------------------------------------------------------------------------------------------

SAMPLES = Batch(["4", "5", "6", "four", "4", "4"], ["2+2?", "2+2?", "2+2?", "2+2?", "1+3?", "1+3?"])


def test_the_best_and_the_worst_of_each_prompt() -> None:
    rows = preference_pairs(SAMPLES, [1.0, 0.2, 0.0, float("nan"), 1.0, 1.0])
    assert [(row["prompt"], row["chosen"], row["rejected"]) for row in rows] == [("2+2?", "4", "6")]
    assert (rows[0]["chosen_score"], rows[0]["rejected_score"]) == (1.0, 0.0)


def test_every_pair_of_siblings_beyond_the_margin() -> None:
    values = [1.0, 0.2, 0.0, 0.9, 1.0, 0.0]
    rows = preference_pairs(SAMPLES, values, pick="all", margin=0.15)
    said = {(row["chosen"], row["rejected"]) for row in rows}
    assert said == {("4", "5"), ("4", "6"), ("5", "6"), ("four", "5"), ("four", "6")}


def test_a_reward_scores_and_equal_texts_make_no_pair() -> None:
    batch = Batch(["4", "5", "4"], ["2+2?"] * 3, reference=["4"] * 3)
    assert preference_pairs(batch, ExactMatch())[0]["rejected"] == "5"
    assert preference_pairs(Batch(["4", "4"], ["2+2?"] * 2), [1.0, 0.0]) == []


def test_rows_are_conversational_throughout_or_not_at_all() -> None:
    prompt = [{"role": "user", "content": "2+2?"}]
    row = preference_row(prompt, "4", [{"role": "assistant", "content": "5"}])
    assert row["chosen"] == [{"role": "assistant", "content": "4"}] and row["rejected"][0]["content"] == "5"
    assert preference_row("2+2?", {"role": "assistant", "content": "4"}, "5")["prompt"] == prompt


def test_what_makes_no_pairs_is_said() -> None:
    with pytest.raises(UserError, match="no prompts"):
        preference_pairs(Batch(["4"]), [1.0])
    with pytest.raises(UserError, match=r"shape \(1,\) for 6 samples"):
        preference_pairs(SAMPLES, [1.0])
    with pytest.raises(UserError, match="pick='top'"):
        preference_pairs(SAMPLES, [1.0] * 6, pick="top")  # type: ignore[arg-type]


# -- token rewards ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluator(CausalLM):
    """Token k of an answer has log-probability -k under a wish for better, and -1 under one for worse."""

    shifted: bool = False

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        worse = "incorrect" in str(request.prompt)
        size = len(request.target if isinstance(request.target, tuple) else request.target.split())
        ids = np.arange(size) + 10 + (self.shifted and worse)
        return TokenScores(ids, np.full(size, -1.0) if worse else -np.arange(size, dtype=float))


def test_the_same_tokens_are_forced_under_both_prompts() -> None:
    better, worse = contrast_requests("2+2?", "4")
    assert better.target == worse.target == "4"
    assert "more helpful" in better.prompt and "less helpful" in worse.prompt and "Answer: 4" in better.prompt
    hidden, _ = contrast_requests("2+2?", (1, 2), show_answer=False)
    assert hidden.target == (1, 2) and "Answer: " not in hidden.prompt.split("\n")[0]
    with pytest.raises(UserError, match="show_answer=False"):
        contrast_requests("2+2?", (1, 2))
    with pytest.raises(UserError, match="aim='best'"):
        revision_prompt("2+2?", None, "best")  # type: ignore[arg-type]


def test_messages_keep_their_history() -> None:
    history = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]
    prompt = revision_prompt([*history, {"role": "user", "content": "2+2?"}], "4", "better")
    assert prompt[:3] == history and prompt[3]["role"] == "user"
    assert prompt[3]["content"].startswith("Request: 2+2?\n\nAnswer: 4\n\nRevise")


def test_rewards_are_the_squashed_gap() -> None:
    (found,) = token_rewards(Evaluator(), ["q"], ["a b c"], ["a b c"])
    expected = [1 / (1 + np.exp(-gap)) - 0.5 for gap in (1.0, 0.0, -1.0)]
    assert found.rewards.tolist() == pytest.approx(expected) and found.ids.tolist() == [10, 11, 12]
    assert len(token_rewards(Evaluator(), ["q"], [""], [""])[0].rewards) == 0


def test_rows_get_columns_or_are_told_of() -> None:
    row = {"prompt": "q", "chosen": "a b", "rejected": "c"}
    (made,) = with_token_rewards([row], Evaluator())
    assert made["token_ids_chosen"] == [10, 11] and len(made["token_rewards_rejected"]) == 1
    assert "token_ids_chosen" not in row
    known = ScriptedLM({"a b": [-1.0, -1.0]})
    with pytest.raises(GuerdonError, match=r"rows\[0\] has no token rewards"):
        with_token_rewards([row], known)
    assert with_token_rewards([row], known, missing="drop") == []
    assert with_token_rewards([row], known, missing="zero")[0]["token_rewards_chosen"] == []
    with pytest.raises(GuerdonError, match="different tokens"):
        with_token_rewards([row], Evaluator(shifted=True))
    with pytest.raises(UserError, match="missing='skip'"):
        with_token_rewards([row], known, missing="skip")  # type: ignore[arg-type]


def test_rewards_stand_on_their_own_tokens_or_nowhere() -> None:
    assert aligned_rewards([0.1, 0.2], [5, 6]) == [0.1, 0.2]
    assert aligned_rewards([0.1, 0.2], [9, 5, 6, 2], [5, 6]) == [0.0, 0.1, 0.2, 0.0]
    assert aligned_rewards([], [5, 6], []) == [0.0, 0.0]
    assert aligned_rewards([0.0, 0.1, 0.2, 0.0], [9, 5, 6, 2], [9, 5, 6, 2]) == [0.0, 0.1, 0.2, 0.0]
    for rewards, ids in (([0.1], None), ([0.1, 0.2], [6, 5]), ([0.1], [5, 6])):
        with pytest.raises(UserError):
            aligned_rewards(rewards, [5, 6, 7], ids)


# -- mixed texts ------------------------------------------------------------------------------------------------------

TEXT = "One fish.  Two fish!\n\nRed fish? Blue fish. Old fish."


@dataclass(frozen=True)
class Shouter(ChatModel):
    """Rephrases in capitals; or says something else."""

    reply: str = ""
    outcome: Outcome = Outcome.SCORED

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(self.reply or self._said(request), outcome=self.outcome) for request in requests]

    def _said(self, request: ChatRequest) -> str:
        return str(request.messages[-1]["content"]).split("Sentences to rephrase:\n")[1].upper()


def test_half_of_the_sentences_are_rephrased_and_the_rest_is_untouched() -> None:
    (mixed, alone) = asyncio.run(mixed_texts([TEXT, "Only one."], Shouter()))
    assert len(mixed.rephrased) == 2 and mixed.note is None
    assert mixed.text is not None and mixed.text.lower() == TEXT.lower()
    shouted = [k for k, sentence in enumerate(sentences(mixed.text)) if sentence.isupper()]
    assert tuple(shouted) == mixed.rephrased
    assert alone == MixedText("Only one.")


def test_a_failed_reply_leaves_its_own_row_alone() -> None:
    (garbled,) = asyncio.run(mixed_texts([TEXT], Shouter("Sure, here you are!")))
    assert garbled.text == TEXT and garbled.note and garbled.note.outcome is Outcome.UNPARSEABLE
    (lost,) = asyncio.run(mixed_texts([TEXT], Shouter(outcome=Outcome.TIMED_OUT)))
    assert lost.text is None and lost.note and lost.note.outcome is Outcome.TIMED_OUT
    rows = ordered_texts(["m one", "m two", "m"], [garbled, lost, garbled], ["h one", "h two", "h three"])
    assert rows == [("m one", TEXT, "h one")]


def test_a_reply_must_hold_every_sentence() -> None:
    assert put_back(TEXT, [0, 3], "1. A.\n4: B.") == "A.  Two fish!\n\nRed fish? B. Old fish."
    assert put_back(TEXT, [0, 3], "1. A.") is None
    assert put_back(TEXT, [0], "1.  ") is None


@given(st.text(max_size=200), st.integers(0, 9))
def test_putting_sentences_back_as_they_were_changes_only_space(text: str, seed: int) -> None:
    chosen = chosen_sentences(text, Random(seed))
    assert len(chosen) == len(sentences(text)) // 2
    assert put_back(text, (), "") == text


def test_shares_and_lengths_are_checked() -> None:
    with pytest.raises(UserError, match="share=2"):
        chosen_sentences(TEXT, Random(0), share=2)
    with pytest.raises(UserError, match="1 texts of models, 0 mixed"):
        ordered_texts(["a b"], [], ["c d"])
