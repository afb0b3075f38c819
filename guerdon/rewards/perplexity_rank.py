"""PerplexityRank: completions of one prompt ranked by how well their reasoning lets a model expect the reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, as_lm
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.rewards.likelihood import EXAMPLE, EXAMPLE_HACKS, asked, fault_of
from guerdon.rewards.textual import reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.likelihood import FLOOR, perplexity, perplexity_rank
from guerdon.shaping.pairwise import dominance_share
from guerdon.text.answer_splice import splice_reference
from guerdon.text.tags import extract_tag

#: Above this a perplexity counts as infinite: the largest number of single precision.
LARGEST = 3.4028234663852886e38


@dataclass(frozen=True)
class _Judged:
    """One completion: its perplexity (NaN: none), the words of its thought, and what to note."""

    perplexity: float = math.nan
    length: int = 0
    note: Note | None = None


@register("reward")
@dataclass(frozen=True, repr=False)
class PerplexityRank(Reward):
    r"""(n - k) / n for the completion whose thought gives the reference the k-th lowest perplexity of its group, k from 0.

    Only completions that are a thought and an answer and nothing else are ranked, n of them; others, and those under which the
    reference is impossible, get 0. The perplexity is of ``\n<answer>\nREFERENCE\n</answer>`` after the thought, with its exponent
    divided by max(1, 1 + log10 m), m the words of the thought, unless ``forgiving`` is off. Equal perplexities share the mean of
    their ranks; with ``ties_by="order"``, as released, the first one wins.

    Part ``efficiency``: share of the other ranked completions that are beaten in both perplexity and length; part ``perplexity``.
    Range [0, 1]. Column ``reference`` (a list: the first counts). Tied to the group. NaN without a reference, and where the model
    gave no numbers.

    Source: NOVER 2025 (arXiv 2505.16022), released code, with words for the proxy's tokens.

    >>> lm = ScriptedLM(
    ...     {
    ...         "\n<answer>\n4\n</answer>": [-1.0],
    ...         "<think>\ntwo and two\n</think>\n": {"\n<answer>\n4\n</answer>": [-0.1]},
    ...     }
    ... )
    >>> said = ["<think>two and two</think><answer>4</answer>", "<think>no idea at all</think><answer>5</answer>", "4"]
    >>> scores = PerplexityRank(lm).score(Batch(said, ["2+2?"] * 3, reference=["4"] * 3))
    >>> scores.values.tolist(), scores.parts["perplexity_rank/efficiency"].tolist()
    ([1.0, 0.5, 0.0], [1.0, 0.0, 0.0])
    """

    lm: CausalLM
    reference: str = column("reference", expects="the reference answer, or a list of acceptable ones")
    forgiving: bool = field(default=True, kw_only=True)
    ties_by: str = field(default="mean", kw_only=True)

    bounds = (0.0, 1.0)
    ties = "group"
    subparts = ("efficiency", "perplexity")
    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", as_lm(self.lm))
        super().__post_init__()
        if self.ties_by not in ("mean", "order"):
            raise UserError(f"ties_by={self.ties_by!r} is unknown; {closest(self.ties_by, ('mean', 'order'))}")

    @cached_property
    def needs_policy(self) -> bool:
        """Whether ``lm`` is the policy."""
        return isinstance(self.lm, PolicyLM)

    def _score(self, batch: Batch) -> Scores:
        judged = self._judged(batch)
        ranked = np.array([each.perplexity for each in judged], dtype=np.float64)
        lengths = np.where(np.isnan(ranked), np.nan, np.array([each.length for each in judged], dtype=np.float64))
        ranks = perplexity_rank(ranked, batch.groups, ties=cast(Literal["mean", "order"], self.ties_by))
        beaten = dominance_share(np.stack([-lengths, -ranked]), batch.groups)
        unscored = np.array([bool(each.note) and cast(Note, each.note).outcome.unscored for each in judged], dtype=bool)
        values, efficiency = (np.where(unscored, np.nan, np.nan_to_num(part)) for part in (ranks, beaten))
        return Scores(
            values,
            parts={"efficiency": efficiency, "perplexity": ranked},
            notes={"": tuple(each.note for each in judged)},
        )

    def _judged(self, batch: Batch) -> list[_Judged]:
        judged: list[_Judged] = []
        requests: dict[int, LogprobRequest] = {}
        for i, (text, value) in enumerate(zip(batch.texts("whole"), self.read(batch, self.reference), strict=True)):
            references = reference_texts(value)
            if not references:
                judged.append(_Judged(note=Note(Outcome.MISSING_DATA, f"no {self.reference}")))
                continue
            splice = splice_reference(text or "", references[0], "block")
            if not splice.place:
                judged.append(_Judged(note=Note(Outcome.MALFORMED, "more or less than a thought and an answer")))
                continue
            judged.append(_Judged(length=len((extract_tag(text or "", "think", which="first") or "").split())))
            prompt = "" if batch.prompts is None else batch.prompts[i]
            requests[i] = LogprobRequest(prompt, splice.target, splice.prefix)
        for i, scores in zip(requests, asked(self.lm, list(requests.values())), strict=True):
            length = judged[i].length
            if scores.outcome.unscored or not len(scores) or np.isnan(scores.logprobs).any():
                judged[i] = _Judged(note=fault_of(scores))
                continue
            forgiven = length if self.forgiving else 0
            found = perplexity(np.maximum(scores.logprobs, FLOOR), reasoning_tokens=forgiven, largest=LARGEST)
            note = (
                Note(Outcome.MALFORMED, "the reference is impossible after this thought") if math.isnan(found) else None
            )
            judged[i] = _Judged(found, length, note=note)
        return judged

    @classmethod
    def example_reward(cls) -> PerplexityRank:
        return cls(ScriptedLM(_EXAMPLE_TABLE))

    @classmethod
    def example(cls) -> Example:
        return Example(
            EXAMPLE.select([0, 0, 1, 1]),
            {hack: [said[i] for i in (0, 0, 1, 1)] for hack, said in EXAMPLE_HACKS.items()},
        )


_EXAMPLE_TABLE = {"\n<answer>\n4\n</answer>": [-0.2], "\n<answer>\n3\n</answer>": [-0.3]}
