"""An embedding server as an encoder: Text Embeddings Inference (``/embed``) or the OpenAI form (``/v1/embeddings``)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import numpy as np

from guerdon.errors import UserError
from guerdon.models.checks import check_least, check_url
from guerdon.models.embedding_requests import Failure, Sender
from guerdon.models.encoder import Backend, Encoded, Encoder, EncoderFault
from guerdon.models.token_batches import length_sorted_batches, mean_of_windows, unit_length
from guerdon.registry import register

API = Literal["auto", "tei", "openai"]

# No window of text is split below this many characters: what a server refuses then, it does not refuse for its length.
_SHORTEST_WINDOW = 64


@register("encoder", "http")
@dataclass(frozen=True)
class HTTPEncoder(Encoder):
    """Vectors from a server. Texts go out deduplicated, in batches of similar length, ``concurrency`` requests at a time.

    A text that the server refuses as too long is cut in overlapping windows, whose mean, weighted by length, is its vector; the
    server is asked never to truncate (servers that truncate silently all the same: set ``window_characters``). Refused
    connections, time-outs and status 408, 429 and 5xx are tried again, with exponentially growing, jittered pauses or those the
    server asks for; what still fails is a NaN row with its reason.

    Attributes:
        url: the server ("http://host:8080", "https://host/v1"), or the full address ending in /embed or /embeddings.
        model: the name the server knows the model by (OpenAI form).
        api: "tei", "openai", or "auto": by the address, then "openai" if there is a ``model``, else "tei".
        revision: what you know of the served weights; part of the fingerprint, so that cached vectors of others are not used.
        dimension_expected: the length every vector must have; None: that of the first one.
        normalize: whether vectors get unit length.
        prefix: text put before every input.
        api_key_variable: the environment variable that holds the key, never the key itself.
        batch_size: texts per request. batch_characters: characters per request. concurrency: requests under way at once.
        timeout: seconds per request. retries: further tries per request. pause: seconds before the first of them.
        window_characters: longest text sent whole; None: until the server refuses one.

    Raises:
        UserError: an address or option that cannot be.
        EncoderFault: the server refuses the key or the path, or its vectors have another dimension.
    """

    url: str
    model: str | None = None
    api: API = "auto"
    revision: str | None = None
    dimension_expected: int | None = None
    normalize: bool = True
    prefix: str = ""
    api_key_variable: str | None = None
    batch_size: int = 32
    batch_characters: int = 32_768
    concurrency: int = 8
    timeout: float = 30.0
    retries: int = 4
    pause: float = 0.5
    window_characters: int | None = None

    def __post_init__(self) -> None:
        check_url(self.url)
        if self.api not in get_args(API):
            raise UserError(f"api={self.api!r} is unknown; choose one of {', '.join(get_args(API))}")
        check_least(self, batch_size=1, batch_characters=1, concurrency=1, retries=0, pause=0)
        if self.timeout <= 0:
            raise UserError(f"timeout={self.timeout} must be more than 0 seconds")
        check_least(self, window_characters=_SHORTEST_WINDOW)

    @property
    def openai(self) -> bool:
        """Whether requests have the OpenAI form."""
        if self.api != "auto":
            return self.api == "openai"
        path = urlsplit(self.url).path.rstrip("/")
        return path.endswith(("/v1", "/embeddings")) or (not path.endswith("/embed") and self.model is not None)

    @property
    def address(self) -> str:
        """Where requests go.

        >>> HTTPEncoder("http://127.0.0.1:8080").address, HTTPEncoder("http://127.0.0.1:8000", model="e5").address
        ('http://127.0.0.1:8080/embed', 'http://127.0.0.1:8000/v1/embeddings')
        """
        said = self.url.rstrip("/")
        if self.openai:
            return (
                said if said.endswith("/embeddings") else said + ("" if said.endswith("/v1") else "/v1") + "/embeddings"
            )
        return said if said.endswith("/embed") else f"{said}/embed"

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """The request for these texts."""
        if not self.openai:
            return {"inputs": list(texts), "normalize": self.normalize, "truncate": False}
        named = {"model": self.model} if self.model else {}
        return {**named, "input": list(texts), "encoding_format": "float"}

    def _load(self) -> Backend:
        key = None
        if self.api_key_variable:
            key = os.environ.get(self.api_key_variable)
            if not key:
                raise UserError(f"the environment variable {self.api_key_variable!r} (api_key_variable) is not set")
        return _Server(self, Sender(self.address, key, self.timeout, self.retries, self.pause, self.concurrency))


class _Server:
    cacheable = True

    def __init__(self, description: HTTPEncoder, sender: Sender) -> None:
        self.description, self.sender = description, sender
        self._threads = ThreadPoolExecutor(description.concurrency, thread_name_prefix="guerdon-embedding-requests")
        self._dimension = description.dimension_expected
        shape = (description.normalize, description.prefix, description.window_characters)
        served = f"{sender.served_weights(description.url) if not description.openai else ''}"
        said = repr((description.address, description.model, description.revision, served, *shape))
        self.fingerprint = f"http/{description.model or ''}/{hashlib.sha256(said.encode()).hexdigest()[:32]}"

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            self._request(["dimension"])
        return self._dimension or 0

    def encode(self, texts: Sequence[str]) -> Encoded:
        said = self.description
        windows: list[str] = []
        owners: list[int] = []
        for i, text in enumerate(texts):
            parts = character_windows(text, said.window_characters) if said.window_characters else [text]
            windows += parts
            owners += [i] * len(parts)
        lengths = np.array([len(window) for window in windows], dtype=np.int64)
        by_budget = length_sorted_batches(np.maximum(lengths, 1), said.batch_characters)
        batches = [b[i : i + said.batch_size] for b in by_budget for i in range(0, len(b), said.batch_size)]
        answers = list(self._threads.map(lambda batch: self._batch([windows[i] for i in batch]), batches))
        # An answer row is (vector, was split) or the failure.
        found: dict[int, tuple[np.ndarray, bool] | Failure] = {}
        for batch, rows in zip(batches, answers, strict=True):
            found.update(zip(batch.tolist(), rows, strict=True))
        faults = {owners[i]: row.reason for i, row in found.items() if isinstance(row, Failure)}
        width = self._dimension or 0
        vectors = np.full((len(texts), width), np.nan)
        windowed = np.bincount(owners, minlength=len(texts)) > 1
        good = [i for i in range(len(windows)) if owners[i] not in faults]
        if good:
            rows_found = [row for i in good if not isinstance(row := found[i], Failure)]
            for i, row in zip(good, rows_found, strict=True):
                windowed[owners[i]] |= row[1]
            stacked = np.stack([row[0] for row in rows_found]).astype(np.float32)
            kept = np.array([owners[i] for i in good])
            means = mean_of_windows(stacked, kept, np.maximum(lengths[good], 1), len(texts))
            filled = np.unique(kept)
            vectors[filled] = unit_length(means[filled]) if said.normalize else means[filled]
        return Encoded(vectors.astype(np.float32), windowed, faults)

    def _batch(self, texts: Sequence[str]) -> list[tuple[np.ndarray, bool] | Failure]:
        """One row per text: asked together; refused, each half by itself; a single one refused, its windows."""
        answer = self._request([self.description.prefix + text for text in texts])
        if not isinstance(answer, Failure):
            return [(vector, False) for vector in answer]
        if not answer.refused:
            return [answer] * len(texts)
        if len(texts) > 1:
            middle = len(texts) // 2
            return self._batch(texts[:middle]) + self._batch(texts[middle:])
        (text,) = texts
        if not answer.too_long or len(text) < 2 * _SHORTEST_WINDOW:
            return [answer]
        windows = character_windows(text, -(-len(text) * 9 // 16))
        rows = [self._batch([window])[0] for window in windows]
        for row in rows:
            if isinstance(row, Failure):
                return [row]
        vectors = np.stack([row[0] for row in rows if not isinstance(row, Failure)]).astype(np.float32)
        weights = np.array([len(window) for window in windows])
        return [(mean_of_windows(vectors, np.zeros(len(rows), dtype=np.int64), weights, 1)[0], True)]

    def _request(self, texts: Sequence[str]) -> np.ndarray | Failure:
        answer = self.sender.post(self.description.body(texts))
        if isinstance(answer, Failure):
            return answer
        vectors = read_vectors(answer, len(texts))
        if isinstance(vectors, Failure):
            return vectors
        if self._dimension is None:
            self._dimension = vectors.shape[1]
        if vectors.shape[1] != self._dimension:
            raise EncoderFault(
                f"{self.description.address} gave vectors of {vectors.shape[1]} components, not {self._dimension}; "
                "does it serve another model now? Set dimension_expected to what you want, or name the right server"
            )
        return vectors


def read_vectors(answer: Any, count: int) -> np.ndarray | Failure:
    """(count, d) from an answer of either form, in the order asked; a null component is NaN. Anything else is a failure.

    >>> read_vectors({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]}, 2).tolist()
    [[1.0], [2.0]]
    """
    rows = answer
    if isinstance(answer, dict):
        data = answer.get("data")
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            return Failure("malformed answer: no list 'data'")
        places = [item.get("index", i) for i, item in enumerate(data)]
        if sorted(places, key=str) != sorted(range(len(data)), key=str):
            return Failure(f"malformed answer: its indices are {places!r:.80}")
        rows = [item.get("embedding") for _, item in sorted(zip(places, data, strict=True), key=lambda pair: pair[0])]
    if not isinstance(rows, list) or len(rows) != count:
        said = f"{len(rows)} vectors" if isinstance(rows, list) else f"{type(rows).__name__}"
        return Failure(f"malformed answer: {said} for {count} texts")
    try:
        vectors = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError):
        return Failure("malformed answer: a vector is not a list of numbers, or their lengths differ")
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        return Failure(f"malformed answer: vectors of shape {vectors.shape}")
    return vectors


def character_windows(text: str, longest: int) -> list[str]:
    """The text in pieces of at most ``longest`` characters, each starting an eighth before the last one's end.

    Pieces start and end at white space where some is near.

    >>> [len(window) for window in character_windows("one two three four five six seven eight nine ten " * 2, 64)]
    [63, 41]
    >>> character_windows("short", 64)
    ['short']
    """
    pieces, start = [], 0
    while len(text) - start > longest:
        stop = text.rfind(" ", start + longest // 2, start + longest) + 1 or start + longest
        pieces.append(text[start:stop])
        back = stop - longest // 8
        start = text.find(" ", back, stop - 1) + 1 or back
    return [*pieces, text[start:]]
