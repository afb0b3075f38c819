"""Answers that can be checked: mathematics, numbers, sets and lists."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import MissingExtra, UserError
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.answer_items import answer_items, item_key, stated_list
from guerdon.text.lcs import lcs_length
from guerdon.text.math_answers import right_answer, stated_answer, unreadable
from guerdon.text.math_comparison import same_answer
from guerdon.text.math_equivalence import EQUAL, UNREADABLE_ANSWER, UNREADABLE_GOLD, equivalence
from guerdon.text.numbers import parse_number
from guerdon.verifier_pool import Checked, verifier_pool

Verdict = tuple[float, Note]
Pair = tuple[str, str]

_LONGEST_LIST = 20_000
_LONGEST_NOTED = 200


@dataclass(frozen=True, repr=False)
class Stated(Textual):
    """A reward on the final answer that a completion states.

    It is read from the ``<answer>`` block, the last box, an answer phrase, or a completion of one line that is nothing but an
    answer. A completion that states none scores 0, noted; NaN with ``missing_data`` where there is no reference.
    """

    reference: str = column("reference", expects="the right answer, or a list of acceptable ones")

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        references = self.read(batch, self.reference)
        values = np.zeros(len(batch))
        asked: list[tuple[int, str, Any]] = []
        for i, (text, reference) in enumerate(zip(texts, references, strict=True)):
            if not reference_texts(reference):
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif notes[i] is None:
                answer = self._stated(text)
                if answer is None:
                    notes[i] = Note(Outcome.MALFORMED, "states no final answer")
                else:
                    asked.append((i, answer, reference))
        verdicts = self._verdicts([(answer, reference) for _, answer, reference in asked])
        for (i, _, _), (value, note) in zip(asked, verdicts, strict=True):
            values[i], notes[i] = value, note
        return Scores(values, notes={"": tuple(notes)})

    def _stated(self, text: str) -> str | None:
        return stated_answer(text)

    @abstractmethod
    def _verdicts(self, asked: Sequence[tuple[str, Any]]) -> list[Verdict]:
        """Value and note for each (answer, reference)."""


@register("reward")
@dataclass(frozen=True, repr=False)
class MathAnswer(Stated):
    r"""Whether the final answer is mathematically the right one: 1 or 0.

    Spelling, plain numbers, fractions, percentages, tuples and sets of numbers are settled at once and exactly
    (:func:`~guerdon.text.math_comparison.same_answer`); the rest goes to math-verify in the verifier pool, each answer with a
    deadline in seconds. Range [0, 1]. Column ``reference``: the right answer, LaTeX or plain, bare, boxed or at the end of a
    solution (a list: any of them counts). NaN: no reference; a reference that is no mathematics and not met to the letter
    (``unparseable``); an answer over the deadline (``timed_out``) or that broke the checker (``instrument_error``). An answer that
    cannot be parsed, is longer than 4,000 characters or nested more than 40 deep scores 0, noted ``malformed``.

    Raises:
        MissingExtra: math-verify is not installed.

    >>> batch = Batch([r"So it is \boxed{\frac{1}{2}}.", "The answer is 0.4."], reference=["0.5", "0.5"])
    >>> MathAnswer().score(batch).values.tolist()
    [1.0, 0.0]
    """

    deadline: float = 3.0

    heavy = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.deadline < float("inf"):
            raise UserError(f"deadline={self.deadline!r} must be a positive number of seconds")

    def _verdicts(self, asked: Sequence[tuple[str, Any]]) -> list[Verdict]:
        _check_math_verify()
        pairs = [[(right, answer) for right in map(right_answer, reference_texts(ref))] for answer, ref in asked]
        known: dict[Pair, bool | None] = {}
        for options in pairs:
            known.update((pair, same_answer(*pair)) for pair in options if pair not in known)
        open_pairs: dict[Pair, Checked] = {}
        for options in pairs:
            if not any(known[pair] for pair in options):
                open_pairs |= {p: Checked() for p in options if known[p] is None and not unreadable(p[1])}
        count("settled_at_once", len(known) - len(open_pairs))
        count("computer_algebra", len(open_pairs))
        if open_pairs:
            checked = verifier_pool().map(equivalence, open_pairs, deadline=self.deadline)
            open_pairs = dict(zip(open_pairs, checked, strict=True))
        return [_math_verdict(options, known, open_pairs) for options in pairs]

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            [r"Adding the halves gives $\boxed{\frac{3}{2}}$.", "The answer is $x^2 + 2x + 1$."],
            ["What is 1/2 + 1?", "Expand (x+1)^2."],
            reference=["1.5", "(x+1)^2"],
        )
        nested = "(" * 300 + "1" + ")" * 300
        return Example(
            honest,
            {
                "empty": ["", r"\boxed{}"],
                "question": ["What is 1/2 + 1?", "Expand (x+1)^2."],
                "several boxes": [
                    r"\boxed{1} \boxed{\frac32} \boxed{2}",
                    r"\boxed{x^2+2x+1} or \boxed{x^2+1} or \boxed{x^2-1}",
                ],
                "several answers": ["The answer is 1, 1.5 or 2.", r"<answer>$x^2+2x+1$ or $x^2+1$</answer>"],
                "huge powers": [r"\boxed{9^{9^{9^{9}}}}", "The answer is 9^9^9^9."],
                "deep nesting": [rf"\boxed{{{nested}}}", rf"\boxed{{{nested}}}"],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class NumericAnswer(Stated):
    r"""Whether the number that the completion settles on is the right one within a tolerance: 1 or 0.

    Right where |p - r| <= max(``absolute``, ``relative`` |r|). Numbers are read in many written forms (thousands, decimal commas,
    powers, fractions, currencies, "3 million", a unit after the number; :func:`~guerdon.text.numbers.parse_number`). Units are not
    converted. ``percent="either"`` takes "50%" for 50 and for 0.5, ``"fraction"`` for 0.5 only, ``"keep"`` for 50 only. Range
    [0, 1]. Column ``reference``: a number or its text (a list: any counts). NaN without a usable reference. A final answer that
    is no single number scores 0, noted.

    >>> batch = Batch(["About \\boxed{3.14} m.", "The answer is 1,250 kg."], reference=[3.1416, "1200"])
    >>> NumericAnswer(relative=0.01).score(batch).values.tolist()
    [1.0, 0.0]
    """

    absolute: float = 1e-6
    relative: float = 1e-6
    percent: Literal["keep", "fraction", "either"] = "keep"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("absolute", "relative"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name}={getattr(self, name)!r} must be a number of at least 0")
        if self.percent not in ("keep", "fraction", "either"):
            raise UserError(f"percent={self.percent!r} is unknown; choose 'keep', 'fraction' or 'either'")

    def _verdicts(self, asked: Sequence[tuple[str, Any]]) -> list[Verdict]:
        return [self._verdict(answer, reference_texts(reference)) for answer, reference in asked]

    def _verdict(self, answer: str, references: Sequence[str]) -> Verdict:
        right = [number for text in references for number in self._read(right_answer(text))]
        if not right:
            return np.nan, Note(Outcome.MISSING_DATA, f"no number in {self.reference}: {references[0]!r:.60}")
        given = self._read(answer)
        if not given:
            return 0.0, Note(Outcome.MALFORMED, "the final answer is no single number", answer)
        close = any(abs(p - r) <= max(self.absolute, self.relative * abs(r)) for p in given for r in right)
        return float(close), Note(answer=answer)

    def _read(self, text: str) -> set[float]:
        """The numbers a text may stand for: one, or two where a percentage may be read either way."""
        readings: tuple[Literal["keep", "fraction"], ...]
        readings = ("keep", "fraction") if self.percent == "either" else (self.percent,)
        found = (parse_number(text, percent=percent) for percent in readings)
        return {number for number in found if number is not None}

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["It weighs \\boxed{1.25} kg.", "The answer is 3 million."],
            ["How heavy is it?", "How many people?"],
            reference=["1.25", "3,000,000"],
        )
        return Example(
            honest,
            {
                "empty": ["", "The answer is"],
                "question": ["How heavy is it?", "How many people?"],
                "range": ["The answer is 1 to 2.", "The answer is between 1 and 5 million."],
                "several": ["The answer is 1, 1.25 or 2.", "\\boxed{3,000,000} \\boxed{4,000,000}"],
                "huge": ["The answer is 1e999999.", "The answer is 9^9^9^9."],
            },
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class SetAnswer(Stated):
    r"""Whether the completion lists what the reference lists: 1 or 0, or the F1 of the two lists.

    The final answer is split as people write lists (:func:`~guerdon.text.answer_items.answer_items`); items are equal if they are
    equal numbers or have the same normal form (case, accents kept, spacing, LaTeX spelling). As sets: order and repetition do not
    count. ``ordered=True`` compares the sequences. ``credit="f1"``: 2|A n R| / (|A| + |R|), with the longest common subsequence for
    ordered lists. Range [0, 1]. Column ``reference``: the list, or its text. NaN without items.

    >>> batch = Batch(
    ...     ["The answer is blue, red and Green.", "<answer>red</answer>"], reference=[["red", "green", "blue"]] * 2
    ... )
    >>> SetAnswer().score(batch).values.tolist(), SetAnswer(credit="f1").score(batch).values.tolist()
    ([1.0, 0.0], [1.0, 0.5])
    """

    ordered: bool = False
    credit: Literal["exact", "f1"] = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.credit not in ("exact", "f1"):
            raise UserError(f"credit={self.credit!r} is unknown; choose 'exact' or 'f1'")

    def _stated(self, text: str) -> str | None:
        return stated_list(text)

    def _verdicts(self, asked: Sequence[tuple[str, Any]]) -> list[Verdict]:
        return [self._verdict(answer, reference) for answer, reference in asked]

    def _verdict(self, answer: str, reference: Any) -> Verdict:
        texts = reference_texts(reference)
        right = [item_key(item) for item in (answer_items(texts[0]) if isinstance(reference, str) else texts)]
        if not right:
            return np.nan, Note(Outcome.MISSING_DATA, f"no items in {self.reference}: {texts[0]!r:.60}")
        if len(answer) > _LONGEST_LIST:
            return 0.0, Note(Outcome.MALFORMED, f"the final answer is longer than {_LONGEST_LIST} characters")
        given = [item_key(item) for item in answer_items(answer)]
        if not self.ordered:
            given, right = list(dict.fromkeys(given)), list(dict.fromkeys(right))
        if self.credit == "exact":
            value = float(given == right if self.ordered else set(given) == set(right))
        else:
            shared = lcs_length(given, right) if self.ordered else len(set(given) & set(right))
            value = 2 * shared / (len(given) + len(right))
        return value, Note(answer=answer)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["The primes are \\boxed{2, 3, 5}.", "<answer>\n- Rome\n- Paris\n</answer>"],
            ["Which primes are below 6?", "Which capitals?"],
            reference=[["2", "3", "5"], ["Rome", "Paris"]],
        )
        return Example(
            honest,
            {
                "empty": ["", "<answer></answer>"],
                "question": ["Which primes are below 6?", "Which capitals?"],
                "everything": ["\\boxed{1, 2, 3, 4, 5, 6}", "<answer>Rome, Paris, Berlin, Madrid, Vienna</answer>"],
                "shopping": [
                    "\\boxed{2} \\boxed{3} \\boxed{4} \\boxed{5}",
                    "<answer>Rome</answer><answer>Paris</answer>",
                ],
                "repeated": ["\\boxed{2, 2, 2, 2}", "<answer>Rome, Rome, Rome</answer>"],
            },
        )


def _math_verdict(
    options: Sequence[Pair], known: Mapping[Pair, bool | None], checked: Mapping[Pair, Checked]
) -> Verdict:
    """The verdict on an answer that may equal any of several right ones."""
    answer = options[0][1]
    found = [checked[pair] for pair in options if pair in checked]
    if any(known[pair] for pair in options) or any(result.value == EQUAL for result in found):
        return 1.0, Note(answer=answer)
    for result in found:
        if not result.ok:
            return np.nan, Note(result.outcome, result.message, answer[:_LONGEST_NOTED])
    if any(result.value == UNREADABLE_GOLD for result in found):
        return np.nan, Note(Outcome.UNPARSEABLE, "the reference is no mathematics that can be parsed", answer)
    if fault := unreadable(answer):
        return 0.0, Note(Outcome.MALFORMED, f"the final answer is {fault}")
    if any(result.value == UNREADABLE_ANSWER for result in found):
        return 0.0, Note(Outcome.MALFORMED, "the final answer cannot be parsed", answer)
    return 0.0, Note(answer=answer)


@lru_cache(maxsize=1)
def _check_math_verify() -> None:
    if importlib.util.find_spec("math_verify") is None:
        raise MissingExtra("math-verify", extra="math")
