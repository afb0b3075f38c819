"""Rewards on judges being trained against known verdicts: of pairs, of single responses, of whole lists."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.concordance import weighted_concordance
from guerdon.text.boxed_truth import boxed_truth
from guerdon.text.bracketed_verdicts import tail_verdict
from guerdon.text.critiques import critique_fault, read_evaluation
from guerdon.text.replies import own_words
from guerdon.text.score_lists import gold_scores, list_form, read_score_list

Variant = Literal["default", "official"]


@dataclass(frozen=True, repr=False)
class OnVerdict(Reward):
    """A reward on what a judge's completion says; ``variant="official"`` also reads what stands in its thought."""

    variant: Variant = "default"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def official(self) -> bool:
        """Whether the released code is followed to the letter."""
        return self.variant == "official"


@register("reward")
@dataclass(frozen=True, repr=False)
class PairVerdict(OnVerdict):
    """1 if the verdict a judge ends on is the right one of two, else -1: wrong, none, both or malformed.

    The verdict is the one literal ``<answer>[[A]]</answer>`` or ``<answer>[[B]]</answer>`` in the last ``window`` characters of
    what the judge says outside its thought. Nothing else about the completion is rewarded. ``"official"`` reads the end of the
    whole completion, so that a verdict in a thought that was cut off counts. Column ``winner``: one of the two ``labels``.
    NaN with ``missing_data`` without a label.

    Raises:
        UserError: another label, such as a tie.

    Source: RM-R1 2025 (arXiv 2505.02387), released code.

    >>> batch = Batch(["Both greet. <answer>[[A]]</answer>"] * 2, winner=["model_a", "model_b"])
    >>> PairVerdict().score(batch).values.tolist()
    [1.0, -1.0]
    """

    winner: str = column("winner", expects="the label of the better response")
    labels: tuple[str, str] = ("model_a", "model_b")
    window: int = 80

    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_labels(self.labels)
        if self.window < 22:
            raise UserError(f"window={self.window!r} is shorter than a verdict, which takes 22 characters")

    def _score(self, batch: Batch) -> Scores:
        values, notes = np.full(len(batch), -1.0), []
        texts = batch.texts("whole")
        for i, label in enumerate(self.read(batch, self.winner)):
            letter = letter_of(label, self.labels, self.winner)
            text = texts[i] or ""
            said = tail_verdict(text if self.official else own_words(text), window=self.window)
            values[i] = math.nan if letter is None else 1.0 if said == letter else -1.0
            notes.append(_note(letter is not None, self.winner, said, "ends on no verdict, or on both"))
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>A adds up.</think>A is right. <answer>[[A]]</answer>", "<answer>[[B]]</answer>"],
            ["Which is better?", "Which one?"],
            winner=["model_a", "model_b"],
        )
        return Example(
            honest,
            {
                "both": ["<answer>[[A]]</answer><answer>[[B]]</answer>"] * 2,
                "in the thought": ["<think><answer>[[A]]</answer>", "<think><answer>[[B]]</answer></think>"],
                "template": ["<answer>[[A/B]]</answer>"] * 2,
                "empty": ["", ""],
                "wrong": ["<answer>[[B]]</answer>", "<answer>[[A]]</answer>"],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class CritiqueVerdict(OnVerdict):
    """-1 for a critique that breaks the form, else 1 if its choice is right and 0 if it is wrong.

    The form: a block ``<critics>`` of at most ``lines`` lines and ``characters`` characters, and a choice that can be read
    (:func:`~guerdon.text.critiques.read_evaluation`). Parts: ``format`` (0, or -1 where broken) and ``outcome`` (1 or 0, also
    where the form is broken). Nothing in a thought counts; ``"official"`` reads it too. Column ``winner``: one of the two
    ``labels``. NaN with ``missing_data`` without a label.

    Raises:
        UserError: another label, such as a tie.

    Source: RM-NLHF 2026 (arXiv 2601.07349), released code.

    >>> said = "<critics>B invents a case.</critics><choice>[[A]]</choice>"
    >>> CritiqueVerdict().score(Batch([said, said, "[[A]]"], winner=["A", "B", "A"])).values.tolist()
    [1.0, 0.0, -1.0]
    """

    winner: str = column("winner", expects="the label of the better response")
    labels: tuple[str, str] = ("A", "B")
    lines: int = 4
    characters: int = 1500

    bounds = (-1.0, 1.0)
    subparts = ("format", "outcome")

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_labels(self.labels)
        if self.lines < 1 or self.characters < 1:
            raise UserError(f"lines={self.lines!r} and characters={self.characters!r} must be at least 1")

    def _score(self, batch: Batch) -> Scores:
        form, outcome = np.zeros(len(batch)), np.zeros(len(batch))
        notes: list[Note | None] = []
        texts = batch.texts("whole" if self.official else "visible")
        for i, label in enumerate(self.read(batch, self.winner)):
            letter = letter_of(label, self.labels, self.winner)
            evaluation = read_evaluation(texts[i] or "")
            fault = critique_fault(evaluation, lines=self.lines, characters=self.characters)
            form[i] = -1.0 if fault else 0.0
            outcome[i] = math.nan if letter is None else float(evaluation.choice == letter)
            notes.append(_note(letter is not None, self.winner, None if fault else evaluation.choice, fault))
        values = np.where((form < 0) & ~np.isnan(outcome), -1.0, outcome)
        return Scores(values, {"format": form, "outcome": outcome}, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            [
                "<critics>A is right.</critics><choice>[[A]]</choice>",
                "<critics>B is short.</critics><choice>B</choice>",
            ],
            ["Which is better?", "Which one?"],
            winner=["A", "B"],
        )
        return Example(
            honest,
            {
                "no critique": ["<choice>[[A]]</choice>", "<choice>[[B]]</choice>"],
                "both": ["<critics>x</critics><choice>A B</choice>"] * 2,
                "in the thought": [
                    "<think><critics>x</critics><choice>A</choice>",
                    "<think><choice>B</choice></think>",
                ],
                "endless": ["<critics>" + "A is right. " * 500 + "</critics><choice>A</choice>", ""],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class TruthVerdict(OnVerdict):
    r"""1 if a judge's verdict on one response, ``\boxed{1}`` right or ``\boxed{0}`` wrong, is the label, else 0.

    The last such box outside the thought counts; a completion without one is wrong. Column ``label``: 1 or 0, true or false. NaN
    with ``missing_data`` without one.

    Source: Libra 2025 (arXiv 2507.21645); the form of the verdict is ours.

    >>> TruthVerdict().score(Batch([r"So \boxed{1}", "yes"], label=[1, 1])).values.tolist()
    [1.0, 0.0]
    """

    label: str = column("label", expects="whether the response is right: 1 or 0")

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        values, notes = np.zeros(len(batch)), []
        texts = batch.texts("whole")
        for i, label in enumerate(self.read(batch, self.label)):
            truth, said = truth_of(label), boxed_truth(texts[i] or "")
            values[i] = math.nan if truth is None else float(said == truth)
            notes.append(
                _note(truth is not None, self.label, None if said is None else str(said), "no box with 1 or 0")
            )
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["<think>2 + 2 is 4.</think>It is right. \\boxed{1}", "\\boxed{0}"], ["Right?", "And this?"], label=[1, 0]
        )
        return Example(
            honest,
            {
                "in the thought": ["<think>\\boxed{1}", "<think>\\boxed{0}</think>"],
                "both, wrong last": ["\\boxed{1} \\boxed{0}", "\\boxed{0} \\boxed{1}"],
                "words": ["\\boxed{correct}", "wrong"],
                "empty": ["", ""],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class ListVerdict(OnVerdict):
    """How well the scores a judge gives to a list of responses order them as the gold scores do, and the form of its reply.

    accuracy_weight * accuracy + (1 - accuracy_weight) * format. Accuracy is the
    :func:`~guerdon.shaping.concordance.weighted_concordance` times the share of gold names that are scored; 0 without scores.
    Format is :func:`~guerdon.text.score_lists.list_form`. Parts: ``accuracy``, ``format``, ``coverage``, ``consistency`` (of the
    ranking with the scores). ``"official"`` does not multiply by the coverage, gives full accuracy to fewer than two common names
    and reads a thought that is not closed. Range [0, 1]. Column ``gold``: name -> score, or the JSON of it. NaN with
    ``missing_data`` where the gold scores are fewer than two.

    Source: RewardAnything 2025 (arXiv 2506.03637): parts from released code, their weights are ours.

    >>> reply = '{"scores": {"model-1": 5, "model-2": 2}, "best-to-worst": ["model-1", "model-2"]}'
    >>> ListVerdict().score(Batch([reply], gold=[{"model-1": 4, "model-2": 1}])).values.round(2).tolist()
    [0.96]
    """

    gold: str = column("gold", expects="gold scores: a mapping name -> number, or JSON text")
    accuracy_weight: float = 0.8

    bounds = (0.0, 1.0)
    subparts = ("accuracy", "format", "coverage", "consistency")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.accuracy_weight <= 1.0:
            raise UserError(f"accuracy_weight={self.accuracy_weight!r} must lie in [0, 1]")

    def _score(self, batch: Batch) -> Scores:
        columns = np.zeros((5, len(batch)))
        notes: list[Note | None] = []
        texts = batch.texts("whole")
        for i, gold in enumerate(self.read(batch, self.gold)):
            known = gold_scores(gold)
            if gold is None or (len(known) < 2 and not self.official):
                columns[:, i] = math.nan
                notes.append(Note(Outcome.MISSING_DATA, f"fewer than two scores in {self.gold}"))
                continue
            text = texts[i] or ""
            said = read_score_list(text, variant=self.variant)
            form = list_form(text, tuple(known), variant=self.variant)
            accuracy = weighted_concordance(said.scores, known, variant=self.variant)
            covered = sum(name in said.scores for name in known) / max(len(known), 1)
            accuracy = (accuracy if covered else 0.0) if self.official else accuracy * covered
            value = self.accuracy_weight * accuracy + (1.0 - self.accuracy_weight) * form.value
            columns[:, i] = min(value, 1.0), accuracy, form.value, form.coverage, form.consistency
            notes.append(None if said.scores else Note(Outcome.MALFORMED, "no scores in the reply"))
        return Scores(columns[0], dict(zip(self.subparts, columns[1:], strict=True)), notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        said = (
            "<think>The first keeps to the principle in every sentence, the second does not.</think>"
            '{"scores": {"model-1": 5, "model-2": 2}, "best-to-worst": ["model-1", "model-2"]}'
        )
        honest = Batch([said, said], ["Score them.", "And these."], gold=[{"model-1": 4, "model-2": 1}] * 2)
        return Example(
            honest,
            {
                "one name": ['{"scores": {"model-1": 5}}'] * 2,
                "all equal": ['{"scores": {"model-1": 3, "model-2": 3}}'] * 2,
                "in the thought": ["<think>" + said.replace("<think>", "").replace("</think>", "")] * 2,
                "empty": ["", ""],
                "reversed": [said.replace("5", "1")] * 2,
            },
        )


def letter_of(label: Any, labels: tuple[str, str], name: str) -> str | None:
    """A or B, by which of the two labels the column says; None where it says nothing.

    Raises:
        UserError: it says something else.
    """
    if label is None or (isinstance(label, float) and math.isnan(label)):
        return None
    said = str(label)
    if said not in labels:
        raise UserError(f"column {name!r} holds {said!r:.40}, which is none of labels={labels}; leave such rows out")
    return "AB"[labels.index(said)]


def truth_of(label: Any) -> int | None:
    """1 or 0, as the column says it: as a number, a truth value or text; None for anything else."""
    if isinstance(label, (bool, int, float, np.integer, np.floating)):
        return int(label) if label in (0, 1) else None
    return {"1": 1, "0": 0, "true": 1, "false": 0}.get(str(label).strip().lower())


def _check_labels(labels: tuple[str, str]) -> None:
    if len(labels) != 2 or labels[0] == labels[1]:
        raise UserError(f"labels={labels!r} must be two different labels, of response A and of response B")


def _note(known: bool, name: str, said: str | None, fault: str) -> Note:
    if not known:
        return Note(Outcome.MISSING_DATA, f"nothing in {name}")
    return Note(Outcome.MALFORMED, fault) if said is None else Note(answer=said)
