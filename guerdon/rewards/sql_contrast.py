"""SQLContrast: whether a query is nearer in meaning to its own question than the queries of other questions are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.semantic import EPSILON
from guerdon.rewards.sql import LONGEST, SQLReward
from guerdon.rewards.textual import reference_texts
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.contrast import margin_contrast, softmax_contrast
from guerdon.text.sql import describe_sql, normalize_sql

ALONE = Note(message="no negatives")


@register("reward")
@dataclass(frozen=True, repr=False)
class SQLContrast(SQLReward):
    """How much nearer the query is to its own question than the gold queries of other questions are.

    With f an encoder, q the question, g(y) = f of the query in plain words (see :func:`guerdon.text.sql.describe_sql`; of its SQL
    with ``describe=False``) and N the negatives: ``form="softmax"``: exp(cos(q, g(y)) / T) / sum over {y} and N of
    exp(cos(q, .) / T), range [0, 1]; ``"margin"``: cos(q, g(y)) - mean over N of cos(q, .), range [-2, 2].

    Negatives are the distinct gold queries of the other prompts in the batch, so that all completions of a prompt see the same; or,
    with ``negatives``, those in a column (prefer queries on the same database). One written like the sample's own gold
    query is left out. Without any, the formula stands (1, or the plain cosine), or the sample is skipped (``lone="skip"``).
    ``anchor="gold"`` puts the gold query in the place of the question.

    Columns ``question`` and ``gold_sql``. ``encoder`` must know the language of the questions. A completion without a query gets
    the lowest value. NaN with ``missing_data`` without the anchor, ``instrument_error`` where the encoder gives no finite vector.

    Source: our design after Kattamuri et al. 2025 (arXiv 2510.13827), whose formula is not public.

    >>> batch = Batch(
    ...     ["SELECT name FROM city", "SELECT name FROM city"],
    ...     question=["Names of cities?", "Total price of all orders?"],
    ...     gold_sql=["SELECT name FROM city", "SELECT sum(price) FROM orders"],
    ... )
    >>> SQLContrast(encoder="char-ngram").score(batch).values.round(2).tolist()
    [0.89, 0.5]
    """

    question: str = column("question", expects="the question, in any language the encoder knows")
    gold: str = column("gold_sql", expects="the gold query")
    negatives: str | None = column(None, expects="a list of queries of other questions")
    encoder: Encoder = field(default_factory=lambda: as_encoder("minilm"))
    temperature: float = field(default=0.1, kw_only=True)
    form: Literal["softmax", "margin"] = field(default="softmax", kw_only=True)
    anchor: Literal["question", "gold"] = field(default="question", kw_only=True)
    describe: bool = field(default=True, kw_only=True)
    lone: Literal["score", "skip"] = field(default="score", kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        super().__post_init__()
        for name, choices in {
            "form": ("softmax", "margin"),
            "anchor": ("question", "gold"),
            "lone": ("score", "skip"),
        }.items():
            if getattr(self, name) not in choices:
                raise UserError(f"{name}={getattr(self, name)!r} is unknown; choices: {', '.join(choices)}")
        if not self.temperature > 0:
            raise UserError(f"temperature={self.temperature!r} must be positive")

    @property
    def range(self) -> tuple[float, float]:
        return (0.0, 1.0) if self.form == "softmax" else (-2.0, 2.0)

    @property
    def own_tie(self) -> str | None:
        return "batch" if self.negatives is None else None

    def _score(self, batch: Batch) -> Scores:
        found, notes = self.queries(batch)
        golds = [next(iter(reference_texts(value)), "") for value in self.read(batch, self.gold)]
        questions = [next(iter(reference_texts(value)), "") for value in self.read(batch, self.question)]
        anchors = [self._said(gold) for gold in golds] if self.anchor == "gold" else questions
        values = np.full(len(batch), self.floor)
        rows: list[int] = []
        for i, anchor in enumerate(anchors):
            if not anchor:
                missing = self.gold if self.anchor == "gold" else self.question
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {missing}")
            elif notes[i] is None:
                rows.append(i)
        if not rows:
            return Scores(values, notes={"": tuple(notes)})
        others = self._negatives(batch, golds, rows)
        cosines = self._cosines([(anchors[i], [self._said(found[i]), *others[i]]) for i in rows])
        for i, row in zip(rows, cosines, strict=True):
            values[i], notes[i] = self._contrast(row, found[i])
        return Scores(values, notes={"": tuple(notes)})

    def _contrast(self, cosines: Floats, sql: str) -> tuple[float, Note]:
        if np.isnan(cosines).any():
            return np.nan, Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")
        own, negatives = cosines[:1], cosines[1:]
        if not len(negatives) and self.lone == "skip":
            return np.nan, Note(Outcome.SKIPPED, ALONE.message)
        if self.form == "softmax":
            value = softmax_contrast(own, negatives, temperature=self.temperature)
        else:
            value = margin_contrast(own, negatives)
        return float(value[0]), Note(answer=sql) if len(negatives) else ALONE

    def _said(self, sql: str) -> str:
        """What the encoder is given for a query; equal for queries written alike."""
        normal = normalize_sql(sql[:LONGEST])
        return (describe_sql(normal) or normal) if self.describe else normal

    def _negatives(self, batch: Batch, golds: Sequence[str], rows: Sequence[int]) -> dict[int, list[str]]:
        """For each row what is said for its negatives, in the same order for all that share them."""
        said = {gold: (normalize_sql(gold[:LONGEST]), self._said(gold)) for gold in set(golds) if gold}
        if self.negatives is not None:
            listed = self.read(batch, self.negatives)
            return {i: self._others(reference_texts(_as_list(listed[i])), golds[i]) for i in rows}
        groups: dict[str, set[int]] = {}
        for gold, group in zip(golds, batch.groups.tolist(), strict=True):
            if gold:
                groups.setdefault(said[gold][0], set()).add(group)
        texts = dict(said.values())
        shared: dict[tuple[int, str], list[str]] = {}
        for i in rows:
            key = (int(batch.groups[i]), said[golds[i]][0] if golds[i] else "")
            if key not in shared:
                group, own = key
                shared[key] = [texts[n] for n in sorted(groups) if n != own and groups[n] != {group}]
        return {i: shared[int(batch.groups[i]), said[golds[i]][0] if golds[i] else ""] for i in rows}

    def _others(self, listed: Sequence[str], gold: str) -> list[str]:
        own = normalize_sql(gold[:LONGEST])
        normal = {normalize_sql(sql[:LONGEST]): sql for sql in listed}
        return [self._said(normal[key]) for key in sorted(normal) if key != own]

    def _cosines(self, wanted: Sequence[tuple[str, list[str]]]) -> list[Floats]:
        """For each anchor its cosines to the texts beside it."""
        index: dict[str, int] = {}
        for anchor, texts in wanted:
            for text in (anchor, *texts):
                index.setdefault(text, len(index))
        embedded = self.encoder.embed_with_info(list(index))
        count("texts", len(index))
        count("cache_hits", int(embedded.cached.sum()))
        vectors = np.asarray(embedded.vectors, dtype=np.float64)
        norms = np.linalg.norm(vectors, axis=1)
        cosines = []
        for anchor, texts in wanted:
            left, right = index[anchor], [index[text] for text in texts]
            dots = vectors[right] @ vectors[left]
            cosines.append(np.clip(dots / (norms[right] * norms[left] + EPSILON), -1.0, 1.0))
        return cosines

    @classmethod
    def example_reward(cls) -> SQLContrast:
        return cls(encoder=CharNGramEncoder())

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["```sql\nSELECT name FROM city WHERE country = 'Italy'\n```", "SELECT sum(price) FROM orders"],
            ["names", "prices"],
            question=[
                "What are the names of the cities in the country Italy?",
                "What is the total price of all orders?",
            ],
            gold_sql=["SELECT name FROM city WHERE country = 'Italy'", "SELECT sum(price) FROM orders"],
        )
        return Example(
            honest,
            {
                "empty": ["", ""],
                "swapped": ["SELECT sum(price) FROM orders", "SELECT name FROM city WHERE country = 'Italy'"],
                "keywords": ["SELECT * FROM x JOIN y", "SELECT 1"],
                "prose": ["names of the cities in the country Italy", "total price of all orders"],
            },
        )


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple, np.ndarray)) else value
