"""BMAS: overlap with a reference in meaning, token by token, without a model's forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.models.encoders import CharNGramEncoder, as_encoder
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.short_answers import tagged_or_all
from guerdon.rewards.textual import Textual, reference_texts
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.token_matching import Mean, TokenMatch, token_matching
from guerdon.text.tokens import find_tokenizer

_TOKENS_AT_ONCE = 4096


@register("reward")
@dataclass(frozen=True, repr=False)
class BMAS(Textual):
    """Bidirectional max-mean of token similarities, see :func:`~guerdon.shaping.token_matching.token_matching`.

    Parts: ``forward``, whether each token of the answer is supported by the reference, and ``backward``, whether each reference
    token is covered; the value is their mean. A truncated answer loses the second, a padded one the first. Range [-1, 1]. Column
    ``reference`` (a list: the best counts). Read is the last ``<answer>`` block, or the whole completion, thinking stripped;
    without a token it scores 0. NaN with ``missing_data`` without a reference, with ``instrument_error`` without a finite vector.

    ``tokenizer`` cuts both texts; ``encoder`` embeds each token on its own: a table of the initial input embeddings of the policy
    as in the paper, or any encoder. Do not use the table being trained. Word order, negation and numbers are hardly seen: shuffled
    words score 1. Embeddings with a large common part need a group normalisation behind it.

    Source: Xu et al. 2025, Mixed-R1 (arXiv 2505.24164); the arithmetic mean is ours.

    >>> BMAS().score(Batch(["a red cat", "a red"], reference=["a red cat"] * 2)).values.round(2).tolist()
    [1.0, 0.83]
    """

    reference: str = column("reference", expects="the reference text, or a list of acceptable ones")
    encoder: Encoder = field(default_factory=CharNGramEncoder)
    tokenizer: str = "words"
    mean: Mean = "arithmetic"

    bounds = (-1.0, 1.0)
    heavy = True
    subparts = ("forward", "backward")

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", as_encoder(self.encoder))
        super().__post_init__()
        try:
            find_tokenizer(self.tokenizer)
        except ValueError as error:
            raise UserError(str(error)) from None
        if self.mean not in ("arithmetic", "harmonic"):
            raise UserError(f"mean={self.mean!r} must be 'arithmetic' or 'harmonic'")

    @property
    def floor(self) -> float:
        return 0.0

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros((3, len(batch)))
        asked: dict[str, dict[str, list[int]]] = {}
        for i, value in enumerate(self.read(batch, self.reference)):
            references = [text for text in reference_texts(value) if self._tokens(text)]
            if not references:
                values[:, i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no {self.reference}")
            elif notes[i] is None:
                values[:, i] = -np.inf
                for reference in references:
                    asked.setdefault(reference, {}).setdefault(tagged_or_all(texts[i]), []).append(i)
        for reference, answers in asked.items():
            for (_, rows), match in zip(answers.items(), self._matches(reference, list(answers)), strict=True):
                for i in rows:
                    if not match.score <= values[0, i]:
                        values[:, i] = match.score, match.forward, match.backward
        for i in np.flatnonzero(np.isnan(values[0])).tolist():
            notes[i] = notes[i] or Note(Outcome.INSTRUMENT_ERROR, "the encoder gave no finite vector for a token")
        values = np.clip(values, -1.0, 1.0)
        return Scores(values[0], dict(zip(self.subparts, values[1:], strict=True)), notes={"": tuple(notes)})

    def _tokens(self, text: str) -> list[str]:
        return find_tokenizer(self.tokenizer)(text)

    def _matches(self, reference: str, answers: Sequence[str]) -> list[TokenMatch]:
        """The match of each answer with a reference, every distinct token embedded once."""
        counted = [Counter(self._tokens(text)) for text in (reference, *answers)]
        rows: dict[str, int] = {}
        for tokens in counted:
            for token in tokens:
                rows.setdefault(token, len(rows))
        vectors = self._embedded(list(rows))
        sides = [(vectors[[rows[token] for token in tokens]], list(tokens.values())) for tokens in counted]
        gold, often = sides[0]
        return [
            token_matching(side, gold, mean=self.mean, response_counts=counts, reference_counts=often)
            for side, counts in sides[1:]
        ]

    def _embedded(self, tokens: Sequence[str]) -> Any:
        count("texts", len(tokens))
        parts = [self.encoder.embed(tokens[k : k + _TOKENS_AT_ONCE]) for k in range(0, len(tokens), _TOKENS_AT_ONCE)]
        return np.concatenate(parts)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            ["A red cat sleeps on the sofa.", "<think>x</think><answer>Two boats lie in the harbour.</answer>"],
            ["Describe the picture.", "And this one?"],
            reference=["A red cat is sleeping on a sofa.", "Two boats in a harbour."],
        )
        return Example(
            honest,
            {
                "empty": ["", "<answer></answer>"],
                "question": ["Describe the picture.", "And this one?"],
                "one word": ["cat", "boats"],
                "vocabulary": ["cat dog sofa chair red blue boat harbour sea sky tree house " * 4] * 2,
                "repeated": ["sofa sofa sofa sofa", "harbour harbour harbour"],
            },
        )
