"""A transformer as an ONNX graph: exported once per weights into the cache folder, by a process of its own.

The child keeps PyTorch's exporter away from the state of a process that may be training. It is started as
``python -m guerdon.models.encoders.onnx_export FOLDER OUT DTYPE``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from guerdon.errors import MissingExtra
from guerdon.models.encoder import EncoderFault
from guerdon.models.model_files import cache_folder

RECIPE = 3
OPSET = 20
TOLERANCE = 1e-4
NEEDED = ("torch", "transformers", "onnx", "onnxscript")


def exported(folder: Path, weights: str, dtype: str = "float32") -> Path:
    """The ONNX file of a transformer folder, made now if these weights were never exported on this machine.

    Safe with several processes: one exports, the others wait, and a file is either whole or not there.

    Raises:
        MissingExtra: the export needs a package that is not installed.
        EncoderFault: the export failed, or does not compute what PyTorch computes.
    """
    target = cache_folder() / "onnx" / f"{weights}-{dtype}-{RECIPE}"
    graph = target / "model.onnx"
    if graph.is_file():
        return graph
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, extra="encoder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(target.with_suffix(".lock")):
        if not graph.is_file():
            _export_into(target, folder, dtype)
    return graph


def _export_into(target: Path, folder: Path, dtype: str) -> None:
    """Run the export in a child process, then move its folder into place at once."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        made = Path(scratch) / "graph"
        made.mkdir()
        command = [sys.executable, "-m", __name__, str(folder), str(made / "model.onnx"), dtype]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        environment |= {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise EncoderFault(f"{folder} could not be exported to ONNX: {done.stderr.strip()[-800:]}")
        try:
            os.replace(made, target)
        except OSError:
            if not (target / "model.onnx").is_file():
                shutil.rmtree(target, ignore_errors=True)
                os.replace(made, target)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Held by one process at a time, where the system has file locks; elsewhere the last to finish wins."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def export(folder: Path, graph: Path, dtype: str = "float32") -> None:
    """Write a transformer's token vectors as an ONNX graph over ``input_ids`` and ``attention_mask``, checked against PyTorch.

    Raises:
        EncoderFault: the graph differs from PyTorch by more than 1e-4.
    """
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(str(folder), attn_implementation="eager", dtype=torch.float32).eval()

    class TokenVectors(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return hidden

        def __init__(self) -> None:
            super().__init__()
            self.model = model

    ids = torch.randint(1, model.config.vocab_size, (3, 17), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    whole = graph if dtype == "float32" else graph.with_name("float32.onnx")
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        TokenVectors(),
        (ids, mask),
        str(whole),
        input_names=["input_ids", "attention_mask"],
        output_names=["token_vectors"],
        dynamic_shapes={"input_ids": free, "attention_mask": free},
        opset_version=OPSET,
        dynamo=True,
        external_data=sum(p.numel() for p in model.parameters()) > 3e8,
        verbose=False,
    )
    for rows, width in ((3, 17), (1, 5)):
        with torch.inference_mode():
            expected = TokenVectors()(ids[:rows, :width], mask[:rows, :width]).numpy()
        _check(whole, ids[:rows, :width].numpy(), mask[:rows, :width].numpy(), expected)
    if dtype == "int8":
        from guerdon.models.encoders.onnx_int8 import quantize

        quantize(whole, graph)
        for file in whole.parent.glob("float32.onnx*"):
            file.unlink()


def _check(graph: Path, ids: np.ndarray, mask: np.ndarray, expected: np.ndarray) -> None:
    from guerdon.models.encoders.onnx_backend import open_session

    (found,) = open_session(graph).run(None, {"input_ids": ids, "attention_mask": mask})
    difference = float(np.abs((found - expected) * mask[:, :, None]).max())
    if not difference < TOLERANCE:
        raise EncoderFault(f"the exported graph differs from PyTorch by {difference:.2g} for input {ids.shape}")


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
