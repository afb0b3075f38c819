"""Rewards without a gold answer: agreement with what other rollouts say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch, group_rows
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.votes import is_blank, majority_vote
from guerdon.text.answers import final_answer
from guerdon.text.boxed import extract_boxed
from guerdon.text.normalize import normalize_multilingual
from guerdon.text.numbers import parse_number
from guerdon.text.thinking import strip_thinking


def _visible_answer(text: str) -> str | None:
    return final_answer(strip_thinking(text))


def _official_box(text: str) -> str | None:
    return extract_boxed(text, variant="official")


def _by_value(answer: str) -> str:
    number = parse_number(answer, percent="fraction")
    return normalize_multilingual(answer) if number is None else repr(round(number, 9))


#: How a completion's answer is read.
ANSWERS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {"final": _visible_answer, "boxed": extract_boxed, "official": _official_box}
)
#: When two answers are the same.
EQUIVALENCES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"string": str, "normalized": normalize_multilingual, "number": _by_value}
)


@dataclass(frozen=True, repr=False)
class Vote(Reward):
    """A reward for giving the answer that most voters give: 1 or 0. Subclasses say who votes.

    ``answer`` says how an answer is read: ``"final"`` (block, box or phrase), ``"boxed"``, or ``"official"`` (the widely copied box
    routine, nothing stripped). ``equivalence`` says when two are the same: ``"string"``, ``"normalized"``, or ``"number"`` (1/2 is
    0.5). Blank answers do not vote and earn 0; of equal counts the one seen first wins.
    """

    answer: str = field(default="final", kw_only=True)
    equivalence: str = field(default="string", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in (("answer", ANSWERS), ("equivalence", EQUIVALENCES)):
            if getattr(self, name) not in choices:
                raise UserError(f"{name}={getattr(self, name)!r} is unknown; {closest(getattr(self, name), choices)}")

    def answers(self, texts: Sequence[str]) -> list[str]:
        """The answer of each text in the form that is compared; blank where it gives none."""
        read, form = ANSWERS[self.answer], EQUIVALENCES[self.equivalence]
        found = [read(text) for text in texts]
        return ["" if said is None or is_blank(said) else form(said) for said in found]

    def agreement(self, batch: Batch, label: Callable[[int, list[str]], str | None]) -> Scores:
        """1 where a sample's answer is its label; a label of None leaves it unscored."""
        said = self.answers([text or "" for text in batch.texts("whole")])
        values, notes = np.zeros(len(batch)), []
        for i, answer in enumerate(said):
            vote = label(i, said)
            if vote is None:
                values[i] = np.nan
                notes.append(Note(Outcome.MISSING_DATA, "nobody else to vote"))
            elif not answer:
                notes.append(Note(Outcome.MALFORMED, "gives no answer"))
            else:
                values[i] = bool(vote) and answer == vote
                notes.append(Note(answer=answer, message=f"vote {vote!r:.80}" if vote else "no vote"))
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example_reward(cls) -> Vote:
        return cls(answer="boxed")


@register("reward")
@dataclass(frozen=True, repr=False)
class MajorityVote(Vote):
    """Whether the completion gives the answer that most voters give: 1 or 0.

    The voters are the completion's own siblings, itself included, or, where ``voters`` names a column, the texts it lists, such as
    rollouts of a slowly moving teacher. Tied to the group unless ``voters`` is given. NaN where the column lists nobody.

    Source: TTRL 2025 (arXiv 2504.16084); with a teacher's rollouts Co-rewarding-II (arXiv 2508.00410).

    >>> batch = Batch(["so 4", "\\\\boxed{4}", "\\\\boxed{4}", "\\\\boxed{5}"], ["2+2?"] * 4)
    >>> MajorityVote().score(batch).values.tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    voters: str | None = column(None, expects="list of texts that vote")

    @property
    def own_tie(self) -> str | None:
        return "group" if self.voters is None else None

    def _score(self, batch: Batch) -> Scores:
        if self.voters is None:
            winners: dict[int, str] = {}

            def own(i: int, said: list[str]) -> str | None:
                group = int(batch.groups[i])
                if group not in winners:
                    winners[group] = majority_vote([said[j] for j in np.flatnonzero(batch.groups == group)]) or ""
                return winners[group]

            return self.agreement(batch, own)
        listed = [_texts(value) for value in self.read(batch, self.voters)]
        votes = [majority_vote(self.answers(texts)) or "" if texts else None for texts in listed]
        return self.agreement(batch, lambda i, _: votes[i])

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["2+2 is \\boxed{4}", "It makes \\boxed{4}", "So \\boxed{4}"], ["2+2?"] * 3)
        return Example(honest, {"empty": ["", "", ""], "question": ["2+2?"] * 3, "unclosed": ["\\boxed{4"] * 3})


@register("reward")
@dataclass(frozen=True, repr=False)
class CrossVote(Vote):
    """Whether the completion gives the answer that most rollouts of the paired question give: 1 or 0.

    A question and its paraphrase share a value of column ``pair``; the label of each side comes from the other side only. Sides
    are the groups of a pair, or the values of column ``view`` where it is given. Tied to ``pair``. NaN where the other side is
    missing; 0 for all where it answers nothing.

    Source: Zhang et al. 2025, Co-Reward (arXiv 2508.00410), equations 7 and 8.

    >>> said = ["\\\\boxed{4}", "\\\\boxed{5}", "\\\\boxed{4}", "\\\\boxed{4}"]
    >>> batch = Batch(said, ["2+2?", "2+2?", "two and two?", "two and two?"], pair_id=[1, 1, 1, 1])
    >>> CrossVote().score(batch).values.tolist()
    [1.0, 0.0, 1.0, 1.0]
    """

    pair: str = column("pair_id", expects="key shared by a question and its paraphrase")
    view: str | None = column(None, expects="which of the two a sample answers")

    @property
    def own_tie(self) -> str | None:
        return self.pair

    def _score(self, batch: Batch) -> Scores:
        ties = batch.tie(self.pair)
        sides = batch.groups if self.view is None else batch.tie(self.view)
        others: dict[tuple[int, int], NDArray[np.int64]] = {}
        for rows in group_rows(ties):
            for side in np.unique(sides[rows]):
                others[int(ties[rows[0]]), int(side)] = rows[sides[rows] != side]
        votes: dict[tuple[int, int], str | None] = {}

        def label(i: int, said: list[str]) -> str | None:
            key = int(ties[i]), int(sides[i])
            if key not in votes:
                voters = others[key]
                votes[key] = (majority_vote([said[j] for j in voters]) or "") if len(voters) else None
            return votes[key]

        return self.agreement(batch, label)

    @classmethod
    def example(cls) -> Example:
        said = ["2+2 is \\boxed{4}", "It makes \\boxed{4}", "So \\boxed{4}", "Four: \\boxed{4}"]
        honest = Batch(said, ["2+2?", "2+2?", "two and two?", "two and two?"], pair_id=[1, 1, 1, 1])
        return Example(honest, {"empty": [""] * 4, "constant 1 on one side": ["\\boxed{1}", "\\boxed{1}", *said[2:]]})


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
