"""E1: sentence embeddings for grouped rewards, guerdon and sentence-transformers side by side on a CPU.

The work is that of a cosine reward in GRPO: P prompts with one reference each and G completions; every completion needs its own
vector and its reference's. Texts are sentences from the docstrings of Python's standard library, completions a mixture of the
reference's sentences (some with words left out) and of others, lengths log-normal with median 75 tokens.

Peers: ``SentenceTransformer.encode`` as users call it, per batch (completions, then the references as often as they occur) and
per sample; and, better than users do, per batch with each reference once. All methods run in turn within each repeat; a ratio is
the median over repeats of the ratio within one repeat. Vectors must agree with the peer's before a time counts.

    python -m benchmarks.encoder_throughput [--prompts 24] [--group 8] [--repeats 5] [--threads 2]
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import logging
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.models.embedding_cache import configure_embedding_cache
from guerdon.models.encoder import Backend, Encoder
from guerdon.models.encoders import MiniLM
from guerdon.models.encoders.onnx_backend import load_onnx
from guerdon.models.encoders.onnx_export import exported
from guerdon.models.model_files import folder_hash

RESULTS = Path(__file__).parent / "results"
TOLERANCE = 1e-5
PER_SAMPLE_PAIRS = 48
MODULES = (
    "argparse asyncio collections contextlib csv dataclasses datetime decimal difflib doctest email enum fractions functools "
    "gettext hashlib heapq http.client inspect io ipaddress itertools json logging mailbox multiprocessing optparse os pathlib "
    "pickle platform random re sched shelve shutil smtplib socket socketserver sqlite3 statistics string subprocess tarfile "
    "tempfile textwrap threading timeit tokenize traceback types typing unittest.mock urllib.request uuid weakref zipfile"
).split()

Pairs = tuple[list[str], list[str]]
Embed = Callable[[list[str], list[str]], tuple[np.ndarray, np.ndarray]]


def sentences() -> dict[str, list[str]]:
    """Sentences of 5 to 40 words by module, each once."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for name in MODULES:
        module = importlib.import_module(name)
        objects = [module, *(value for value in vars(module).values() if callable(value))]
        objects += [x for value in list(objects) if inspect.isclass(value) for x in vars(value).values() if callable(x)]
        for paragraph in (p for value in objects for p in re.split(r"\n\s*\n", inspect.getdoc(value) or "")):
            if ">>>" in paragraph or paragraph.startswith(" "):
                continue
            for sentence in re.split(r"(?<=[.!?]) ", " ".join(paragraph.split())):
                if 5 <= len(sentence.split()) <= 40 and sentence[0].isupper() and sentence not in seen:
                    seen.add(sentence)
                    found.setdefault(name, []).append(sentence)
    return {name: texts for name, texts in found.items() if len(texts) >= 40}


def grouped_work(prompts: int, group: int, seed: int = 0, median: float = 75, sigma: float = 0.5) -> Pairs:
    """Completions and the reference of each (repeated within a group)."""
    rng = np.random.default_rng(seed)
    by_module = sentences()
    modules, everything = list(by_module), [s for texts in by_module.values() for s in texts]
    completions, references = [], []

    def tokens(sentence: str) -> float:
        return 1.45 * len(sentence.split())

    for prompt in range(prompts):
        own = [str(s) for s in rng.permutation(by_module[modules[prompt % len(modules)]])]
        reference, wanted = [], np.exp(rng.normal(np.log(median), sigma))
        while own and sum(map(tokens, reference)) < wanted:
            reference.append(own.pop())
        for _ in range(group):
            on_topic, faithful = [str(s) for s in rng.permutation(reference)], rng.beta(1.5, 1.5)
            others = [str(s) for s in rng.permutation(own if own and rng.random() < 0.5 else everything)[:60]]
            said: list[str] = []
            wanted = np.exp(rng.normal(np.log(median), sigma))
            while sum(map(tokens, said)) < wanted:
                words = (on_topic if on_topic and rng.random() < faithful else others or everything).pop().split()
                if rng.random() < 0.5 and len(words) > 8:
                    cut = int(rng.integers(0, len(words) - 4))
                    del words[cut : cut + int(rng.integers(1, 4))]
                said.append(" ".join(words))
            completions.append(" ".join(said))
            references.append(" ".join(reference))
    return completions, references


@dataclass(frozen=True, repr=False)
class GraphMiniLM(MiniLM):
    """MiniLM with another ONNX graph."""

    graph: str = ""

    def _load(self) -> Backend:
        return load_onnx(self, self.folder(), Path(self.graph))


def int8_variants(scratch: Path) -> dict[str, Path]:
    """Graphs quantised in the ways ONNX Runtime offers, for comparison with guerdon's row-wise one."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    logging.disable(logging.WARNING)
    folder = MiniLM().folder()
    whole = exported(folder, folder_hash(folder))
    model = onnx.load(whole)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    products = {n.name: shapes[n.input[1]] for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in shapes}
    attention = [name for name, shape in products.items() if shape[0] == shape[1]]
    made: dict[str, Path] = {}

    def dynamic(name: str, nodes: Sequence[str] | None, **options: Any) -> None:
        made[name] = scratch / f"{len(made)}.onnx"
        quantize_dynamic(
            whole, made[name], nodes_to_quantize=nodes and list(nodes), weight_type=QuantType.QInt8, **options
        )

    dynamic("int8 dynamic, per tensor, all operators", None)
    dynamic("int8 dynamic, per channel, MatMul only", None, per_channel=True, op_types_to_quantize=["MatMul"])
    dynamic("int8 dynamic, per channel, attention only", attention, per_channel=True, op_types_to_quantize=["MatMul"])
    for block in (32, 128):
        quantizer = MatMulNBitsQuantizer(
            onnx.load(whole), bits=8, block_size=block, is_symmetric=True, accuracy_level=4
        )
        quantizer.process()
        made[f"MatMulNBits 8 bit, blocks of {block}"] = scratch / f"{len(made)}.onnx"
        quantizer.model.save_model_to_file(str(scratch / f"{len(made) - 1}.onnx"))
    return made


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Rank correlation of two short vectors."""
    ranks = [np.argsort(np.argsort(values)) for values in (left, right)]
    return float(np.corrcoef(*ranks)[0, 1])


def cosines(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.asarray(np.einsum("nd,nd->n", *pair))


def guerdon_pairs(encoder: Encoder) -> Embed:
    """How a cosine reward calls an encoder: everything in one call."""

    def run(completions: list[str], references: list[str]) -> tuple[np.ndarray, np.ndarray]:
        vectors = encoder.embed([*completions, *references])
        return vectors[: len(completions)], vectors[len(completions) :]

    return run


def timed(
    run: Embed, completions: list[str], references: list[str]
) -> tuple[float, float, tuple[np.ndarray, np.ndarray]]:
    """Wall seconds, processor seconds, and the vectors."""
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = run(completions, references)
    return time.perf_counter() - wall, time.process_time() - cpu, vectors


def spread(values: Sequence[float]) -> dict[str, float]:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": round(float(middle), 4), "q1": round(float(low), 4), "q3": round(float(high), 4)}


def processor() -> str:
    """What the machine calls its processor."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def ratios(rates: dict[str, list[float]], peers: Sequence[str]) -> dict[str, dict[str, float]]:
    """How many times faster each method is than each peer, within one repeat each."""
    others = [name for name in rates if name not in peers]
    return {
        f"{name} / {peer}": spread(np.array(rates[name]) / np.array(rates[peer])) for name in others for peer in peers
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("prompts", 24), ("group", 8), ("repeats", 5), ("threads", 2), ("accuracy-prompts", 96)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--frontier", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--out", type=Path, help="default: results/encoder_throughput_<threads>_threads.json")
    options = parser.parse_args(arguments)

    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options.threads)
    peer = SentenceTransformer(str(MiniLM().folder()), device="cpu")
    completions, references = grouped_work(options.prompts, options.group)
    exact, int8 = MiniLM(backend="onnx", threads=options.threads), MiniLM(dtype="int8", threads=options.threads)

    def encode(texts: str | list[str]) -> np.ndarray:
        return np.asarray(peer.encode(texts, show_progress_bar=False))

    def per_batch(left: list[str], right: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return encode(left), encode(right)

    def references_once(left: list[str], right: list[str]) -> tuple[np.ndarray, np.ndarray]:
        distinct = list(dict.fromkeys(right))
        return encode(left), encode(distinct)[[distinct.index(text) for text in right]]

    def per_sample(left: list[str], right: list[str]) -> tuple[np.ndarray, np.ndarray]:
        rows = [(encode(a), encode(b)) for a, b in zip(left, right, strict=True)]
        return np.stack([a for a, _ in rows]), np.stack([b for _, b in rows])

    def with_known_references(left: list[str], right: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return guerdon_pairs(exact)(left, right)

    methods: dict[str, Embed] = {
        "sentence-transformers, per batch": per_batch,
        "sentence-transformers, per batch, references once": references_once,
        "sentence-transformers, per sample": per_sample,
        "guerdon float32 (torch)": guerdon_pairs(MiniLM(backend="torch")),
        "guerdon float32 (onnx)": guerdon_pairs(exact),
        "guerdon float32 (onnx), references known": with_known_references,
        "guerdon int8": guerdon_pairs(int8),
    }
    few = min(PER_SAMPLE_PAIRS, len(completions))
    report: dict[str, Any] = {
        "work": {
            **{k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()},
            "pairs": len(completions),
        },
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "load_before": os.getloadavg(),
            "python": platform.python_version(),
            **{p: version(p) for p in ("torch", "onnxruntime", "sentence-transformers", "transformers", "numpy")},
        },
    }
    with tempfile.TemporaryDirectory() as scratch:
        if options.frontier:
            for name, graph in int8_variants(Path(scratch)).items():
                methods[name] = guerdon_pairs(GraphMiniLM(graph=str(graph), threads=options.threads))
        report["accuracy"] = accuracy(methods, options)
        wall: dict[str, list[float]] = {name: [] for name in methods}
        cpu: dict[str, list[float]] = {name: [] for name in methods}
        for repeat in range(options.repeats):
            order = list(methods)
            for name in order[repeat % len(order) :] + order[: repeat % len(order)]:
                count = few if name.endswith("per sample") else len(completions)
                configure_embedding_cache(memory_bytes=0)
                if name.endswith("known"):
                    configure_embedding_cache()
                    exact.embed(references)
                seconds, busy, _ = timed(methods[name], completions[:count], references[:count])
                wall[name].append(count / seconds)
                cpu[name].append(count / busy)
            print(f"repeat {repeat + 1} of {options.repeats} done", file=sys.stderr)
    peers = [name for name in methods if name.startswith("sentence-transformers")]
    report["pairs_per_second"] = {
        name: {**spread(values), "raw": [round(v, 2) for v in values]} for name, values in wall.items()
    }
    report["pairs_per_processor_second"] = {name: spread(values) for name, values in cpu.items()}
    report["ratios"], report["processor_ratios"] = ratios(wall, peers), ratios(cpu, peers)
    report["machine"]["load_after"] = os.getloadavg()
    show(report)
    out = options.out or RESULTS / f"encoder_throughput_{options.threads}_threads.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def accuracy(methods: dict[str, Embed], options: argparse.Namespace) -> dict[str, Any]:
    """Agreement with sentence-transformers on texts within one window; rank correlation within groups against float32.

    Raises:
        SystemExit: a float32 method differs from the peer by more than 1e-5.
    """
    completions, references = grouped_work(options.accuracy_prompts, options.group, seed=1)
    configure_embedding_cache(memory_bytes=0)
    expected = methods["sentence-transformers, per batch, references once"](completions, references)
    info = MiniLM(threads=options.threads).embed_with_info([*completions, *references])
    whole = ~(info.windowed[: len(completions)] | info.windowed[len(completions) :])
    base = cosines((info.vectors[: len(completions)], info.vectors[len(completions) :])).reshape(-1, options.group)
    found: dict[str, Any] = {"pairs": len(completions), "windowed_pairs": int((~whole).sum())}
    for name, run in methods.items():
        if name.startswith("sentence-transformers") or name.endswith("known"):
            continue
        vectors = run(completions, references)
        difference = max(float(np.abs(a - b)[whole].max()) for a, b in zip(vectors, expected, strict=True))
        if "float32" in name and difference > TOLERANCE:
            raise SystemExit(f"{name} differs from sentence-transformers by {difference:.2g}")
        found[name] = {"largest_difference": difference}
        if "float32" not in name:
            ranks = [spearman(a, b) for a, b in zip(cosines(vectors).reshape(base.shape), base, strict=True)]
            alone = run(completions[:4], references[:4])
            found[name] |= {
                "spearman_within_group": round(float(np.mean(ranks)), 4),
                "spearman_worst_group": round(min(ranks), 4),
                "best_of_group_changed": round(
                    float((cosines(vectors).reshape(base.shape).argmax(1) != base.argmax(1)).mean()), 4
                ),
                "change_with_other_neighbours": float(np.abs(alone[0] - vectors[0][:4]).max()),
            }
    return found


def show(report: dict[str, Any]) -> None:
    """The table: pairs per second, times faster than the peer per batch by the clock and by processor time, exactness."""
    peer = "sentence-transformers, per batch"
    print(f"{'':50} pairs/s (quartiles)    x per batch  x by processor  spearman  largest difference")
    for name, rate in report["pairs_per_second"].items():
        faster = [report[kind].get(f"{name} / {peer}", {}).get("median", "") for kind in ("ratios", "processor_ratios")]
        exactness = report["accuracy"].get(name, {})
        print(
            f"{name:50} {rate['median']:6.1f} ({rate['q1']:.1f}-{rate['q3']:.1f}) {faster[0]!s:>12} {faster[1]!s:>15}"
            f" {exactness.get('spearman_within_group', '')!s:>9}  {exactness.get('largest_difference', float('nan')):.1e}"
        )


if __name__ == "__main__":
    main()
