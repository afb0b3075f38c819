"""From texts to token batches and back: windows of long texts, length-sorted batches under a token budget, means of windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import UserError
from guerdon.models.encoder import Encoded, Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Integers = NDArray[np.int64]
Forward = Callable[[Integers, Integers], Vectors]


def length_sorted_batches(lengths: Integers, budget: int, workers: int = 1) -> list[Integers]:
    """Row numbers in batches, longest rows first, each of at most ``budget`` tokens padding included (or of one row).

    With several workers the budget shrinks until each has something to do.

    >>> [batch.tolist() for batch in length_sorted_batches(np.array([1, 4, 2, 2]), budget=4)]
    [[1], [2, 3], [0]]
    """
    if workers > 1:
        budget = max(1, min(budget, -(-int(lengths.sum()) // workers)))
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        width = max(1, budget // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + width])
        start += width
    return batches


def mean_of_windows(vectors: Vectors, owners: Integers, weights: Integers, count: int) -> NDArray[np.float64]:
    """(count, d) means of the windows of each text, weighted; a text of one window keeps its vector.

    >>> v = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    >>> mean_of_windows(v, np.array([0, 0, 1]), np.array([3, 1, 7]), 2).tolist()
    [[0.75, 0.25], [1.0, 1.0]]
    """
    share = weights / np.bincount(owners, weights=weights, minlength=count)[owners]
    means = np.zeros((count, vectors.shape[1]))
    np.add.at(means, owners, vectors * share[:, None])
    return means


def unit_length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows divided by their length; a zero row stays zero.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    scaled: NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


class Windows:
    """A tokenizer set to windows of ``max_length`` tokens, special tokens included, consecutive ones sharing ``overlap``."""

    def __init__(self, tokenizer: Tokenizer, max_length: int, overlap: int) -> None:
        self.special = tokenizer.num_special_tokens_to_add(False)
        room = max_length - self.special
        if room < 1 or not 0 <= overlap < room:
            raise UserError(
                f"overlap={overlap} must be between 0 and {max(room - 1, 0)}: a window of max_length={max_length} tokens "
                f"holds {room} tokens of text"
            )
        tokenizer.enable_truncation(max_length, stride=overlap, direction="right")
        tokenizer.no_padding()
        self.tokenizer = tokenizer

    def split(self, texts: Sequence[str]) -> tuple[list[list[int]], Integers]:
        """The token ids of every window, and the text each belongs to."""
        ids: list[list[int]] = []
        owners: list[int] = []
        for i, encoding in enumerate(self.tokenizer.encode_batch_fast(list(texts))):
            windows = [encoding, *encoding.overflowing]
            ids += [window.ids for window in windows]
            owners += [i] * len(windows)
        return ids, np.array(owners, dtype=np.int64)


class TokenBackend:
    """A transformer behind a tokenizer: tokenises once, then runs padded batches through ``forward``.

    ``forward`` maps ids and mask (B, T) to pooled vectors (B, d). With ``workers`` > 1 it runs in as many threads.
    """

    cacheable = True

    def __init__(
        self,
        windows: Windows,
        forward: Forward,
        *,
        dimension: int,
        fingerprint: str,
        normalize: bool,
        prefix: str = "",
        lowercase: bool = False,
        batch_tokens: int = 2048,
        workers: int = 1,
    ) -> None:
        self.windows, self.forward = windows, forward
        self.dimension, self.fingerprint = dimension, fingerprint
        self.normalize, self.prefix, self.lowercase = normalize, prefix, lowercase
        self.batch_tokens, self.workers = batch_tokens, workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="guerdon-encoder") if workers > 1 else None
        self._padding = padding_id(windows.tokenizer)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of these texts, those longer than a window as the token-weighted mean of their windows."""
        prefixed = [self.prefix + (text.lower() if self.lowercase else text) for text in texts]
        ids, owners = self.windows.split(prefixed)
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        vectors = np.zeros((len(ids), self.dimension), dtype=np.float32)

        def run(batch: Integers) -> None:
            batch = batch[lengths[batch] > 0]
            if len(batch):
                vectors[batch] = self.forward(*self._padded([ids[i] for i in batch], int(lengths[batch[0]])))

        batches = length_sorted_batches(lengths, self.batch_tokens, self.workers)
        if self._threads is None or len(batches) == 1:
            for batch in batches:
                run(batch)
        else:
            list(self._threads.map(run, batches))
        windowed = np.bincount(owners, minlength=len(texts)) > 1
        means = unit_length(vectors.astype(np.float64)) if self.normalize else vectors.astype(np.float64)
        if windowed.any():
            weights = np.maximum(lengths - self.windows.special, 1)
            means = mean_of_windows(means.astype(np.float32), owners, weights, len(texts))
            means = unit_length(means) if self.normalize else means
        return Encoded(means.astype(np.float32), windowed)

    def _padded(self, rows: Sequence[Sequence[int]], width: int) -> tuple[Integers, Integers]:
        ids = np.full((len(rows), width), self._padding, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return ids, mask


def padding_id(tokenizer: Tokenizer) -> int:
    """The id of a tokenizer's padding token, or 0: what stands under a zero of the mask changes no vector."""
    found = (tokenizer.token_to_id(token) for token in ("[PAD]", "<pad>"))
    return next((int(i) for i in found if i is not None), 0)


def pool(tokens: Vectors, mask: Integers, pooling: str) -> Vectors:
    """(B, d) from token vectors (B, T, d): the mean or maximum over unmasked tokens, or the first token.

    >>> t = np.array([[[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]]], dtype=np.float32)
    >>> pool(t, np.array([[1, 1, 0]]), "mean").tolist(), pool(t, np.array([[1, 1, 0]]), "max").tolist()
    ([[2.0, 1.0]], [[3.0, 2.0]])
    """
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "max":
        return np.asarray(np.where(mask[:, :, None] > 0, tokens, np.float32(-np.inf)).max(axis=1))
    share = (mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    return np.asarray(np.matmul(share[:, None, :], tokens)[:, 0])
