"""Rewards on trajectories written under literal headings, step by step: their final answer, and how they end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.search import OnSearch, trajectory
from guerdon.rewards.textual import reference_texts
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.exact_match import exact_match, matches_written_form
from guerdon.text.headed_steps import headed_steps

#: How a trajectory ends, as the part ``end`` says it.
ENDS = {"answer": 1.0, "search": 0.0, "malformed": -1.0}


def headed(number: int, query: str = "", *, answer: str = "", analysis: str = "I need this.") -> str:
    """A step as it should be written.

    >>> headed(1, answer="Ann", analysis="Known.")
    'Step 1:\\nThe problem analysis: Known.\\nThe final answer: Ann'
    """
    said = f"The final answer: {answer}" if answer else f"The retrieval query: {query}"
    return f"Step {number}:\nThe problem analysis: {analysis}\n{said}"


HONEST = Batch(
    [
        trajectory(headed(1, "leader of Alba"), "Alba is led by Ann Lee.", headed(2, answer="Ann Lee")),
        trajectory(headed(1, "height of Mount Brio"), "Mount Brio is 812 m high.", headed(2, answer="812 m")),
    ],
    ["Who leads Alba?", "How high is Mount Brio?"],
    question=["Who leads Alba?", "How high is Mount Brio?"],
    golden_answers=[["Ann Lee"], ["812 m", "812 metres"]],
)
HACKS = {
    "empty": ["", ""],
    "question": ["Who leads Alba?", "How high is Mount Brio?"],
    "no steps": ["The final answer: Ann Lee", "The final answer: 812 m"],
    "no analysis": ["Step 1:\nThe final answer: Ann Lee", "Step 1:\nThe final answer: 812 m"],
    "several steps at once": [
        f"{headed(1, 'q')}\n{headed(2, answer='Ann Lee')}",
        f"{headed(1, 'q')}\n{headed(2, answer='812 m')}",
    ],
    "invented documents": [
        f"{headed(1, 'leader')}\nThe retrieval documents: Ann Lee leads.",
        f"{headed(1, 'height')}\nThe retrieval documents: 812 m.",
    ],
    "answer shopping": [headed(1, answer="Ann Lee, Bo or Cy"), headed(1, answer="812 m or 813 m or 814 m")],
}


@register("reward")
@dataclass(frozen=True, repr=False)
class HeadedAnswer(OnSearch):
    """Whether the answer under ``The final answer:`` is an accepted one, word for word: 1 or 0.

    Steps are those of :func:`guerdon.text.headed_steps.headed_steps`. Parts: ``open``, 1 where there is an answer that is not an
    accepted one as it is written, so that a judge may be asked; ``end``, how the trajectory ends: 1 with an answer, 0 with a
    search, -1 with a malformed step. Range [0, 1]. Column ``golden_answers`` (text or list). NaN with ``missing_data`` where it is
    empty. ``variant="official"`` cuts the whole text into steps and compares in the few spellings of
    :func:`guerdon.text.exact_match.matches_written_form`.

    Source: R3-RAG (arXiv 2505.23794).

    >>> scores = HeadedAnswer().score(
    ...     Batch([headed(1, answer="Ann Lee."), headed(1, answer="Bo")], golden_answers=["Ann Lee"] * 2)
    ... )
    >>> scores.values.tolist(), scores.parts["headed_answer/open"].tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """

    reference: str = column("golden_answers", expects="the accepted answer, or a list of them")

    bounds = (0.0, 1.0)
    subparts = ("open", "end")

    def _score(self, batch: Batch) -> Scores:
        values, unsettled, ends = np.zeros(len(batch)), np.zeros(len(batch)), np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        variant: Literal["default", "official"] = "official" if self.official else "default"
        accepted = map(reference_texts, self.read(batch, self.reference))
        for i, (trace, references) in enumerate(zip(self.trajectories(batch), accepted, strict=True)):
            last = headed_steps(trace, variant=variant)[-1]
            ends[i] = ENDS[last.kind]
            if last.kind == "malformed":
                notes[i] = Note(Outcome.MALFORMED, "a step without its header, analysis, query or answer")
            elif last.kind == "answer":
                same = matches_written_form if self.official else exact_match
                values[i] = same(last.answer, references)
                unsettled[i] = 1.0 - values[i]
                notes[i] = Note(answer=last.answer)
            if not references:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
        return Scores(values, parts={"open": unsettled, "end": ends}, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)
