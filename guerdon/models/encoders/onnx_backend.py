"""Sentence encoders on ONNX Runtime (CPU): one thread per batch, several batches side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guerdon.errors import MissingExtra
from guerdon.models.encoder import EncoderFault, Vectors
from guerdon.models.encoders.onnx_export import exported
from guerdon.models.model_files import folder_hash
from guerdon.models.sentence_layout import read_layout, transformer_folder
from guerdon.models.token_batches import Integers, TokenBackend, Windows, pool

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from guerdon.models.encoders.sentence_transformer import SentenceTransformerEncoder

# Few enough that a batch's activations stay in a core's own cache.
BATCH_TOKENS = 384

# The fused skip-layer-norm kernel is not vectorised: an add and a layer norm are ten times faster.
SLOWER_FUSIONS = ("SkipLayerNormFusion",)


def load_onnx(description: SentenceTransformerEncoder, folder: Path, graph: Path | None = None) -> TokenBackend:
    """The exported model (or the given ``graph`` of it); the first use of these weights on this machine exports them.

    Raises:
        MissingExtra: onnxruntime, tokenizers, or (for the export) torch, transformers, onnx or onnxscript is not installed.
        EncoderFault: a stack of modules, or a tokenizer, that only sentence-transformers can run.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra("tokenizers", extra="encoder") from error
    layout = read_layout(folder)
    tokenizer_file = transformer_folder(folder) / "tokenizer.json"
    if layout.pooling is None or not tokenizer_file.is_file():
        raise EncoderFault(f"{description} has modules or a tokenizer that need backend='torch'")
    pooling, dtype = layout.pooling, description.dtype
    max_length = min(description.max_length or layout.max_length, layout.max_length)
    prefix = layout.prompt if description.prefix is None else description.prefix
    weights = folder_hash(folder)
    session = open_session(graph or exported(transformer_folder(folder), weights, dtype))

    def forward(ids: Integers, mask: Integers) -> Vectors:
        (tokens,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        return pool(tokens, mask, pooling)

    return TokenBackend(
        Windows(Tokenizer.from_file(str(tokenizer_file)), max_length, description.overlap),
        forward,
        dimension=len(forward(np.array([[0]]), np.array([[1]]))[0]),
        fingerprint=f"onnxruntime/{dtype}/{pooling}/{max_length}-{description.overlap}/{prefix!r}/{weights}",
        normalize=layout.normalize,
        prefix=prefix,
        lowercase=layout.lowercase,
        batch_tokens=description.batch_tokens or BATCH_TOKENS,
        workers=description.threads or usable_threads(),
    )


def open_session(graph: Path) -> InferenceSession:
    """An ONNX Runtime session that computes in the thread that calls it."""
    try:
        from onnxruntime import InferenceSession, SessionOptions
    except ImportError as error:
        raise MissingExtra("onnxruntime", extra="encoder") from error
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(
        str(graph), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOWER_FUSIONS)
    )


def usable_threads() -> int:
    """``OMP_NUM_THREADS`` where set, else the number of cores this process may run on."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if said.isdigit() and int(said) > 0:
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
