"""Rewards on the entities a completion names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.entities import entity_recall, mentioned
from guerdon.text.thinking import strip_thinking, thinking
from guerdon.text.tokens import find_tokenizer
from guerdon.text.trajectory import POLICY, content_text, messages_of


@register("reward")
@dataclass(frozen=True, repr=False)
class EntityRecall(Reward):
    """Share of the given entities that the policy's turns name: (1/K) sum_k [ entity k is found in the text ].

    Text and entities are compared by their tokens, a part of a word counting unless ``whole_words``. The text is what the reader
    sees of all the policy's turns (``content``), the thinking (``reasoning``), or both. Range [0, 1]. Column ``rubrics`` (a list
    of names; one listed twice counts twice, an empty list is 0). NaN with ``missing_data`` where it holds no list, or names of
    which the tokenizer leaves nothing.

    ``variant="official"`` takes a name of which nothing is left for found, contents for free of thinking, and reasoning from the
    messages' own field.

    Listing names is cheap: use it behind a gate on the outcome.

    Source: LongTraceRL 2026 (arXiv 2605.31584), rubric score.

    >>> batch = Batch(["<think>Rome?</think>Born in Warsaw, moved to Paris."], rubrics=[["Warsaw", "Paris", "Rome"]])
    >>> EntityRecall().score(batch).values.round(4).tolist()
    [0.6667]
    """

    entities: str = column("rubrics", expects="a list of the names of entities")
    content: bool = field(default=True, kw_only=True)
    reasoning: bool = field(default=False, kw_only=True)
    whole_words: bool = field(default=False, kw_only=True)
    accents: bool = field(default=True, kw_only=True)
    tokenizer: str = field(default="words", kw_only=True)
    variant: str = field(default="default", kw_only=True)

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")
        try:
            find_tokenizer(self.tokenizer)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _score(self, batch: Batch) -> Scores:
        values = np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        for i, (completion, entities) in enumerate(
            zip(batch.completions, self.read(batch, self.entities), strict=True)
        ):
            text = "\n\n".join(part for part in self._said(completion) if part)
            names = _names(entities)
            found = [] if names is None else self._found(text, names)
            if names is None or (names and self.variant != "official" and set(found) == {None}):
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no names in {self.entities}")
            elif text.strip() or self.variant == "official":
                values[i] = entity_recall(found, variant=self.variant)
            else:
                notes[i] = Note(Outcome.EMPTY)
        return Scores(values, notes={"": tuple(notes)})

    def _found(self, text: str, names: list[str]) -> list[bool | None]:
        return mentioned(text, names, tokenizer=self.tokenizer, accents=self.accents, whole_words=self.whole_words)

    def _said(self, completion: Any) -> Iterator[str]:
        official = self.variant == "official"
        messages = [{"content": completion}] if isinstance(completion, str) else messages_of(completion)
        for message in messages:
            if message.get("role", POLICY) == POLICY:
                said = content_text(message.get("content"))
                if self.reasoning:
                    yield _reasoning(message)
                    yield "" if official else thinking(said)
                if self.content:
                    yield said if official else strip_thinking(said)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["Curie was born in Warsaw and died in Passy.", "北京大学在北京。"],
            ["Where did the discoverer of radium die?", "北京大学在哪里?"],
            rubrics=[["Curie", "Warsaw", "Passy"], ["北京大学"]],
        )
        thought = "<think>Curie, Warsaw, Passy, 北京大学</think>"
        return Example(
            honest,
            {
                "empty": ["", ""],
                "question": ["Where did the discoverer of radium die?", "在哪里?"],
                "thought": [thought] * 2,
            },
        )


def _names(value: Any) -> list[str] | None:
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, (list, tuple)):
        return None
    return [str(name) for name in value if name is not None]


def _reasoning(message: Mapping[str, Any]) -> str:
    said = message.get("reasoning_content")
    return said if isinstance(said, str) else ""
