"""Sentence encoders on PyTorch, by way of sentence-transformers: any device, any stack of modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from guerdon.errors import MissingExtra, UserError
from guerdon.models.encoder import Vectors
from guerdon.models.loaded import torch_usable_after_fork
from guerdon.models.model_files import folder_hash
from guerdon.models.sentence_layout import read_layout
from guerdon.models.token_batches import Integers, TokenBackend, Windows
from guerdon.models.zero3 import loading_outside_zero3

if TYPE_CHECKING:
    from guerdon.models.encoders.sentence_transformer import SentenceTransformerEncoder

BATCH_TOKENS = {"cpu": 2048, "accelerator": 32768}


def load_torch(description: SentenceTransformerEncoder, folder: Path) -> TokenBackend:
    """The model on the device and in the dtype of its description.

    Raises:
        MissingExtra: sentence-transformers is not installed.
        UserError: the model has no fast tokenizer.
    """
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra(str(error.name or "sentence-transformers"), extra="encoder") from error
    torch_usable_after_fork()
    with loading_outside_zero3():
        model = SentenceTransformer(
            str(folder), device=description.device, trust_remote_code=description.trust_remote_code
        )
    model = model.to(getattr(torch, description.dtype)).eval()
    fast = getattr(model.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise UserError(f"{description} has no fast tokenizer (tokenizer.json), which windows need")
    layout = read_layout(folder)
    max_length = min(description.max_length or layout.max_length, int(model.max_seq_length or layout.max_length))
    prefix = layout.prompt if description.prefix is None else description.prefix

    def forward(ids: Integers, mask: Integers) -> Vectors:
        device = model.device
        features = {"input_ids": torch.from_numpy(ids).to(device), "attention_mask": torch.from_numpy(mask).to(device)}
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            return np.asarray(model(features)["sentence_embedding"].float().cpu().numpy())

    where = "cpu" if description.device.startswith("cpu") else "accelerator"
    return TokenBackend(
        Windows(Tokenizer.from_str(fast.to_str()), max_length, description.overlap),
        forward,
        dimension=len(forward(np.array([[0]]), np.array([[1]]))[0]),
        fingerprint=f"torch/{description.dtype}/{max_length}-{description.overlap}/{prefix!r}/{folder_hash(folder)}",
        normalize=layout.normalize,
        prefix=prefix,
        lowercase=layout.lowercase,
        batch_tokens=description.batch_tokens or BATCH_TOKENS[where],
    )
