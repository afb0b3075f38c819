"""CDRRM: rules from a diagnosis of each answer survive where length no longer goes with quality; rules that repeat can go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from claims.claim import Claim
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.judge import Comparison
from guerdon.models.protocols.rubric_comparison import RubricComparison
from guerdon.papers.cdrrm import build
from guerdon.rubric import Rubric
from guerdon.rubrics import Contrastive, Example, Method, generated
from guerdon.shaping.criteria import pair_accuracy, pruned

PAIRS = 60
CAUSE, LENGTH = "The response cites a source.", "The response is long."


def example(seed: int, k: int, *, reversed_length: bool) -> Example:
    """The chosen answer cites a source, the other does not; it is the longer one, in the reversed split the shorter one."""
    filler = " and so on" * int(np.random.default_rng((seed, k)).integers(5, 30))
    cited, bare = f"It is so [source {k}]", f"It is so ({k})"
    texts = (cited, bare + filler) if reversed_length else (cited + filler, bare)
    return Example(f"Is it so {k}?", texts, (1.0, 2.0))


@dataclass(frozen=True)
class Writer(ChatModel):
    """A model that looks at the surface, length before content; asked about one answer alone it can only say what is in it."""

    seed: int
    noise: float = 0.0

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(self._reply(request.text)) for request in requests]

    def _reply(self, asked: str) -> str:
        if "<<<FINDINGS A" in asked:
            wrong = np.random.default_rng([self.seed, crc32(asked.encode())]).random() < self.noise
            rule = {"rule_id": "r", "type": "must", "criterion": LENGTH if wrong else CAUSE, "test": "look"}
            return json.dumps({"hard_rules": [rule], "principles": []})
        if "<<<RESPONSE" in asked:
            cites = "[source" in asked.partition("<<<RESPONSE")[2]
            finding = {"criterion": "factual accuracy", "claim": "cites" if cites else "does not cite", "severity": 2}
            finding |= {"status": "pass" if cites else "fail", "evidence": "It is so", "instruction_anchor": "Is it so"}
            return json.dumps({"findings": [finding]})
        preferred = asked.partition("<<<PREFERRED")[2].partition("<<<REJECTED")
        longer = len(preferred[0]) > len(preferred[2].partition("\n\n")[0]) + 20
        return f"1. {LENGTH if longer else CAUSE} [Hard Rule]"


@dataclass(frozen=True)
class Judge(ChatModel):
    """Goes by the rules: sources where they ask for them, else length."""

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        return [ChatReply(self.winner(request.text)) for request in requests]

    def winner(self, asked: str) -> str:
        """The verdict line."""
        rules, _, answers = asked.partition("<<<RESPONSE A")
        first, _, second = answers.partition("<<<RESPONSE B")
        better = "[source" in first if CAUSE in rules else len(first) > len(second)
        return f"Winner: Response {'A' if better else 'B'}"


def _reversed_accuracy(seed: int, method: Method, *, noise: float = 0.0) -> float:
    """How often the judge finds the cited answer on the split where it is the shorter one, by rubrics made on the other split."""
    pairs = [example(seed, k, reversed_length=False) for k in range(PAIRS)]
    made = generated(pairs, method, chat=Writer(seed, noise), judge=Judge())
    kept = [one.rubric for _, one in made if one.status == "kept" and one.rubric is not None]
    right = [_right(rubric, example(seed, PAIRS + k, reversed_length=True)) for k, rubric in enumerate(kept)]
    return float(np.mean(right)) if right else 0.0


def _right(rubric: Rubric, pair: Example) -> bool:
    asked = RubricComparison(rubric).ask(Comparison(pair.prompt, pair.chosen, pair.rejected))
    return Judge().winner(asked.text).endswith("A")


def _one_step_and_two(seed: int) -> tuple[float, float]:
    return _reversed_accuracy(seed, build()), _reversed_accuracy(seed, Contrastive(leaks=True))


def _pruned_and_whole(seed: int) -> tuple[float, float]:
    """Accuracy on new pairs of a rubric of 8 rules, 5 of them copies or noise, before and after pruning on other pairs."""
    rng = np.random.default_rng(seed)

    def verdicts(n: int) -> tuple[Any, Any]:
        sides = [rng.random((n, 3)) < rate for rate in (0.8, 0.35)]
        wide = [np.concatenate([s, s[:, :2], rng.random((n, 3)) < 0.5], axis=1).astype(float) for s in sides]
        return wide[0], wide[1]

    kept = pruned(*verdicts(300), tolerance=0.005).kept
    chosen, rejected = verdicts(1_000)
    return pair_accuracy(chosen[:, kept], rejected[:, kept]), pair_accuracy(chosen, rejected)


CLAIMS = (
    Claim(
        paper="cdrrm",
        says="Rules synthesised from separate diagnoses hold where length no longer goes with quality, rules of one step do not",
        measure="accuracy where the better answer is the shorter one",
        ours="diagnose, then synthesise",
        baseline="one step",
        run=_one_step_and_two,
        seeds=5,
    ),
    Claim(
        paper="cdrrm",
        says="Rules that repeat others or say nothing can be pruned without loss",
        measure="accuracy on new pairs, 5 of 8 rules redundant",
        ours="pruned rubric",
        baseline="whole rubric",
        run=_pruned_and_whole,
        seeds=20,
    ),
)
