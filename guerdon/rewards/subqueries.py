"""Rewards on the queries of search agents, by sentence embeddings: did they find their answers, do they split the question well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.search import HACKS, HONEST, OnSearch
from guerdon.rewards.textual import reference_texts
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.decomposition import decomposition_score
from guerdon.text.decoded_rollout import decoded_documents, decoded_queries, decoded_question
from guerdon.text.search_trace import matched_documents, searches, split_queries

Vector = NDArray[np.float64]
NO_VECTOR = Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")


@dataclass(frozen=True, repr=False)
class Embedded(OnSearch):
    """What rewards on embedded queries share. Vectors are brought to length 1; ``variant="official"`` takes them as they come."""

    encoder: Encoder = field(default_factory=lambda: as_encoder("minilm"))

    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        super().__post_init__()

    def vectors(self, texts: Sequence[str]) -> Callable[[str], Vector]:
        """text -> its vector, all embedded in one call."""
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        if not rows:
            return lambda text: np.full(1, np.nan)
        embedded = self.encoder.embed_with_info(list(rows))
        count("texts", len(rows))
        count("cache_hits", int(embedded.cached.sum()))
        table = embedded.vectors.astype(np.float64)
        if not self.official:
            lengths = np.linalg.norm(table, axis=1, keepdims=True)
            table = table / np.where(lengths > 0, lengths, 1.0)
        return lambda text: np.asarray(table[rows[text]])

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class Answerability(Embedded):
    """Whether searches found what they asked for: mean cosine between each sub-query and the first documents returned for it.

    Mean over the first ``documents`` documents, then over a search's sub-queries (separated by ``##``, their documents likewise),
    then over searches that the environment answered. A search without sub-queries or documents counts 0, and so does a
    trajectory without searches. Range [-1, 1]. Reads no column of its own. NaN with ``instrument_error`` where the encoder
    fails. ``variant="official"`` pairs the non-blank search and information blocks of the decoded text by position.

    Source: SubSearch (arXiv 2604.07415), answerability.

    >>> asked = [{"role": "assistant", "content": "<search>rain</search>"}, {"role": "tool", "content": "rain"}]
    >>> Answerability(encoder="char-ngram").score(Batch([asked, "<search>rain</search>"])).values.round(4).tolist()
    [1.0, 0.0]
    """

    documents: int = 3

    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.documents < 1:
            raise UserError(f"documents={self.documents} must be at least 1")

    def rounds(self, batch: Batch) -> list[list[list[tuple[str, list[str]]]]]:
        """Sample by sample and search by search, each sub-query with its first documents."""
        first = self.documents
        if self.official:
            return [
                [
                    [(query, found[:first]) for query, found in zip(queries, shares, strict=False)]
                    for queries, shares in zip(decoded_queries(text), decoded_documents(text), strict=False)
                ]
                for text in self.decoded(batch)
            ]
        return [
            [
                [(query, found[:first]) for query, found in matched_documents(search)]
                for search in searches(parsed)
                if search.found is not None
            ]
            for parsed in self.trajectories(batch)
        ]

    def _score(self, batch: Batch) -> Scores:
        samples = self.rounds(batch)
        pairs = [pair for rounds in samples for asked in rounds for pair in asked if pair[1]]
        vector = self.vectors([text for query, found in pairs for text in (query, *found)])

        def near(query: str, found: Sequence[str]) -> float:
            return _mean([float(vector(query) @ vector(text)) for text in found])

        values = np.array([_mean([_mean([near(*pair) for pair in asked]) for asked in rounds]) for rounds in samples])
        notes = [NO_VECTOR if np.isnan(value) else None for value in values]
        return Scores(np.clip(values, -1.0, 1.0) if not self.official else values, notes={"": tuple(notes)})

    @classmethod
    def example_reward(cls) -> Answerability:
        return cls(encoder=CharNGramEncoder())


@register("reward")
@dataclass(frozen=True, repr=False)
class Decomposition(Embedded):
    """Whether the sub-queries of each search cover the question without repeating each other or copying it.

    Mean over searches of :func:`guerdon.shaping.decomposition.decomposition_score`: a single query is best at cosine 0.85 to the
    question and worth 0 as a copy; several should cover it together and differ. Searches that the environment did not answer, or
    without a sub-query, do not count; without any it is 0. Range [-1.5, 1.5], in practice [0, 1].

    Column ``question``; None: what follows ``Question:`` in the prompt. NaN with ``missing_data`` where it is empty, with
    ``instrument_error`` where the encoder fails. ``variant="official"`` reads all search blocks of the decoded text, the question
    there too unless a column is named, and makes an empty question 0.

    Source: SubSearch (arXiv 2604.07415), decomposition.

    >>> asked = [{"role": "assistant", "content": "<search>Who?</search>"}, {"role": "tool", "content": "Ann"}]
    >>> Decomposition(encoder="char-ngram").score(Batch([asked], question=["Who?"])).values.round(4).tolist()
    [0.0]
    """

    question: str | None = column("question", expects="the question to be split")

    bounds = (-1.5, 1.5)

    def questions(self, batch: Batch) -> list[str]:
        """The question of each sample, "" where there is none."""
        if self.question is not None:
            return [next(iter(reference_texts(value)), "") for value in self.read(batch, self.question)]
        return [decoded_question(text) for text in (self.decoded(batch) if self.official else batch.prompt_texts)]

    def rounds(self, batch: Batch) -> list[list[list[str]]]:
        """Sample by sample and search by search, the sub-queries."""
        if self.official:
            return [[queries for queries in decoded_queries(text) if queries] for text in self.decoded(batch)]
        return [
            [asked for s in searches(parsed) if s.found is not None and (asked := split_queries(s.query))]
            for parsed in self.trajectories(batch)
        ]

    def _score(self, batch: Batch) -> Scores:
        questions, samples = self.questions(batch), self.rounds(batch)
        live = [(question, rounds) for question, rounds in zip(questions, samples, strict=True) if question and rounds]
        vector = self.vectors([text for q, rounds in live for text in (q, *(one for asked in rounds for one in asked))])
        values = np.zeros(len(batch))
        notes: list[Note | None] = [None] * len(batch)
        for i, (question, rounds) in enumerate(zip(questions, samples, strict=True)):
            if not question and not self.official:
                values[i], notes[i] = (
                    np.nan,
                    Note(Outcome.MISSING_DATA, f"no {self.question or 'Question: in the prompt'}"),
                )
            elif question and rounds:
                parent = vector(question)
                values[i] = _mean([decomposition_score(parent, [vector(one) for one in asked]) for asked in rounds])
                notes[i] = NO_VECTOR if np.isnan(values[i]) else None
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example_reward(cls) -> Decomposition:
        return cls(encoder=CharNGramEncoder())


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values)) if values else 0.0
