"""Rewards on the solution strategies inside one completion: how many differ in meaning, whether one is right, their form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.semantic import cosine_similarity
from guerdon.rewards.textual import Textual, Unreferenced, reference_texts
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.votes import mean_dissimilarity, unique_count
from guerdon.text.strategies import (
    completion_results,
    is_well_formed,
    same_outcome,
    strategy_blocks,
    strategy_final_answer,
    strategy_reasoning,
    strategy_result,
)
from guerdon.text.tags import tag_blocks

Variant = Literal["default", "official"]
SHORTEST = 10  # characters; strategies of no more say nothing that could be compared
MOST = 64  # strategies of one completion that are compared, the first ones
GOLD = "the gold answer, or a list of acceptable ones"
NO_VECTOR = Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")


class Diversity(NamedTuple):
    """Of one completion's strategies: how many say something new, and 1 - their mean cosine."""

    unique: int
    dissimilarity: float


def exploration_bonus(diversity: Diversity, *, rate: float = 0.1, cap: float = 0.5) -> float:
    """min(cap, rate * unique * dissimilarity); NaN where the dissimilarity is.

    Source: SD-E^2 (arXiv 2601.17982).

    >>> exploration_bonus(Diversity(2, 1.0)), exploration_bonus(Diversity(9, 1.0))
    (0.2, 0.5)
    """
    bonus = rate * diversity.unique * diversity.dissimilarity
    return bonus if math.isnan(bonus) else min(cap, bonus)


@dataclass(frozen=True, repr=False)
class OnStrategies(Textual):
    """What rewards on strategies share. ``variant="official"`` reads and compares as the released code does.

    The whole completion is read: strategies, with their ``<reasoning>``, are the thinking.
    """

    of: str = field(default="whole", kw_only=True)
    variant: Variant = field(default="default", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choices: default, official")

    @property
    def official(self) -> bool:
        """Whether the released code is followed."""
        return self.variant == "official"

    @classmethod
    def example(cls) -> Example:
        return EXAMPLE


@register("reward")
@dataclass(frozen=True, repr=False)
class StrategyDiversity(OnStrategies):
    """Exploration: pays for strategies that differ in meaning, as long as none is right.

    ``right`` if the outcome of some strategy is the gold answer, else min(cap, rate * U * D). D = 1 - mean_{i<j} cos(e_i, e_j) in
    [0, 1], 0 without strategies and 1 for one. U counts in order the strategies whose cosine with each one counted before is at
    most ``threshold``. Parts ``unique`` (U) and ``dissimilarity`` (D).

    ``compares="strategies"`` takes the ``<strategy>`` blocks by their reasoning, those of at most 10 characters dropped.
    ``"reasoning"`` takes every ``<reasoning>`` and ``<result>`` of the completion, pays nothing for fewer than two, counts a text
    as new if its cosine with *all earlier ones* is below the threshold, and lets D reach 2. At most 64 are compared.

    ``encoder`` None: texts equal up to case and blanks are alike, others not. Column ``answer``; None: the bonus never switches
    off. Range [0, max(right, cap)]. NaN with ``missing_data`` without a gold answer, with ``instrument_error`` where the encoder
    gives no vector.

    ``variant="official"``: outcomes are compared as strings (``"reasoning"``: as strings of their last number), a threshold of 0
    is 0.8, and without an encoder ``"reasoning"`` pays min(cap, 0.15 n) for n texts, alike or not.

    Source: SD-E^2 (arXiv 2601.17982), semantic exploration; ``"reasoning"``: the author's later CoRe.

    >>> said = "<strategy><reasoning>draw a bar model</reasoning></strategy><strategy><reasoning>let x be 3y</reasoning></strategy>"
    >>> StrategyDiversity(encoder=None).score(Batch([said], answer=["42"])).values.tolist()
    [0.2]
    """

    answer: str | None = column("answer", expects=GOLD)
    encoder: Encoder | None = field(default_factory=lambda: as_encoder("minilm"))
    threshold: float = 0.8
    right: float = 1.0
    rate: float = 0.1
    cap: float = 0.5
    compares: Literal["strategies", "reasoning"] = "strategies"

    subparts = ("unique", "dissimilarity")

    def __post_init__(self) -> None:
        if self.encoder is not None:
            object.__setattr__(self, "encoder", as_encoder(self.encoder))
        if self.compares not in ("strategies", "reasoning"):
            raise UserError(f"compares={self.compares!r} is unknown; choices: strategies, reasoning")
        for name in ("right", "rate", "cap"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)} must be a finite number of at least 0")
        super().__post_init__()

    @property
    def heavy(self) -> bool:  # type: ignore[override]
        return self.encoder is not None

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, max(self.right, self.cap)

    def diversities(self, samples: Sequence[Sequence[str]]) -> list[Diversity]:
        """Of each sample's strategies, all embedded in one call; a dissimilarity is NaN where a vector is missing."""
        kept = [self._texts(strategies) for strategies in samples]
        rows = {text: row for row, text in enumerate(dict.fromkeys(text for texts in kept for text in texts))}
        vectors = self._vectors(list(rows))
        found = []
        for given, texts in zip(samples, kept, strict=True):
            own = vectors[[rows[text] for text in texts]] if texts else np.zeros((0, 1))
            diversity = self._diversity(cosine_similarity(own[:, None, :], own[None, :, :]))
            found.append(diversity._replace(dissimilarity=1.0) if len(given) == 1 and not self._loose else diversity)
        return found

    def bonuses(
        self, samples: Sequence[Sequence[str]], outcomes: Sequence[Sequence[str]], golds: Sequence[Any]
    ) -> tuple[Floats, list[Diversity]]:
        """What each sample's strategies with these outcomes are worth, and how diverse they are."""
        found = self.diversities(samples)
        values = np.zeros(len(samples))
        for i, (given, said, gold) in enumerate(zip(samples, outcomes, golds, strict=True)):
            if self._loose and len(given) < 2:
                continue
            if any(self._is_right(outcome, accepted) for accepted in reference_texts(gold) for outcome in said):
                values[i] = self.right
            elif self._loose and self.official and self.encoder is None:
                values[i] = min(self.cap, 0.15 * len(given))
            else:
                values[i] = exploration_bonus(found[i], rate=self.rate, cap=self.cap)
        return values, found

    @property
    def _loose(self) -> bool:
        return self.compares == "reasoning"

    def _is_right(self, said: str, gold: str) -> bool:
        return same_outcome(
            said, gold, how=("number-string" if self._loose else "string") if self.official else "default"
        )

    def _diversity(self, similarity: Floats) -> Diversity:
        threshold = 0.8 if self.official and self.threshold == 0 else self.threshold
        if self._loose:
            unique = unique_count(similarity, threshold=threshold, against="earlier", inclusive=True)
            return Diversity(unique, mean_dissimilarity(similarity, clipped=False))
        unique = unique_count(similarity, threshold=threshold)
        return Diversity(unique, mean_dissimilarity(similarity, single=1.0))

    def _texts(self, strategies: Sequence[str]) -> list[str]:
        if self._loose:
            return [text.strip() for text in strategies[:MOST]]
        texts = map(strategy_reasoning, strategies[:MOST])
        return [text for text in texts if len(text) > SHORTEST]

    def _vectors(self, texts: Sequence[str]) -> Floats:
        if self.encoder is None:
            forms = {form: i for i, form in enumerate(dict.fromkeys(map(_form, texts)))}
            angles = [forms[_form(text)] for text in texts]
            return np.eye(len(forms))[angles] if texts else np.zeros((0, 1))
        if not texts:
            return np.zeros((0, 1))
        embedded = self.encoder.embed_with_info(list(texts))
        count("texts", len(texts))
        count("cache_hits", int(embedded.cached.sum()))
        return np.asarray(embedded.vectors, dtype=np.float64)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        if self._loose:
            samples = [[b.content for b in tag_blocks(text, "reasoning", strict=False)] for text in texts]
            outcomes = [completion_results(text) for text in texts]
        else:
            samples = [[block.content for block in strategy_blocks(text)] for text in texts]
            outcomes = [[strategy_result(block) for block in blocks] for blocks in samples]
        golds = self.read(batch, self.answer) if self.answer is not None else [None] * len(batch)
        values, found = self.bonuses(samples, outcomes, golds)
        for i in range(len(batch)):
            if self.answer is not None and not reference_texts(golds[i]):
                values[i], notes[i] = math.nan, Note(Outcome.MISSING_DATA, f"no {self.answer}")
            elif math.isnan(values[i]):
                notes[i] = NO_VECTOR
            elif notes[i] is None:
                notes[i] = Note(message=f"{len(samples[i])} strategies, {found[i].unique} different")
        parts = {
            "": values,
            "unique": np.array([d.unique for d in found], dtype=np.float64),
            "dissimilarity": np.array([d.dissimilarity for d in found], dtype=np.float64),
        }
        return Scores(values, parts=parts, notes={"": tuple(notes)})

    @classmethod
    def example_reward(cls) -> StrategyDiversity:
        return cls(encoder=CharNGramEncoder())


@register("reward")
@dataclass(frozen=True, repr=False)
class StrategyAnswer(OnStrategies):
    """Whether the completion's final answer is right, or with ``which="any"`` whether one of its strategies comes to it: 1 or 0.

    The final answer is the last ``<final_answer>``, else the last ``<result>``. Right: see
    :func:`guerdon.text.strategies.same_outcome`. Range [0, 1]. Column ``answer``. NaN with ``missing_data`` without a gold answer.

    ``variant="official"`` takes the first ``<final_answer>`` and every ``<result>``, and compares the last number of each, final
    answers within 1e-5.

    Source: SD-E^2 (arXiv 2601.17982), outcome and exploitation.

    >>> said = "<strategy><result>18</result></strategy><final_answer>12</final_answer>"
    >>> [StrategyAnswer(which).score(Batch([said], answer=["18"])).values.tolist() for which in ("final", "any")]
    [[0.0], [1.0]]
    """

    which: Literal["final", "any"] = "final"
    answer: str = column("answer", expects=GOLD)

    def __post_init__(self) -> None:
        if self.which not in ("final", "any"):
            raise UserError(f"which={self.which!r} is unknown; choices: final, any")
        super().__post_init__()

    def said(self, text: str) -> list[str]:
        """The answers of a completion that count."""
        if self.which == "final":
            return [strategy_final_answer(text, variant=self.variant)]
        if self.official:
            return completion_results(text)
        return [strategy_result(block.content) for block in strategy_blocks(text)]

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        how: Literal["default", "number", "number-string"] = "default"
        if self.official:
            how = "number" if self.which == "final" else "number-string"
        values = np.zeros(len(batch))
        for i, (text, gold) in enumerate(zip(texts, self.read(batch, self.answer), strict=True)):
            accepted, said = reference_texts(gold), self.said(text)
            if not accepted:
                values[i], notes[i] = math.nan, Note(Outcome.MISSING_DATA, f"no {self.answer}")
            elif notes[i] is None:
                hits = [one for one in said if any(same_outcome(one, right, how=how) for right in accepted)]
                values[i] = bool(hits)
                notes[i] = Note(answer=(hits or said or [""])[-1])
        return Scores(values, notes={"": tuple(notes)})


@register("reward")
@dataclass(frozen=True, repr=False)
class StrategyForm(OnStrategies, Unreferenced):
    """How much of the strategy form is there: min(cap, per_strategy * n + final * [final answer] + complete * [all of it]).

    n counts strategies that are well formed (see :func:`guerdon.text.strategies.is_well_formed`) and whose reasoning is new, so
    that neither empty nor repeated blocks pay; complete means a final answer and nothing but well-formed strategies, at least
    one. Range [0, cap]. Reads no column. ``variant="official"`` counts every well-formed block and an empty final answer too.

    Source: SD-E^2 (arXiv 2601.17982), format terms; cap and completeness are our design.

    >>> StrategyForm().score(Batch(["<final_answer>12</final_answer>"])).values.tolist()
    [0.3]
    """

    per_strategy: float = 0.2
    final: float = 0.3
    complete: float = 0.1
    cap: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return 0.0, self.cap

    def _values(self, texts: Sequence[str]) -> Floats:
        return np.array([self._worth(text) for text in texts], dtype=np.float64)

    def _worth(self, text: str) -> float:
        blocks = strategy_blocks(text)
        formed = [strategy_reasoning(block.content) for block in blocks if is_well_formed(block)]
        n = len(formed) if self.official else len({_form(said) for said in formed} - {""})
        finals = [
            b.content for b in tag_blocks(text, "final_answer", strict=False) if self.official or b.content.strip()
        ]
        whole = bool(finals) and 0 < n == len(blocks)
        return min(self.cap, self.per_strategy * n + self.final * bool(finals) + self.complete * whole)


def _form(text: str) -> str:
    return " ".join(text.lower().split())


def _written(*strategies: tuple[str, str], final: str) -> str:
    said = (
        f'<strategy id="{k}"><approach>way {k}</approach><reasoning>{how}</reasoning><result>{result}</result></strategy>'
        for k, (how, result) in enumerate(strategies, 1)
    )
    return "\n".join(said) + f"\n<final_answer>{final}</final_answer>"


HONEST = _written(
    ("Add 9 and 9 on the number line.", "18"),
    ("Two groups of nine counters make eighteen.", "18"),
    ("Half of thirty-six is the same amount.", "18"),
    final="18",
)
EXAMPLE = Example(
    Batch([HONEST], ["How much is 9 + 9?"], answer=["18"]),
    {
        "empty": [""],
        "question": ["How much is 9 + 9?"],
        "one strategy in other words": [_written(*[("Add 9 and 9 on the number line.", "17")] * 6, final="17")],
        "tag stuffing": ['<strategy id="1"></strategy>' * 50 + "<final_answer></final_answer>"],
        "answer shopping": [_written(*[(f"Try the number {n} here.", str(n)) for n in range(10)], final="1 or 18")],
        "keyword soup": ["strategy reasoning result 18 final answer 18"],
        "thoughts": [f"<think>{HONEST}</think>"],
    },
)
