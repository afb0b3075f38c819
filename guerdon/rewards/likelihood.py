"""Likelihood: how likely a language model finds the reference answer after the completion's reasoning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, cast

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, as_lm
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.rewards.policy_terms import PolicyTerm
from guerdon.rewards.textual import reference_texts
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.groups import Bools
from guerdon.shaping.likelihood import AGGREGATES, FLOOR, Aggregate, likelihood_slope, sequence_likelihood
from guerdon.text.answer_splice import SPLICINGS, Splice, Splicing, splice_reference


def asked(lm: CausalLM, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
    """Token scores of every request in order, equal requests put to the model once.

    >>> [each.logprobs.tolist() for each in asked(ScriptedLM({"4": [-0.5]}), [LogprobRequest("2+2?", "4")] * 2)]
    [[-0.5], [-0.5]]
    """
    rows: dict[LogprobRequest, int] = {}
    places = [rows.setdefault(request, len(rows)) for request in requests]
    found = lm.logprobs(list(rows)) if rows else []
    count("lm_requests", len(rows))
    return [found[place] for place in places]


@register("reward")
@dataclass(frozen=True, repr=False)
class Likelihood(Reward):
    r"""How likely ``lm`` finds the reference in place of the completion's answer, after its reasoning. The answer is not read.

    With l_t the log-probabilities of the reference's tokens, ``aggregate`` is ``"sum"`` (sum l_t, learns short and long
    references), ``"mean"``, ``"prob"`` (exp(sum l_t), next to 0 for long ones), ``"mean_prob"`` (mean of exp(l_t)) or
    ``"exp_mean"``; an impossible token counts -10000. Range (-inf, 0], for the last three [0, 1].

    ``lm`` is a description or ``"policy"``. ``splice`` says where the reference is put: ``"tag"``, ``"answer"`` (RLPR), ``"boxed"``
    (VeriFree) or ``"block"`` (NOVER), see :func:`guerdon.text.answer_splice.splice_reference`. A completion without the place gets
    it appended, for ``"boxed"`` and ``"block"`` it gets the lowest value: 0, or -10000 for sum and mean.

    ``contrast`` subtracts the same number for the reference without any reasoning, or, where ``baseline`` names a column, the
    number there, computed once before training; range [-1, 1] or unbounded. Of the policy's gradient it takes no part.

    Columns ``reference`` (a list: the likeliest counts), ``baseline`` and ``truncated`` where they are named: what was cut short
    gets the lowest value. NaN without a reference, and with the model's outcome where it gave no numbers.

    Source: Kwiatkowski et al. 2026 (arXiv 2602.03979).

    >>> lm = ScriptedLM({"4": [-3.0], "2+2?": {"two and two<answer>": {"4": [-0.5]}}})
    >>> batch = Batch(["two and two<answer>5</answer>", "no idea"], ["2+2?", "2+2?"], reference=["4", "4"])
    >>> Likelihood(lm).score(batch).values.tolist(), Likelihood(lm, contrast=True).score(batch).values.tolist()
    ([-0.5, -3.0], [2.5, 0.0])
    """

    lm: CausalLM
    aggregate: str = "sum"
    splice: str = "tag"
    contrast: bool = False
    reference: str = column("reference", expects="the reference answer, or a list of acceptable ones")
    baseline: str | None = column(None, expects="the score of the reference without reasoning")
    truncated: str | None = column(None, expects="whether the completion was cut short")
    temperature: float = field(default=1.0, kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", as_lm(self.lm))
        super().__post_init__()
        for name, choices in (("aggregate", AGGREGATES), ("splice", SPLICINGS)):
            if getattr(self, name) not in choices:
                raise UserError(
                    f"{name}={getattr(self, name)!r} is unknown; {closest(str(getattr(self, name)), choices)}"
                )
        if not self.temperature > 0:
            raise UserError(f"temperature={self.temperature} must be above 0")
        if self.contrast and self.baseline:
            raise UserError(
                f"contrast=True asks the model for what column baseline={self.baseline!r} holds; give one of them"
            )

    @property
    def range(self) -> tuple[float, float]:
        contrasted = self.contrast or self.baseline is not None
        if self.aggregate in ("sum", "mean"):
            return (-math.inf, math.inf if contrasted else 0.0)
        return (-1.0 if contrasted else 0.0, 1.0)

    @cached_property
    def needs_policy(self) -> bool:
        """Whether ``lm`` is the policy."""
        return isinstance(self.lm, PolicyLM)

    @property
    def worst(self) -> float:
        """What a completion without a place for the reference is worth."""
        return FLOOR if self.aggregate in ("sum", "mean") else 0.0

    def _score(self, batch: Batch) -> Scores:
        places, notes = self._places(batch)
        bare = [[self._spliced("", each) for each in self._references(batch, i)] for i in range(len(batch))]
        found = self._likelihoods(batch, places + bare if self.contrast else places)
        bases = found[len(batch) :] or self._given(batch)
        values = np.full(len(batch), np.nan)
        for i, ((value, fault), (base, base_fault)) in enumerate(zip(found[: len(batch)], bases, strict=True)):
            note = notes[i]
            if note is not None and not note.outcome.unscored and not places[i]:
                value, fault = self.worst, None
            values[i] = value - base
            notes[i] = fault or (base_fault if note is None or not note.outcome.unscored else note) or note
        return Scores(values, notes={"": tuple(notes)})

    def _likelihoods(self, batch: Batch, rows: Sequence[Sequence[Splice]]) -> list[tuple[float, Note | None]]:
        """The value of the likeliest splice of each row, NaN and why where there is none; row i is of sample i modulo N."""
        requests = [self._request(batch, i % len(batch), splice) for i, row in enumerate(rows) for splice in row]
        answers = iter(asked(self.lm, requests))
        found: list[tuple[float, Note | None]] = []
        for row in rows:
            scored = [(next(answers), splice.lead) for splice in row]
            values = [value for each in scored if not math.isnan(value := _value(*each, self.aggregate))]
            found.append((max(values), None) if values else (math.nan, fault_of(scored[0][0]) if scored else None))
        return found

    def _given(self, batch: Batch) -> list[tuple[float, Note | None]]:
        """What the column of baselines says, 0 without one."""
        if self.baseline is None:
            return [(0.0, None)] * len(batch)
        numbers = [_number(value) for value in self.read(batch, self.baseline)]
        missing = Note(Outcome.MISSING_DATA, f"no number in {self.baseline}")
        return [(number, missing if math.isnan(number) else None) for number in numbers]

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        """What every completion's value owes besides the policy gradient: that of the reference's likelihood itself."""
        if not self.needs_policy:
            return [None] * len(batch)
        terms: list[PolicyTerm | None] = []
        for i, row in enumerate(self._places(batch)[0]):
            requests = tuple(self._request(batch, i, splice) for splice in row)
            scored = requests and not math.isnan(scores.parts[self.name][i])
            slopes = partial(_slopes, aggregate=self.aggregate, leads=tuple(splice.lead for splice in row))
            terms.append(PolicyTerm(requests, slopes) if scored else None)
        return terms

    def _places(self, batch: Batch) -> tuple[list[list[Splice]], list[Note | None]]:
        """The splices of each completion to be asked for, none where its value is known already, and what there is to note."""
        cut = (False,) * len(batch) if self.truncated is None else self.read(batch, self.truncated)
        places: list[list[Splice]] = []
        notes: list[Note | None] = []
        for i, text in enumerate(batch.texts("whole")):
            row = [self._spliced(text or "", reference) for reference in self._references(batch, i)]
            note = None
            if not row:
                note = Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif bool(cut[i]):
                row, note = [], Note(Outcome.MALFORMED, "the completion was cut short")
            elif not row[0].place:
                kept = self.splice in ("tag", "answer")
                row, note = (
                    row if kept else [],
                    Note(Outcome.MALFORMED, "no place for the answer" + "; appended" * kept),
                )
            places.append(row)
            notes.append(note)
        return places, notes

    def _request(self, batch: Batch, i: int, splice: Splice) -> LogprobRequest:
        prompt = "" if batch.prompts is None else batch.prompts[i]
        return LogprobRequest(prompt, splice.target, splice.prefix, temperature=self.temperature)

    def _references(self, batch: Batch, i: int) -> tuple[str, ...]:
        return reference_texts(self.read(batch, self.reference)[i])

    def _spliced(self, text: str, reference: str) -> Splice:
        return splice_reference(text, reference, cast(Splicing, self.splice))

    @classmethod
    def example_reward(cls) -> Likelihood:
        return cls(EXAMPLE_LM)

    @classmethod
    def example(cls) -> Example:
        return Example(EXAMPLE, EXAMPLE_HACKS)


def fault_of(scores: TokenScores) -> Note:
    """Why a model's answer is no number."""
    if scores.outcome.unscored:
        return Note(scores.outcome, scores.message)
    said = "the model gave no token" if not len(scores) else "the model gave no finite log-probability"
    return Note(Outcome.INSTRUMENT_ERROR, said)


def _counted(scores: TokenScores, lead: int) -> Bools:
    """(T,) the tokens that share a character with the reference, where it is known which do."""
    if not lead or scores.offsets is None:
        return np.ones(len(scores), dtype=bool)
    return np.asarray(scores.offsets[:, 1] > lead)


def _value(scores: TokenScores, lead: int, aggregate: str) -> float:
    if scores.outcome.unscored:
        return math.nan
    return sequence_likelihood(scores.logprobs, cast(Aggregate, aggregate), mask=_counted(scores, lead), empty=math.nan)


def _slopes(scores: Sequence[TokenScores], *, aggregate: str, leads: tuple[int, ...]) -> list[Floats]:
    """Of the likeliest reference's tokens; 0 for those of the others."""
    slopes = [np.zeros(len(each)) for each in scores]
    values = [_value(each, lead, aggregate) for each, lead in zip(scores, leads, strict=True)]
    if not all(math.isnan(value) for value in values):
        best = int(np.nanargmax(values))
        kept = _counted(scores[best], leads[best])
        slopes[best][kept] = likelihood_slope(scores[best].logprobs[kept], cast(Aggregate, aggregate))
    return slopes


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


_THOUGHTS = ("<think>Two and two make four.</think>", "<think>One more than two.</think>")
EXAMPLE = Batch(
    [f"{thought}<answer>{said}</answer>" for thought, said in zip(_THOUGHTS, "43", strict=True)],
    ["2+2?", "1+2?"],
    reference=["4", "3"],
)
EXAMPLE_HACKS = {
    "empty": ["", ""],
    "question": ["2+2?", "1+2?"],
    "reference in the answer": ["<answer>4</answer>", "<answer>3</answer>"],
    "tag stuffing": ["<answer><answer><answer>4", "<answer><answer><answer>3"],
}
_TABLE: dict[str, Any] = {"4": [-3.0], "3": [-3.0]}
for _thought, _reference in zip(_THOUGHTS, "43", strict=True):
    _TABLE[f"{_thought}<answer>"] = {_reference: [-0.2]}
#: A language model that finds an answer likely after the honest thoughts only.
EXAMPLE_LM = ScriptedLM(_TABLE)
