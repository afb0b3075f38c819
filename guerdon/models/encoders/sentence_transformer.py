"""Pretrained sentence encoders: any sentence-transformers model, on PyTorch or ONNX Runtime."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from guerdon.errors import MissingExtra, UserError
from guerdon.models.encoder import Backend, Encoder, EncoderFault
from guerdon.models.model_files import model_folder
from guerdon.models.sentence_layout import read_layout
from guerdon.registry import register

BackendName = Literal["auto", "onnx", "torch"]
Dtype = Literal["float32", "float16", "bfloat16", "int8"]


@register("encoder", "sentence_transformer")
@dataclass(frozen=True, repr=False)
class SentenceTransformerEncoder(Encoder):
    """A sentence-transformers or plain transformers model: one vector per text by its own pooling and normalisation.

    A text longer than ``max_length`` tokens is the token-weighted mean of the vectors of its windows, given unit length again
    where the model normalises. Vectors of one text do not depend on its neighbours beyond rounding (1e-6).

    Attributes:
        model: a hub id, or a folder.
        revision: the hub revision; a moving one such as "main" is resolved when the weights are loaded.
        backend: "onnx" (CPU; the graph is exported once into the cache folder), "torch", or "auto": ONNX Runtime for float32 on
            a CPU where it and the means to export are installed, else torch.
        dtype: "float32"; "float16" and "bfloat16" for torch; "int8" for onnx: faster, not exact (see docs/encoders.md).
        device: where torch runs, such as "cuda".
        max_length: tokens per window, special tokens included; None: the model's own.
        overlap: tokens that consecutive windows share.
        prefix: text put before every input, such as "query: "; None: the model's own default prompt.
        batch_tokens: padded tokens per batch; None: what suits the back-end.
        threads: batches run side by side on the CPU (onnx); None: ``OMP_NUM_THREADS``, else the cores this process may use.
        trust_remote_code: whether code in the model's repository may run (torch).
    """

    model: str
    revision: str | None = None
    backend: BackendName = "auto"
    dtype: Dtype = "float32"
    device: str = "cpu"
    max_length: int | None = None
    overlap: int = 32
    prefix: str | None = None
    batch_tokens: int | None = None
    threads: int | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("backend", get_args(BackendName)), ("dtype", get_args(Dtype))):
            if getattr(self, name) not in choices:
                raise UserError(f"{name}={getattr(self, name)!r} is unknown; choose one of {', '.join(choices)}")
        for name in ("max_length", "batch_tokens", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name}={value} must be 1 or more")
        if self.dtype == "int8" and self.backend == "torch":
            raise UserError("dtype='int8' runs on backend='onnx' only")
        if self.backend == "onnx" and (self.device != "cpu" or self.dtype in ("float16", "bfloat16")):
            raise UserError(
                f"backend='onnx' runs float32 and int8 on device='cpu', not {self.dtype} on {self.device!r}; "
                "use backend='torch'"
            )

    def __repr__(self) -> str:
        said = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(said)})"

    def folder(self) -> Path:
        """Where the model's files are.

        Raises:
            UserError: neither a folder nor in reach.
        """
        return model_folder(self.model, self.revision)

    def _load(self) -> Backend:
        folder = self.folder()
        if self._wants_onnx(folder):
            from guerdon.models.encoders.onnx_backend import load_onnx

            try:
                return load_onnx(self, folder)
            except (MissingExtra, EncoderFault, OSError) as error:
                if self.backend == "onnx" or self.dtype == "int8":
                    raise
                warnings.warn(f"{self} runs on torch, since ONNX Runtime cannot: {error}", RuntimeWarning, stacklevel=2)
        from guerdon.models.encoders.torch_backend import load_torch

        return load_torch(self, folder)

    def _wants_onnx(self, folder: Path) -> bool:
        if self.backend != "auto" or self.dtype == "int8":
            return self.backend == "onnx" or self.dtype == "int8"
        exact_on_cpu = self.dtype == "float32" and self.device == "cpu" and not self.trust_remote_code
        return exact_on_cpu and _installed("onnxruntime") and read_layout(folder).pooling is not None


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
