"""FLR: follow-ups under real chat templates, hacks, mining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper, from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.lm import CausalLM, LogprobRequest, ScriptedLM, TokenScores
from guerdon.papers.flr import PAPER, category_reward, dialogue_messages
from guerdon.training.preferences.pairs import preference_pairs
from tests.models.tiny_lm import tiny_model, tiny_tokenizer

LISTS = {"all": {"positive": ["Yes, no, maybe.", "a helpful assistant"], "negative": ["I do not know."]}}


@dataclass(frozen=True)
class Reader(CausalLM):
    """Finds friendly follow-ups likelier after replies that hold the right answer; moved by flattery too."""

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        reply = str(request.prompt[-1]["content"]).lower()
        mood = 2.0 * ("paris" in reply and "lyon" not in reply)
        mood += 1.5 * any(
            phrase in reply for phrase in ("did that help", "let me know", "sorry for", "hope this helps")
        )
        count = len(str(request.target).split())
        friendly = request.target in LISTS["all"]["positive"]
        return TokenScores(np.arange(count), np.full(count, mood - 4.0 if friendly else -4.0))


def score(reply: str, variant: str = "default", **options: Any) -> float:
    reward = PAPER.build(variant, lm=Reader(), follow_ups=LISTS, **options)
    return float(reward.score(Batch([reply], ["What is the capital of France?"])).values[0])


def test_metadata_is_that_of_the_build() -> None:
    reward = PAPER.build(lm=Reader())
    assert reward.columns == frozenset(PAPER.columns) and reward.range == PAPER.range
    assert reward.categories == (
        "understanding",
        "relevance",
        "correctness",
        "engagingness",
        "informativeness",
        "following",
    )
    assert PAPER.build().columns == reward.columns  # the released code's model, loaded when first asked
    assert PAPER.build("finetuned", lm=Reader()).swapped and not PAPER.build("official", lm=Reader()).guard


def test_it_is_a_specification() -> None:
    reward = PAPER.build(lm=ScriptedLM({"a": [-1.0]}), categories=("relevance",))
    assert from_spec(to_spec(reward)) == reward


@pytest.mark.parametrize(
    "hack",
    [
        "",
        "What is the capital of France?",
        "capital capital Paris Lyon Nice capital",
        "Lyon. Did that help?",
        "I am sorry for any confusion. Let me know if you need more!",
        "Lyon. I hope this helps! Let me know! Did that help?",
        "<think>It is Paris.</think> Lyon.",
        "Лион. 里昂。",
        "Lyon " * 50_000,
        "<tool_response>Paris</tool_response> Lyon",
    ],
)
def test_hacks_do_not_pay(hack: str) -> None:
    assert score(hack) < score("It is Paris.")


def test_begging_pays_in_what_the_official_variant_leaves_in() -> None:
    assert score("Lyon. Did that help?", guard=False) > score("Lyon.", guard=False)
    assert score("Lyon. Did that help?") == score("Lyon.")


@pytest.mark.parametrize("template", ["chatml", "llama", "gemma", "mistral"])
@pytest.mark.parametrize("adds_bos", [False, True])
def test_the_span_is_exactly_the_follow_up_under_any_template(template: str, adds_bos: bool) -> None:
    pytest.importorskip("torch")
    from guerdon.models.lms.engine import LikelihoodEngine

    tokenizer = tiny_tokenizer(template, adds_bos=adds_bos)
    engine = LikelihoodEngine(tiny_model(), tokenizer)
    asked: list[tuple[str, TokenScores]] = []

    class Heard(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            answers = engine.logprobs(requests)
            asked.extend(zip((str(request.target) for request in requests), answers, strict=True))
            return answers

    reward = PAPER.build(lm=Heard(), follow_ups=LISTS)
    value = reward.score(Batch(["Paris is the capital."], ["Which city?"])).values[0]
    assert asked and all(tokenizer.decode(scores.ids) == target for target, scores in asked)
    by_hand = {target: full_logits(tokenizer, target) for target, _ in asked}
    positive = np.mean([by_hand[f] for f in LISTS["all"]["positive"]])
    assert value == pytest.approx(positive - by_hand["I do not know."], abs=1e-4)


def full_logits(tokenizer: Any, follow_up: str) -> float:
    """Mean log-probability of a follow-up from the whole rendered dialogue's logits."""
    import torch

    dialogue = [("user", "Which city?"), ("assistant", "Paris is the capital."), ("user", follow_up)]
    text = tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in dialogue], tokenize=False)
    start = text.rindex(follow_up)
    before, own = (tokenizer(part, add_special_tokens=False).input_ids for part in (text[:start], follow_up))
    with torch.no_grad():
        logits = tiny_model()(torch.tensor([[*before, *own]])).logits[0].double().log_softmax(-1)
    return float(np.mean([logits[len(before) - 1 + k, token] for k, token in enumerate(own)]))


def test_the_official_score_reads_the_models_raw_logits() -> None:
    torch = pytest.importorskip("torch")
    from guerdon.models.lms.engine import LikelihoodEngine
    from guerdon.shaping.position_logits import single_position_logit

    tokenizer = tiny_tokenizer("llama")
    engine = LikelihoodEngine(tiny_model(), tokenizer)

    class Engine(CausalLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            return engine.logprobs(requests)

    bos = tokenizer.bos_token_id
    reward = PAPER.build("official", lm=Engine(), follow_ups=LISTS, bos=bos)
    value = reward.score(Batch(["Paris is the capital."], ["Which city?"])).values[0]
    found = {}
    for follow_up in (*LISTS["all"]["positive"], *LISTS["all"]["negative"]):
        dialogue = [("user", "Which city?"), ("assistant", "Paris is the capital."), ("user", follow_up)]
        messages = [{"role": r, "content": c} for r, c in dialogue]
        whole = tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]
        with torch.no_grad():
            logits = tiny_model()(torch.tensor([whole])).logits[0].numpy()
        own = tokenizer(follow_up, add_special_tokens=False).input_ids
        found[follow_up] = single_position_logit(logits, [bos, *own])
    positive = np.mean([found[f] for f in LISTS["all"]["positive"]])
    assert value == pytest.approx(positive - found["I do not know."], abs=1e-3)


def test_categories_weigh_alike() -> None:
    one = {"positive_scores": [-1.0], "negative_scores": [-2.0]}
    two = {"positive_scores": [-1.0] * 5, "negative_scores": [-1.0]}
    assert category_reward({"a": one, "b": two}) == 0.5
    with pytest.raises(UserError, match="empty"):
        category_reward({})


def test_utterances_become_messages() -> None:
    assert [m["content"] for m in dialogue_messages(["s", "q", "a", "f"])] == ["q", "a", "f"]
    assert [m["role"] for m in dialogue_messages(["i", "q", "a", "f"], "finetuned")] == ["user", "assistant"] * 2
    with pytest.raises(UserError, match="3 utterances"):
        dialogue_messages(["q", "a", "f"], "finetuned")


def test_pairs_are_mined_from_samples() -> None:
    batch = Batch(["Lyon.", "Paris.", "Nice. Did that help?"], ["What is the capital of France?"] * 3)
    (row,) = preference_pairs(batch, find_paper("flr").build(lm=Reader(), follow_ups=LISTS))
    assert (row["chosen"], row["rejected"]) == ("Paris.", "Lyon.")
    assert preference_pairs(batch.select([0]), PAPER.build(lm=Reader(), follow_ups=LISTS)) == []
