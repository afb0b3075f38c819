"""FLR: a language model that has seen how users react finds the pairs that make a policy better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular
from guerdon import Batch, find_paper
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.models.lms.engine import LikelihoodEngine
from guerdon.shaping.calibration import auroc
from guerdon.training.losses.direct_preference import dpo_loss
from guerdon.training.preferences.pairs import preference_pairs

QUESTIONS, ANSWERS, SAMPLES = 8, 4, 6
REACTIONS = {
    "positive": ("yes that is right", "thanks it works"),
    "negative": ("no that is wrong", "sorry it fails"),
}
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)


@dataclass(frozen=True)
class Listener(CausalLM):
    """A small transformer that has read dialogues whose users react to right and wrong answers, one time in ten the wrong way."""

    seed: int

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return _trained(self.seed).logprobs(requests)


@lru_cache(maxsize=16)
def _trained(seed: int) -> LikelihoodEngine:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    rng = np.random.default_rng(seed)
    words = [*(f"q{k}" for k in range(QUESTIONS)), *(f"a{k}" for k in range(ANSWERS))]
    said = sorted({word for kind in REACTIONS.values() for utterance in kind for word in utterance.split()})
    vocabulary = ["<pad>", "<end>", "<unk>", "user", "assistant", *words, *said]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=raw, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
    tokenizer.chat_template = TEMPLATE
    dialogues = []
    for _ in range(1024):
        question, answer = int(rng.integers(QUESTIONS)), int(rng.integers(ANSWERS))
        pleased = (answer == _right(seed)[question]) != (rng.random() < 0.1)
        reaction = REACTIONS["positive" if pleased else "negative"][int(rng.integers(2))]
        turns = zip(("user", "assistant", "user"), (f"q{question}", f"a{answer}", reaction), strict=True)
        dialogues.append(tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in turns], tokenize=False))
    ids = tokenizer(dialogues, return_tensors="pt", padding=True, padding_side="right").input_ids
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        shape = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4}
        model: Any = LlamaForCausalLM(LlamaConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **shape))
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        for _ in range(12):
            for rows in torch.randperm(len(ids)).split(64):
                batch = ids[rows]
                loss = model(input_ids=batch, labels=batch.masked_fill(batch == 0, -100)).loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return LikelihoodEngine(model.eval().requires_grad_(False), tokenizer, cache_bytes=0)


def _right(seed: int) -> list[int]:
    """The right answer to each question."""
    return np.random.default_rng((seed, 1)).integers(ANSWERS, size=QUESTIONS).tolist()


def _every_reply() -> Batch:
    questions = [f"q{q}" for q in range(QUESTIONS) for _ in range(ANSWERS)]
    return Batch([f"a{a}" for _ in range(QUESTIONS) for a in range(ANSWERS)], questions)


def _follow_ups(seed: int, variant: str = "default") -> Any:
    return find_paper("flr").build(variant, lm=Listener(seed), follow_ups={"correctness": REACTIONS})


def _own_likelihood(seed: int, batch: Batch) -> np.ndarray[Any, np.dtype[np.float64]]:
    requests = [
        LogprobRequest([{"role": "user", "content": prompt}], str(reply))
        for prompt, reply in zip(batch.prompt_texts, batch.completions, strict=True)
    ]
    return np.array([scores.logprobs.mean() for scores in Listener(seed).logprobs(requests)])


def _accuracy_after_dpo(seed: int, scores: Any) -> float:
    """How often a policy that begins with dominant wrong answers is right after DPO on pairs of its own samples."""
    import torch

    rng = np.random.default_rng((seed, 2))
    policy = Tabular([[f"a{a}" for a in range(ANSWERS)]] * QUESTIONS, rng.normal(size=(QUESTIONS, ANSWERS)))
    picked = policy.sample(SAMPLES, rng)
    rows = (np.arange(QUESTIONS)[:, None] * ANSWERS + picked).ravel()
    pairs = preference_pairs(_every_reply().select(rows), np.asarray(scores)[rows])
    at = torch.tensor([[int(row["prompt"][1:]), int(row["chosen"][1:]), int(row["rejected"][1:])] for row in pairs])
    start = torch.tensor(policy.logits)
    logits = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        gain = logits.log_softmax(1) - start.log_softmax(1)
        loss = dpo_loss(gain[at[:, 0], at[:, 1]], gain[at[:, 0], at[:, 2]], beta=0.1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(logits.detach().softmax(1)[torch.arange(QUESTIONS), torch.tensor(_right(seed))].mean())


def _mined(seed: int) -> tuple[float, float]:
    batch = _every_reply()
    ours = _follow_ups(seed).score(batch).values
    return _accuracy_after_dpo(seed, ours), _accuracy_after_dpo(seed, _own_likelihood(seed, batch))


def _pair_accuracy(seed: int, values: Any) -> float:
    """How often the right answer is worth more than a wrong one to the same question."""
    batch = _every_reply()
    right = np.array([int(str(reply)[1:]) for reply in batch.completions]) == np.repeat(_right(seed), ANSWERS)
    scores = np.asarray(values).reshape(QUESTIONS, ANSWERS)
    return float(np.mean([auroc(row, mark) for row, mark in zip(scores, right.reshape(scores.shape), strict=True)]))


def _ranked(seed: int) -> tuple[float, float]:
    batch = _every_reply()
    ours, released = (_follow_ups(seed, variant).score(batch).values for variant in ("default", "official"))
    return _pair_accuracy(seed, ours), _pair_accuracy(seed, released)


CLAIMS = (
    Claim(
        paper="flr",
        says="Pairs mined by the likelihood of the user's reaction make a policy right; the replies' own likelihood does not",
        measure="accuracy of the policy after DPO",
        ours="follow-up likelihood",
        baseline="likelihood of the reply",
        run=_mined,
        seeds=10,
    ),
    Claim(
        paper="flr",
        says="The follow-up's mean log-likelihood ranks replies better than the released code's raw logits at one position",
        measure="share of pairs ranked right",
        ours="mean log-likelihood",
        baseline="logits at one position",
        run=_ranked,
        seeds=10,
    ),
)
