"""Entities named in a text: which of a list of names a text mentions."""

from __future__ import annotations

from collections.abc import Sequence

from guerdon.text.normalize import strip_accents
from guerdon.text.tokens import Tokenizer, find_tokenizer


def normal_form(text: str, *, tokenizer: str | Tokenizer = "ascii", accents: bool = True) -> str:
    """The tokens of a text joined by single spaces, the form in which names are looked for; ``accents=False`` strips them first.

    Source: with the ``"ascii"`` tokenizer, LongTraceRL 2026 (arXiv 2605.31584), released code.

    >>> normal_form("Saint-Germain, 北京!"), normal_form("São Paulo"), normal_form("São Paulo", accents=False)
    ('saint germain 北 京', 's o paulo', 'sao paulo')
    """
    return " ".join(find_tokenizer(tokenizer)(text if accents else strip_accents(text)))


def mentioned(
    text: str,
    entities: Sequence[str],
    *,
    tokenizer: str | Tokenizer = "ascii",
    accents: bool = True,
    whole_words: bool = False,
) -> list[bool | None]:
    """Whether each entity's normal form is found in that of the text; None for an entity of which nothing is left.

    A part of a word counts too ("art" in "the artist"), unless ``whole_words``.

    >>> mentioned("She was born in Warsaw.", ["Warsaw", "Paris", "...", "saw"])
    [True, False, None, True]
    >>> mentioned("She was born in Warsaw.", ["saw"], whole_words=True)
    [False]
    """
    said, *names = (normal_form(one, tokenizer=tokenizer, accents=accents) for one in (text, *entities))
    edge = " " if whole_words else ""
    said = f"{edge}{said}{edge}"
    return [f"{edge}{name}{edge}" in said if name else None for name in names]


def entity_recall(found: Sequence[bool | None], *, variant: str = "default") -> float:
    """Share of entities mentioned, in [0, 1]; one named twice counts twice; 0 without any.

    Entities of which nothing was left (None) do not count; ``variant="official"`` takes them for mentioned.

    Source: LongTraceRL 2026 (arXiv 2605.31584), rubric score.

    >>> entity_recall([True, False, None]), entity_recall([True, None], variant="official"), entity_recall([])
    (0.5, 1.0, 0.0)
    """
    counted = (
        [one is not False for one in found] if variant == "official" else [one for one in found if one is not None]
    )
    return sum(counted) / len(counted) if counted else 0.0
