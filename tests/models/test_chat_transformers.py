"""TransformersChat on a tiny random model: batches, seeds, limits, choices and log-probabilities against transformers itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats import TransformersChat
from guerdon.scores import Outcome
from tests.models.tiny_lm import save_tiny, tiny_model, tiny_tokenizer

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def asked(text: str = "What is two plus three?", **options: Any) -> ChatRequest:
    return ChatRequest(({"role": "user", "content": text},), **{"max_tokens": 12, **options})


def replies(described: TransformersChat, *requests: ChatRequest) -> list[ChatReply]:
    return asyncio.run(described.complete(requests))


def greedy(text: str, length: int) -> list[int]:
    """The tokens that the model alone says, without padding or cache."""
    said = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    ids = tiny_tokenizer()(said, add_special_tokens=False)["input_ids"]
    for _ in range(length):
        with torch.no_grad():
            ids.append(int(tiny_model()(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == tiny_tokenizer().eos_token_id:
            break
    return list(ids[-length:])


def test_greedy_replies_of_a_batch_are_those_of_each_alone(folder: str) -> None:
    texts = ["What is two?", "Which city is larger? Paris is the capital of France", "Yes", "No, maybe. " * 5]
    found = replies(TransformersChat(folder), *map(asked, texts))
    for text, reply in zip(texts, found, strict=True):
        assert reply.text == tiny_tokenizer().decode(greedy(text, 12), skip_special_tokens=True)
        assert reply.outcome is Outcome.TRUNCATED and reply.usage["tokens_out"] == 12
    small = replies(TransformersChat(folder, batch_tokens=1), *map(asked, texts))
    assert [reply.text for reply in small] == [reply.text for reply in found]


def test_limits_are_each_requests_own(folder: str) -> None:
    found = replies(
        TransformersChat(folder, max_tokens=5), asked(max_tokens=1), asked(max_tokens=9), asked(max_tokens=None)
    )
    assert [reply.usage["tokens_out"] for reply in found] == [1, 9, 5]
    assert found[1].text.startswith(found[0].text)
    assert [reply.outcome for reply in found] == [Outcome.SCORED, Outcome.TRUNCATED, Outcome.TRUNCATED]


def test_sampling_depends_on_the_seed_alone(folder: str) -> None:
    described = TransformersChat(folder)
    drawn = [asked(temperature=1.5, seed=7, sample=k) for k in range(6)]
    together = [reply.text for reply in replies(described, *drawn)]
    alone = [replies(described, asked("other", temperature=1.0), request)[1].text for request in drawn]
    assert together == alone and len(set(together)) == 6
    free = replies(described, *[asked(temperature=1.5)] * 4)
    assert len({reply.text for reply in free}) == 4


def test_draws_follow_the_softmax(folder: str) -> None:
    described = TransformersChat(folder, batch_tokens=2**20)
    drawn = [asked(temperature=2.0, sample=k, max_tokens=1, choices=("yes", "no")) for k in range(2000)]
    share = sum(reply.text.startswith("y") for reply in replies(described, *drawn)) / 2000
    said = "<|im_start|>user\nWhat is two plus three?<|im_end|>\n<|im_start|>assistant\n"
    ids = tiny_tokenizer()(said, add_special_tokens=False)["input_ids"]
    first = [tiny_tokenizer()(choice, add_special_tokens=False)["input_ids"][0] for choice in ("yes", "no")]
    with torch.no_grad():
        logits = tiny_model()(torch.tensor([ids])).logits[0, -1, first] / 2.0
    expected = float(logits.softmax(-1)[0])
    assert abs(share - expected) < 4 * (expected * (1 - expected) / 2000) ** 0.5 + 1e-3


def test_choices_are_kept_to(folder: str) -> None:
    choices = ("yes", "no", "maybe not", "maybe")
    found = replies(
        TransformersChat(folder),
        *(asked(f"question {i}", choices=choices, temperature=3.0, sample=i) for i in range(20)),
        asked(),
    )
    assert {reply.text for reply in found[:20]} <= set(choices) and len({reply.text for reply in found[:20]}) > 1
    assert all(reply.outcome is Outcome.SCORED for reply in found[:20])


def test_log_probabilities(folder: str) -> None:
    (reply,) = replies(TransformersChat(folder), asked(max_tokens=3, top_logprobs=4))
    said = "<|im_start|>user\nWhat is two plus three?<|im_end|>\n<|im_start|>assistant\n"
    ids = tiny_tokenizer()(said, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        values = tiny_model()(torch.tensor([ids])).logits[0, -1].log_softmax(-1).topk(4).values.tolist()
    assert reply.logprobs is not None and len(reply.logprobs) == 3
    assert sorted(reply.logprobs[0].values(), reverse=True) == pytest.approx(values, abs=1e-4)


def test_equal_requests_are_answered_once(folder: str) -> None:
    described = TransformersChat(folder)
    generator, seen = described.generator, []
    generated = generator.replies

    def counted(requests: Any, stopped: threading.Event) -> list[ChatReply]:
        seen.append(len(requests))
        return generated(requests, stopped)

    generator.replies = counted  # type: ignore[method-assign]
    try:
        found = replies(described, asked(), asked("Yes"), asked(), asked(temperature=1.0), asked(temperature=1.0))
    finally:
        del generator.replies
    assert seen == [4] and found[0] == found[2]
    assert replies(described) == []


def test_a_conversation_longer_than_the_context(folder: str) -> None:
    found = replies(TransformersChat(folder), asked("word " * 500), asked())
    assert found[0].outcome is Outcome.INSTRUMENT_ERROR and "256" in found[0].message
    assert found[1].text


def test_a_cancelled_caller_stops_the_model(folder: str) -> None:
    described = TransformersChat(folder, max_tokens=100_000)
    stopped = threading.Event()
    stopped.set()
    assert described.generator.replies([asked()], stopped)[0].outcome is Outcome.TIMED_OUT


def test_models_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        replies(TransformersChat(str(tmp_path)), asked())
    silent = save_tiny(tmp_path / "silent", template=None)
    with pytest.raises(UserError, match="no chat template"):
        replies(TransformersChat(silent), asked())
    for options in ({"model": ""}, {"dtype": "int3"}, {"max_tokens": 0}):
        with pytest.raises(UserError):
            TransformersChat(**{"model": "m", **options})  # type: ignore[arg-type]
