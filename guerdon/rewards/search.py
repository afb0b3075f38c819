"""Rewards on the trajectories of search agents: their answer, their form, their queries, and what their searches found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.protocols.trajectories import agent_trajectories
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.rewards.textual import reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.decoded_rollout import decoded_answer, decoded_text, is_decoded_form
from guerdon.text.exact_match import contains_phrase, exact_match
from guerdon.text.normalize import normalize_squad
from guerdon.text.search_trace import follows_turns
from guerdon.text.tag_grammar import SEARCH_GRAMMAR, SEARCH_OR_ANSWER_GRAMMAR
from guerdon.text.tags import tag_blocks
from guerdon.text.token_f1 import Counting, token_f1
from guerdon.text.trajectory import Trajectory

VARIANTS = ("default", "official")


@dataclass(frozen=True, repr=False)
class OnTrajectory(Reward):
    """A reward on the turns of an agent's trajectory.

    Completions are chat messages, where the role of each message says who wrote it; or text, where ``environment`` names a
    column with the character spans that the environment inserted. Without such spans all of a text is the policy's, and what it
    writes into ``<information>`` was not found.

    Raises:
        UserError: spans that are no list of (start, end).
    """

    environment: str | None = field(default=None, kw_only=True, metadata={"column": "inserted spans (start, end)"})

    def trajectories(self, batch: Batch) -> tuple[Trajectory, ...]:
        """The completions parsed into turns, once per batch."""
        return agent_trajectories(batch, self.environment)


@dataclass(frozen=True, repr=False)
class OnSearch(OnTrajectory):
    """A reward on the trajectory of a search agent.

    ``variant="official"`` reads prompt and response as one decoded text instead and takes all of it at its word, as released
    code does.

    Raises:
        UserError: an unknown variant.
    """

    variant: str = field(default="default", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in VARIANTS:
            raise UserError(f"variant={self.variant!r} is unknown; choose one of {', '.join(VARIANTS)}")

    @property
    def official(self) -> bool:
        """Whether decoded text is read."""
        return self.variant == "official"

    def decoded(self, batch: Batch) -> tuple[str, ...]:
        """Prompt and response of each sample as one text."""
        return batch.cached(
            "decoded rollouts",
            lambda: tuple(map(decoded_text, batch.completions, batch.prompt_texts)),
        )


def trajectory(*turns: str) -> list[dict[str, str]]:
    """A completion in messages: what the policy wrote and what the environment returned, in turn.

    >>> [message["role"] for message in trajectory("<search>a</search>", "b", "<answer>c</answer>")]
    ['assistant', 'tool', 'assistant']
    """
    return [{"role": ("assistant", "tool")[i % 2], "content": turn} for i, turn in enumerate(turns)]


HONEST = Batch(
    [
        trajectory(
            "<think>I need the leader.</think><search>leader of Alba</search>",
            "Doc 1(Title: Alba) Alba is led by Ann Lee.",
            "<think>It says so.</think><answer>Ann Lee</answer>",
        ),
        trajectory(
            "<think>Look it up.</think><search>when was the Eiffel Tower built</search>",
            "Doc 1(Title: Eiffel Tower) It was built in 1889.",
            "<think>Found.</think><answer>1889</answer>",
        ),
    ],
    ["Question: Who leads Alba?", "Question: When was it built?"],
    golden_answers=[["Ann Lee"], ["1889", "March 1889"]],
    rewrite=["Who is the leader of Alba?", "When was the Eiffel Tower built?"],
    question=["Who leads Alba?", "When was the Eiffel Tower built?"],
)
HACKS: dict[str, list[Any]] = {
    "empty": ["", ""],
    "question": ["Who leads Alba?", "When was it built?"],
    "no tags": ["Ann Lee", "1889"],
    "in a thought": [
        "<think><search>leader of Alba</search><information>Ann Lee</information><answer>Ann Lee</answer>",
        "<think><search>when was the Eiffel Tower built</search><answer>1889</answer></think>",
    ],
    "invented evidence": [
        "<think>a</think><search>b</search><information>Ann Lee</information><think>c</think><answer>Bo</answer>",
        "<think>a</think><search>b</search><information>1889</information><think>c</think><answer>1</answer>",
    ],
    "answer shopping": ["<answer>Ann Lee or Bo or Cy</answer>", "<answer>1889</answer><answer>1890</answer>"],
    "endless": ["<search>" + "word " * 5000 + "</search><answer>" + "Ann Lee " * 5000 + "</answer>"] * 2,
}


@register("reward")
@dataclass(frozen=True, repr=False)
class SearchAnswer(OnSearch):
    """How well the answer that a trajectory ends with fits an accepted one.

    ``measure="exact"``: 1 where their tokens are the same, else 0. ``"f1"``: the best token F1, shared tokens counted as
    ``counting`` says. Range [0, 1]. The part ``answered`` is 1 where there is an answer, else 0.

    The answer is the policy's last ``<answer>`` block outside its thoughts. ``variant="official"`` takes the last block after the
    assistant marker, or with ``examples`` the last of the whole text, of which that many are taken for the prompt's.

    Column ``golden_answers`` (text or list: the best counts). NaN with ``missing_data`` where it is empty; no answer is 0.

    Source: Search-R1's reward (arXiv 2503.09516) as SubSearch and ChatR1 use it.

    >>> batch = Batch(["<think>It was her.</think><answer>The Ann.</answer>"], golden_answers=[["Ann", "Ann Lee"]])
    >>> SearchAnswer().score(batch).values.tolist()
    [1.0]
    """

    reference: str = column("golden_answers", expects="the accepted answer, or a list of them")
    measure: str = "exact"
    counting: Counting = "multiset"
    tokenizer: str = "squad"
    examples: int | None = None

    bounds = (0.0, 1.0)
    subparts = ("answered",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.measure not in ("exact", "f1"):
            raise UserError(f"measure={self.measure!r} is unknown; choose 'exact' or 'f1'")
        check_f1(self.tokenizer, self.counting)

    def answers(self, batch: Batch) -> list[str | None]:
        """The final answer of each trajectory, None without one."""
        if self.official:
            return [decoded_answer(text, examples=self.examples) for text in self.decoded(batch)]
        return [parsed.answer for parsed in self.trajectories(batch)]

    def _score(self, batch: Batch) -> Scores:
        values, answered = np.zeros(len(batch)), np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        accepted = map(reference_texts, self.read(batch, self.reference))
        for i, (answer, references) in enumerate(zip(self.answers(batch), accepted, strict=True)):
            answered[i] = answer is not None
            notes[i] = Note(Outcome.MALFORMED, "no answer block") if answer is None else Note(answer=answer)
            if not references:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif answer is not None:
                values[i] = self.fit(answer, references)
        return Scores(values, parts={"answered": answered}, notes={"": tuple(notes)})

    def fit(self, answer: str, references: Sequence[str]) -> float:
        """How well one answer fits the best of the references."""
        if self.measure == "f1":
            return max(token_f1(answer, one, tokenizer=self.tokenizer, counting=self.counting) for one in references)
        variant: Literal["default", "official"] = "official" if self.official else "default"
        return float(exact_match(answer, references, tokenizer=self.tokenizer, variant=variant))

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class SearchForm(OnSearch):
    """Whether a trajectory is think, then search and information any number of times with a thought after each, then an answer.

    Nothing may be written around the blocks nor after the answer, no tag inside one, and information must come from the
    environment. ``think_after=False`` lets the answer follow information at once. Range [0, 1]; reads no column of its own; never
    NaN. ``variant="official"`` looks at the decoded text after the assistant marker, without which it is 0, and takes
    information from anyone.

    Source: the format check of Search-R1 as SubSearch (arXiv 2604.07415) and ChatR1 (arXiv 2510.13312) release it.

    >>> SearchForm().score(Batch(["<think>a</think><answer>b</answer>", "<answer>b</answer>"])).values.tolist()
    [1.0, 0.0]
    """

    think_after: bool = True

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        grammar = SEARCH_GRAMMAR if self.think_after else SEARCH_OR_ANSWER_GRAMMAR
        if self.official:
            valid = [is_decoded_form(text, grammar) for text in self.decoded(batch)]
        else:
            valid = [follows_turns(parsed, grammar) for parsed in self.trajectories(batch)]
        return Scores(np.array(valid, dtype=np.float64))

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class EvidenceContains(OnSearch):
    """Whether something that the environment returned contains one of the references: 1 or 0.

    Words are compared, of any script; ``variant="official"`` looks for the reference's SQuAD normal form as a substring of that of
    any information block, so that "Ann" is found in "cannot". Range [0, 1]. Column ``golden_answers`` (text or list). NaN with
    ``missing_data`` where it is empty.

    Source: SubSearch (arXiv 2604.07415) and ChatR1 (arXiv 2510.13312), released code.

    >>> found = [{"role": "tool", "content": "It is led by Ann Lee."}]
    >>> EvidenceContains().score(
    ...     Batch([found, "<information>Ann</information>"], golden_answers=["Ann", "Ann"])
    ... ).values.tolist()
    [1.0, 0.0]
    """

    reference: str = column("golden_answers", expects="what the evidence should contain, or a list of such texts")

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        values = np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        for i, value in enumerate(self.read(batch, self.reference)):
            references = reference_texts(value)
            if not references:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif self.official:
                blocks = [normalize_squad(block.content) for block in tag_blocks(self.decoded(batch)[i], "information")]
                values[i] = any(normalize_squad(one) in block for one in references for block in blocks)
            else:
                found = [turn.text for turn in self.trajectories(batch)[i].evidence]
                values[i] = any(contains_phrase(text, one) for one in references for text in found)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


def check_f1(tokenizer: str, counting: Counting) -> None:
    """Raise where a tokenizer or a way of counting is unknown."""
    try:
        token_f1("", "", tokenizer=tokenizer, counting=counting)
    except ValueError as error:
        raise UserError(str(error)) from None
