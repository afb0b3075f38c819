"""Rewards on what an agent's searches brought: relevant things early, and the right chunks named."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.rewards.search import HACKS, HONEST, OnSearch
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.ranking import f_beta, ndcg
from guerdon.text.chat_template import without_user_turns
from guerdon.text.search_trace import query_of
from guerdon.text.tags import extract_tag, tag_blocks
from guerdon.text.trajectory import Trajectory

_CHUNK = re.compile(r"<chunk[_ ](\d{1,18})>", re.IGNORECASE)


@register("reward")
@dataclass(frozen=True, repr=False)
class RetrievalNDCG(Reward):
    """How early a trajectory retrieved what is relevant: see :func:`guerdon.shaping.ranking.ndcg`.

    Columns ``retrieved`` (ids in order of arrival over the whole trajectory, written by the rollout, never by the policy) and
    ``relevant`` (the ids wanted). Irrelevant ids after the last relevant one cost nothing. Range [0, 1]. NaN with
    ``missing_data`` where a column holds no list; an empty list is 0. ``variant="official"`` counts repeated ids, so that the
    value is unbounded.

    Source: VRAG-RL 2025 (arXiv 2505.22019).

    >>> RetrievalNDCG().score(Batch(["", ""], retrieved=[["a"], ["b", "a"]], relevant=[["a"], ["a"]])).values.round(
    ...     4
    ... ).tolist()
    [1.0, 0.6309]
    """

    retrieved: str = column("retrieved", expects="the ids retrieved, in order of arrival")
    relevant: str = column("relevant", expects="the ids that are relevant")
    variant: str = "default"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def range(self) -> tuple[float, float]:
        return (0.0, math.inf if self.variant == "official" else 1.0)

    def _score(self, batch: Batch) -> Scores:
        values = np.full(len(batch), np.nan)
        notes: list[Note | None] = [None] * len(batch)
        for i, pair in enumerate(zip(self.read(batch, self.retrieved), self.read(batch, self.relevant), strict=True)):
            retrieved, relevant = map(_ids, pair)
            if retrieved is None or relevant is None:
                missing = self.retrieved if retrieved is None else self.relevant
                notes[i] = Note(Outcome.MISSING_DATA, f"no list in {missing}")
            else:
                values[i] = ndcg(retrieved, relevant, repeats=self.variant == "official")
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(Batch(["a", "b"], retrieved=[["d_1"], ["d_7", "d_2"]], relevant=[["d_1"], ["d_2", "d_3"]]))


def _ids(value: Any) -> list[Hashable] | None:
    """The ids of a column's value, numbers and texts as they are, anything else by its text."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, (list, tuple)):
        return None
    return [one if isinstance(one, (str, int)) else str(one) for one in value]


@register("reward")
@dataclass(frozen=True, repr=False)
class SearchPattern(OnSearch):
    """Whether a trajectory holds at least one search and an answer, in any order and with anything around: 1 or 0.

    The policy must have searched outside its thoughts and somebody else must have answered after that; ``returned=False`` asks
    for the search alone. Tool calls with a query are searches; a message of images alone needs a tool's role to be a return.
    Range [0, 1]; reads no column of its own; never NaN.

    ``variant="official"``: the decoded text, without user turns that begin and end within a line, holds a closed ``<search>``
    and a closed ``<answer>`` block.

    Source: VRAG-RL 2025 (arXiv 2505.22019), pattern reward.

    >>> from guerdon.rewards.search import trajectory
    >>> asked = trajectory("<search>a</search>", "found", "<answer>b</answer>")
    >>> SearchPattern().score(Batch([asked, "<search>a</search><answer>b</answer>"])).values.tolist()
    [1.0, 0.0]
    """

    returned: bool = field(default=True, kw_only=True)

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        if self.official:
            kept = map(without_user_turns, self.decoded(batch))
            valid = [bool(tag_blocks(text, "search") and tag_blocks(text, "answer")) for text in kept]
        else:
            valid = [self._holds(trace) for trace in self.trajectories(batch)]
        return Scores(np.array(valid, dtype=np.float64))

    def _holds(self, trace: Trajectory) -> bool:
        if trace.answer is None:
            return False
        searched = False
        for turn in trace:
            if turn.by_policy:
                searched = searched or bool(query_of(turn))
            elif searched:
                return True
        return searched and not self.returned

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class ChunkFBeta(Textual):
    """How well the chunks that a completion names fit the ones it should: F_beta of two sets of numbers.

    Chunks are marked ``<CHUNK_3>``, in any case, inside the last ``<useful_chunks>`` block; without one the value is 0. Range
    [0, 1]. Column ``gold_chunks`` (numbers). NaN with ``missing_data`` where it holds no list of numbers.

    Source: LongRLVR, as LongTraceRL 2026 (arXiv 2605.31584) releases it.

    >>> said = "<useful_chunks><CHUNK_1> <CHUNK_2> <chunk 3></useful_chunks>"
    >>> ChunkFBeta().score(Batch([said], gold_chunks=[[1, 3]])).values.round(4).tolist()
    [0.9091]
    """

    gold: str = column("gold_chunks", expects="the numbers of the right chunks")
    beta: float = 2.0

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.beta < math.inf:
            raise UserError(f"beta={self.beta} must be positive")

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros(len(batch))
        for i, (text, gold) in enumerate(zip(texts, self.read(batch, self.gold), strict=True)):
            wanted = _numbers(gold)
            if wanted is None:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no numbers in {self.gold}")
            elif notes[i] is None:
                named = extract_tag(text, "useful_chunks", strict=False)
                found = {int(number) for number in _CHUNK.findall(named or "")}
                values[i] = f_beta(found, wanted, beta=self.beta)
                notes[i] = Note(Outcome.MALFORMED, "no useful_chunks block") if named is None else None
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<useful_chunks><CHUNK_1><CHUNK_3></useful_chunks> So: 4", "<useful_chunks><CHUNK_2></useful_chunks> 5"],
            ["Which?", "How many?"],
            gold_chunks=[[1, 3], [2]],
        )
        stuffed = "<useful_chunks>" + "".join(f"<CHUNK_{i}>" for i in range(200)) + "</useful_chunks>"
        return Example(honest, {"empty": ["", ""], "all chunks": [stuffed] * 2, "no block": ["<CHUNK_1>", "<CHUNK_2>"]})


def _numbers(value: Any) -> set[int] | None:
    try:
        return None if isinstance(value, str) else {int(number) for number in value}
    except (TypeError, ValueError, OverflowError):
        return None
