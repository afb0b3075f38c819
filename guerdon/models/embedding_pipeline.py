"""What stands in front of every encoder: checks, deduplication, the cache, and NaN for what the encoder could not give."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from guerdon.errors import UserError
from guerdon.models.embedding_cache import EmbeddingCache, Entry, embedding_cache
from guerdon.models.encoder import Backend, Embeddings

NOT_FINITE = "the encoder gave a NaN or infinite component"


def embed_texts(backend: Backend, texts: Sequence[str], cache: EmbeddingCache | None = None) -> Embeddings:
    """The vectors of N texts: each distinct text is looked up or encoded once; what is not finite is NaN and not remembered.

    Raises:
        UserError: ``texts`` is one string, or an item is no string.
    """
    distinct, rows = _distinct(texts)
    if not distinct:
        return Embeddings(np.zeros((0, backend.dimension), np.float32), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    found: dict[str, Entry] = {}
    keys: dict[str, bytes] = {}
    if backend.cacheable:
        cache = cache or embedding_cache()
        keys = {text: text_key(text, backend.fingerprint) for text in distinct}
        hits = cache.get(list(keys.values()))
        found = {text: hits[key] for text, key in keys.items() if key in hits}
    wanted = [text for text in distinct if text not in found]
    new: dict[str, Entry] = {}
    faults: dict[str, str] = {}
    if wanted:
        encoded = backend.encode(wanted)
        finite = np.asarray(np.isfinite(encoded.vectors).all(axis=1))
        for i, text in enumerate(wanted):
            if i in encoded.faults or not finite[i]:
                faults[text] = encoded.faults.get(i, NOT_FINITE)
            else:
                new[text] = Entry(encoded.vectors[i], bool(encoded.windowed[i]))
        if cache is not None and backend.cacheable:
            cache.put({keys[text]: entry for text, entry in new.items()})
    known = {**found, **new}
    width = len(next(iter(known.values())).vector) if known else backend.dimension
    table = np.full((len(distinct), width), np.nan, dtype=np.float32)
    windowed = np.zeros(len(distinct), np.bool_)
    for i, text in enumerate(distinct):
        if text in known:
            table[i], windowed[i] = known[text].vector, known[text].windowed
    cached = np.array([text in found for text in distinct])
    failed = {row: faults[distinct[i]] for row, i in enumerate(rows) if distinct[i] in faults} if faults else {}
    return Embeddings(table[rows], windowed[rows], cached[rows], failed)


def text_key(text: str, fingerprint: str) -> bytes:
    """The cache key of a text under an encoder: 20 bytes of BLAKE2b of the text, keyed by what decides the vector.

    >>> text_key("a", "x") == text_key("a", "x"), text_key("a", "x") == text_key("a", "y")
    (True, False)
    """
    key = hashlib.blake2b(fingerprint.encode(), digest_size=32).digest()
    return hashlib.blake2b(text.encode("utf-8"), digest_size=20, key=key).digest()


def _distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts in order of appearance, and for each text which of them it is."""
    if isinstance(texts, (str, bytes)):
        raise UserError(f"texts={texts!r:.60} is one text; pass a list of texts")
    index: dict[str, int] = {}
    rows = []
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"texts[{i}] is {type(text).__name__} {text!r:.60}, not a string; convert it first")
        rows.append(index.setdefault(_well_formed(text), len(index)))
    return list(index), rows


def _well_formed(text: str) -> str:
    """The text with lone surrogates, which no encoding can carry, as U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
