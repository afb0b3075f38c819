"""Rewards of retrieval relevance kept honest: relevance by dot product, length that pays, repetition that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.length import length_incentive
from guerdon.text.chat_template import STOPS, cut_at, user_turns
from guerdon.text.repetition import distinct_ngrams
from guerdon.text.tokens import find_tokenizer
from guerdon.text.trajectory import prompt_text

CONTRIEVER = "facebook/contriever"
HONEST = Batch(
    ["Tea is a drink made from the leaves of a shrub.", "Rain is water that falls from the clouds in drops."],
    ["Tell me what tea is.", "Tell me what rain is."],
    reference=["Tea is a drink of leaves.", "Rain is falling water."],
)


def masked_mean(tokens: ArrayLike, mask: ArrayLike) -> Floats:
    """(d,) mean of the token vectors (T, d) whose mask (T,) is not 0; zeros where there is none.

    >>> masked_mean([[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]], [1, 1, 0]).tolist()
    [2.0, 1.0]
    """
    weights = np.asarray(mask, dtype=np.float64)
    return np.asarray(weights @ np.asarray(tokens, dtype=np.float64) / max(float(weights.sum()), 1.0))


@register("reward")
@dataclass(frozen=True, repr=False)
class Relevance(Textual):
    """How relevant the completion is to the prompt, or to a reference: the dot product f(x).f(y) of their embeddings.

    The vectors are not normalised, so that the scale is the encoder's: about 0 to 3.5 for Contriever. ``to="prompt"`` takes the
    user's turns, without the words of a chat template; with ``to="reference"`` the column ``reference`` is compared (a list: the
    most relevant counts). Unbounded. An empty completion scores 0, or is embedded like any other with ``variant="official"``.
    NaN without a text to compare with (``missing_data``), or with ``instrument_error`` where the encoder gives no vector. A text
    longer than the encoder's window is the mean of its windows; the completion is read up to the first of the ``stop`` strings.

    A copy of the prompt is very relevant: multiply with :class:`LengthIncentive` and :class:`DistinctNgrams`.

    Source: Kim & Seo 2024 (arXiv 2402.03469).

    >>> from guerdon.models.encoders import TableEncoder
    >>> table = TableEncoder({"What is tea?": [1, 2], "A drink.": [0.5, 1]})
    >>> Relevance(encoder=table, to="prompt").score(Batch(["A drink."], ["What is tea?"])).values.tolist()
    [2.5]
    """

    encoder: Encoder = field(default_factory=lambda: as_encoder(CONTRIEVER))
    to: str = "prompt"
    reference: str | None = column("reference", expects="the reference text, or a list of acceptable ones")
    variant: str = "default"
    stop: tuple[str, ...] = field(default=(), kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        if self.to not in ("prompt", "reference") or self.variant not in ("default", "official"):
            raise UserError(
                f"to={self.to!r}, variant={self.variant!r}: choose 'prompt' or 'reference', 'default' or 'official'"
            )
        if self.to == "prompt":
            object.__setattr__(self, "reference", None)
        super().__post_init__()

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        if self.stop:
            texts = [cut_at(text, self.stop) for text in texts]
            notes = [note or (None if text else Note(Outcome.EMPTY)) for text, note in zip(texts, notes, strict=True)]
        values = np.zeros(len(batch))
        wanted: list[tuple[int, str]] = []
        for i, queries in enumerate(self._queries(batch)):
            if not queries:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference or 'prompt'}")
            elif notes[i] is None or self.variant == "official":
                values[i] = -np.inf
                wanted += [(i, query) for query in queries]
        said = {text: k for k, text in enumerate(dict.fromkeys(t for i, q in wanted for t in (texts[i], q)))}
        embedded = self.encoder.embed_with_info(list(said)) if said else None
        if embedded is not None:
            count("texts", len(said))
            count("cache_hits", int(embedded.cached.sum()))
            vectors = embedded.vectors.astype(np.float64)
            for i, query in wanted:
                dot = float(vectors[said[query]] @ vectors[said[texts[i]]])
                if math.isfinite(dot):
                    values[i] = np.fmax(values[i], dot)
        for i in np.flatnonzero(np.isneginf(values)).tolist():
            values[i], notes[i] = np.nan, Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector")
        return Scores(values, notes={"": tuple(notes)})

    def _queries(self, batch: Batch) -> list[tuple[str, ...]]:
        if self.reference is not None:
            return [reference_texts(value) for value in self.read(batch, self.reference)]
        prompts = batch.prompts or (None,) * len(batch)
        raw = (user_turns(prompt_text(p, None if isinstance(p, str) else ("user",))) for p in prompts)
        return [(text,) if text else () for text in raw]

    @classmethod
    def example_reward(cls) -> Relevance:
        return cls(encoder=CharNGramEncoder(), to="reference")

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, {"empty": ["", ""], "off topic": ["I jump far.", "1, 2, 3, 4."]})


@dataclass(frozen=True, repr=False)
class _OnTokens(Textual):
    """A reward on the tokens of a completion up to the first of the ``stop`` strings."""

    tokenizer: str = field(default="wordpunct", kw_only=True)
    stop: tuple[str, ...] = field(default=STOPS, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            find_tokenizer(self.tokenizer)
        except ValueError as error:
            raise UserError(str(error)) from None

    def tokens(self, batch: Batch) -> list[list[str]]:
        """The tokens of each completion."""
        cut = find_tokenizer(self.tokenizer)
        return [cut(cut_at(text or "", self.stop)) for text in batch.texts(self.of)]

    def _notes(self, tokens: Sequence[Sequence[str]]) -> dict[str, tuple[Note | None, ...]]:
        return {"": tuple(None if said else Note(Outcome.EMPTY) for said in tokens)}


@register("reward")
@dataclass(frozen=True, repr=False)
class LengthIncentive(_OnTokens):
    """Tokens / ``unit``, at most ``limit`` tokens counted: longer is worth more, so only as a factor beside what makes it honest.

    Tokens are runs of word characters and runs of punctuation up to the first of the ``stop`` strings; for scripts that put no
    spaces between words name another ``tokenizer``, such as ``"words"``. Range [0, limit / unit]. Reads no column; never NaN.

    Source: Kim & Seo 2024 (arXiv 2402.03469).

    >>> LengthIncentive().score(Batch(["Don't stop.", "Good.\\n\\n-- Ann"])).values.tolist()
    [0.05, 0.02]
    """

    unit: float = 100.0
    limit: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.unit < math.inf and self.limit > 0):
            raise UserError(f"unit={self.unit} and limit={self.limit} must be positive")

    @property
    def range(self) -> tuple[float, float]:
        return (0.0, self.limit / self.unit)

    def _score(self, batch: Batch) -> Scores:
        tokens = self.tokens(batch)
        lengths = np.minimum(np.array([len(said) for said in tokens], dtype=np.float64), self.limit)
        return Scores(length_incentive(lengths, unit=self.unit), notes=self._notes(tokens))

    @classmethod
    def example(cls) -> Example:
        return Example(
            HONEST, {"empty": ["", ""], "another turn": ["Tea.\n\n\n\n" + "a " * 500, "### Response:" + "b " * 500]}
        )


@register("reward")
@dataclass(frozen=True, repr=False)
class DistinctNgrams(_OnTokens):
    """Share of distinct n-grams among all of the completion's: 1 says nothing twice, near 0 says one thing over and over.

    Case counts. 1 with fewer than ``n`` tokens, ``empty`` without any. Range [0, 1]. Reads no column; never NaN.

    Source: Kim & Seo 2024 (arXiv 2402.03469), repetition penalty; its code gives an empty text 1.

    >>> DistinctNgrams().score(Batch(["I like tea. I like tea.", "I like tea.", ""])).values.round(4).tolist()
    [0.6667, 1.0, 0.0]
    """

    n: int = 3
    empty: float = 0.0

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 1 or not 0.0 <= self.empty <= 1.0:
            raise UserError(f"n={self.n} must be at least 1 and empty={self.empty} lie in [0, 1]")

    def _score(self, batch: Batch) -> Scores:
        tokens = self.tokens(batch)
        values = [distinct_ngrams(said, self.n) if said else self.empty for said in tokens]
        return Scores(np.array(values, dtype=np.float64), notes=self._notes(tokens))

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, {"empty": ["", ""], "loop": ["tea is tea is " * 50, "rain " * 100]})
