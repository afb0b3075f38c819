"""The real all-MiniLM-L6-v2: both back-ends against sentence-transformers, windows, processes, checked weights."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import from_spec, to_spec
from guerdon.errors import MissingExtra, UserError
from guerdon.models.embedding_cache import configure_embedding_cache
from guerdon.models.encoder import EncoderFault
from guerdon.models.encoders import MiniLM, SentenceTransformerEncoder, as_encoder
from guerdon.models.encoders import minilm as minilm_module
from guerdon.models.encoders.minilm import PACKAGE, WEIGHTS_SHA256
from guerdon.models.model_files import file_sha256, folder_hash
from guerdon.models.zero3 import loading_outside_zero3

pytest.importorskip(PACKAGE)
pytest.importorskip("onnxruntime")
pytest.importorskip("sentence_transformers")

TEXTS = [
    "The mitochondrion makes most of the cell's ATP.",
    "Mitochondria make most of the ATP in a cell.",
    "Stock prices fell sharply on Tuesday.",
    "",
    "I mitocondri producono ATP.",
    "线粒体产生大部分三磷酸腺苷。",
    "x" * 500,
    "\x00\u200b\U0001f600 \ud800 end",
    "A short one.",
    " ".join(f"word{i}" for i in range(60)),
]
LONG = " ".join(f"Sentence number {i} speaks of cells, energy and the number {i * i}." for i in range(60))


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    configure_embedding_cache(memory_bytes=0)


@pytest.fixture(scope="module")
def sentence_transformer() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MiniLM().folder()), device="cpu")


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_vectors_are_those_of_sentence_transformers(backend: Any, sentence_transformer: Any) -> None:
    expected = sentence_transformer.encode([text.replace("\ud800", "\ufffd") for text in TEXTS])
    found = MiniLM(backend=backend).embed(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (10, 384)
    assert np.abs(found - expected).max() < 2e-6
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-6)


def test_meaning_is_closer_than_words() -> None:
    vectors = MiniLM().embed(TEXTS[:3])
    same, other = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert same > 0.8 > 0.2 > other


def test_neighbours_change_nothing() -> None:
    encoder = MiniLM()
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert np.abs(encoder.embed([*TEXTS[::-1], LONG])[: len(TEXTS)][::-1] - alone).max() < 2e-6
    small = MiniLM(batch_tokens=64, threads=1).embed(TEXTS)
    assert np.abs(small - alone).max() < 2e-6


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_the_end_of_a_long_text_counts(backend: Any, sentence_transformer: Any) -> None:
    encoder = MiniLM(backend=backend)
    changed = LONG.replace("the number 3481", "a completely different story about football and rain")
    info = encoder.embed_with_info([LONG, changed, "short"])
    assert info.windowed.tolist() == [True, True, False]
    assert np.abs(info.vectors[0] - info.vectors[1]).max() > 1e-3
    truncated = sentence_transformer.encode([LONG, changed])
    assert np.abs(truncated[0] - truncated[1]).max() < 1e-6
    assert np.linalg.norm(info.vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_windows_are_averaged_by_their_tokens() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MiniLM().folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    text = " ".join(f"token{chr(97 + i % 26)} cell" for i in range(40))
    whole = tokenizer.encode(text, add_special_tokens=False)
    starts = range(0, len(whole.ids), 20)
    pieces = [whole.offsets[start : start + 30] for start in starts if start + 10 < len(whole.ids)]
    windows = [text[piece[0][0] : piece[-1][1]] for piece in pieces]
    encoder = MiniLM(max_length=32, overlap=10)
    parts, weights = encoder.embed(windows), np.array([len(piece) for piece in pieces])
    # A window that starts inside a word is tokenised differently on its own, so the comparison is not exact.
    expected = (parts * weights[:, None]).sum(axis=0)
    assert encoder.embed([text])[0] @ (expected / np.linalg.norm(expected)) > 0.98


def test_auto_is_onnx_on_a_cpu_and_the_fingerprint_says_so() -> None:
    assert MiniLM().fingerprint == MiniLM(backend="onnx").fingerprint
    assert MiniLM().fingerprint.startswith("onnxruntime/float32/mean/256-32/")
    assert MiniLM(backend="torch").fingerprint.startswith("torch/float32/256-32/")
    prints = {MiniLM().fingerprint, MiniLM(max_length=128).fingerprint, MiniLM(prefix="query: ").fingerprint}
    assert len(prints) == 3


def test_int8_is_close_and_rows_do_not_depend_on_their_neighbours() -> None:
    encoder = MiniLM(dtype="int8")
    assert encoder.fingerprint.startswith("onnxruntime/int8/")
    found = encoder.embed(TEXTS)
    assert (found * MiniLM().embed(TEXTS)).sum(axis=1).min() > 0.99
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert np.abs(found - alone).max() < 1e-5


def test_onnx_does_not_import_torch_into_the_process() -> None:
    source = (
        "import sys; from guerdon.models.encoders import as_encoder; as_encoder('minilm').embed(['a']);"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    MiniLM().embed(["the export is made"])
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def embed_in_child(encoder: MiniLM, queue: Any) -> None:
    queue.put(encoder.embed(["A text.", "Another, longer text of some words."]).tolist())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_loads_its_own(method: str) -> None:
    encoder = MiniLM(threads=2)
    expected = encoder.embed(["A text.", "Another, longer text of some words."])
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=embed_in_child, args=(encoder, queue))
    child.start()
    found = queue.get(timeout=120)
    child.join(60)
    assert child.exitcode == 0
    assert np.abs(np.array(found) - expected).max() < 1e-6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_torch_with_several_threads_survives_a_fork() -> None:
    source = (
        "import os, signal, torch; torch.set_num_threads(2)\n"
        "from guerdon.models.encoders import MiniLM\n"
        "from guerdon.models.embedding_cache import configure_embedding_cache\n"
        "configure_embedding_cache(memory_bytes=0)\n"
        "texts = ['some words ' * 40] * 3\n"
        "here = MiniLM(backend='torch').embed(texts)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(100)\n"
        "    os._exit(0 if abs(MiniLM(backend='torch').embed(texts) - here).max() < 1e-5 else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    assert (
        subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, check=False).returncode
        == 0
    )


def test_vectors_survive_a_restart_on_disk(tmp_path: Path) -> None:
    source = (
        "from guerdon.models.encoders import as_encoder\n"
        "info = as_encoder('minilm').embed_with_info(['A text.', 'Another.'])\n"
        "print(info.cached.all(), info.vectors.sum())"
    )
    environment = {**os.environ, "GUERDON_EMBEDDING_CACHE": str(tmp_path / "vectors.sqlite")}
    said = [
        subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    first, second = (line.split() for line in said)
    assert (first[0], second[0]) == ("False", "True")
    assert first[1] == second[1]


def test_the_description_prints_compares_pickles_and_is_a_spec() -> None:
    encoder = MiniLM(dtype="int8", overlap=16)
    assert repr(encoder) == "MiniLM(dtype='int8', overlap=16)"
    assert pickle.loads(pickle.dumps(encoder)) == encoder
    assert to_spec(encoder) == {"encoder": "minilm", "dtype": "int8", "overlap": 16}
    assert from_spec(to_spec(encoder)) == encoder
    assert as_encoder("minilm", overlap=16, dtype="int8") == encoder


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MiniLM().folder(), folder)
    assert file_sha256(folder / "model.safetensors") == WEIGHTS_SHA256
    monkeypatch.setattr(MiniLM, "_packaged", lambda self: folder)
    assert MiniLM().folder() == folder
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    before = folder_hash(folder)
    (folder / "model.safetensors").write_bytes(content)
    assert folder_hash(folder) != before
    with pytest.raises(EncoderFault, match=WEIGHTS_SHA256):
        MiniLM().folder()


def test_without_the_package_and_the_hub_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm_module, "PACKAGE", "no_such_package_here")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingExtra, match=r"guerdon\[minilm\]"):
        MiniLM().folder()


def test_a_folder_is_a_model_and_a_missing_one_is_said(tmp_path: Path) -> None:
    folder = str(MiniLM().folder())
    assert as_encoder(folder) == SentenceTransformerEncoder(folder)
    assert np.array_equal(as_encoder(folder).embed(["a"]), MiniLM().embed(["a"]))
    with pytest.raises(UserError, match="is no folder"):
        SentenceTransformerEncoder(str(tmp_path / "none")).embed(["a"])
    with pytest.raises(UserError, match="neither a folder nor to be had"):
        SentenceTransformerEncoder("no-such-organisation-of-tests/model").embed(["a"])
    with pytest.raises(UserError, match="holds no model"):
        folder_hash(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "tensorrt"}, "backend='tensorrt'"),
        ({"dtype": "int4"}, "dtype='int4'"),
        ({"dtype": "int8", "backend": "torch"}, "onnx"),
        ({"dtype": "float16", "backend": "onnx"}, "torch"),
        ({"device": "cuda", "backend": "onnx"}, "torch"),
        ({"threads": 0}, "threads=0"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        MiniLM(**options)


def test_too_wide_an_overlap_is_said() -> None:
    with pytest.raises(UserError, match="overlap=32"):
        MiniLM(max_length=16).embed(["a"])


def test_weights_are_loaded_whole_under_zero3(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.integrations import deepspeed

    class Config:
        def is_zero3(self) -> bool:
            return True

    monkeypatch.setattr(deepspeed, "_hf_deepspeed_config_weak_ref", Config)
    assert deepspeed.is_deepspeed_zero3_enabled()
    with loading_outside_zero3():
        assert not deepspeed.is_deepspeed_zero3_enabled()
    assert deepspeed.is_deepspeed_zero3_enabled()
