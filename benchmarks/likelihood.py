"""L1: log-probabilities of grouped answer spans on a CPU: guerdon, transformers and TRL side by side, seconds and peak memory.

The work is that of a likelihood reward in GRPO: P prompts with G completions each, of which the answer span is scored; with
``--reasoning`` every completion has as many tokens of its own before its span. The model has random weights and a vocabulary of
151,936 entries, as Qwen's: 0.11B parameters, two thirds of them in the (tied) head.

Peers, each a group of G rows at a time, without cache of keys and values (their best on a CPU):

* transformers, full logits: ``model(...).logits``, ``log_softmax``, ``gather``, as most code has it;
* TRL ``selective_log_softmax`` on full logits;
* TRL ``selective_log_softmax`` with ``logits_to_keep``: the head on the completions' columns only;
* TRL ``add_fused_lm_head``: what GRPOTrainer of TRL 1.16 uses, the head in tiles of positions.

Every method runs in a process of its own, after a short warm-up; memory is the peak of the resident set during the first full
run above what stands there with weights loaded. Within a repeat the methods follow each other; a ratio is the median over
repeats of the ratio within one. Log-probabilities must agree with full logits to 1e-4 before a time counts.

    python -m benchmarks.likelihood [--prompts 8] [--group 8] [--repeats 3] [--reasoning 0] [--threads 2]
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results" / "likelihood.json"
TOLERANCE = 1e-4
FIGURES = ("seconds", "processor_seconds", "peak_mib")
OURS = "guerdon"
PEERS = (
    "transformers, full logits",
    "TRL selective_log_softmax, full logits",
    "TRL selective_log_softmax, logits_to_keep",
    "TRL add_fused_lm_head",
)

# One completion: prompt, reasoning and answer ids.
Row = tuple[list[int], list[int], list[int]]
Score = Callable[[Sequence[Row]], list[np.ndarray]]


def work(asked: argparse.Namespace, seed: int = 0) -> list[Row]:
    """Prompts of 3/4 to 5/4 of ``--prompt-tokens``, spans of 5 to 50 tokens, ids at random."""
    rng = np.random.default_rng(seed)

    def draw(low: int, high: int) -> list[int]:
        return [int(i) for i in rng.integers(3, asked.vocabulary, rng.integers(low, high + 1))]

    rows: list[Row] = []
    for _ in range(asked.prompts):
        prompt = draw(asked.prompt_tokens * 3 // 4, asked.prompt_tokens * 5 // 4)
        rows += [(prompt, draw(asked.reasoning, asked.reasoning), draw(5, 50)) for _ in range(asked.group)]
    return rows


def model_and_tokenizer(asked: argparse.Namespace) -> tuple[Any, Any]:
    """A random Qwen2 and a tokenizer that writes token 17 as "t17"."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=asked.vocabulary,
        hidden_size=asked.hidden,
        intermediate_size=asked.hidden * 11 // 4,
        num_hidden_layers=asked.layers,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    entries = ["<unk>", "<bos>", "<eos>", *(f"t{i}" for i in range(3, asked.vocabulary))]
    raw = Tokenizer(models.WordLevel({entry: i for i, entry in enumerate(entries)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=raw, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>", pad_token="<eos>")
    model: Any = Qwen2ForCausalLM(config)
    return model.eval(), tokenizer


def ours(model: Any, tokenizer: Any) -> Score:
    """guerdon, with requests as text."""
    from guerdon.models.lm import LogprobRequest
    from guerdon.models.lms.engine import LikelihoodEngine

    engine = LikelihoodEngine(model, tokenizer)

    def text(ids: Sequence[int]) -> str:
        return " ".join(f"t{i}" for i in ids)

    def run(rows: Sequence[Row]) -> list[np.ndarray]:
        found = engine.logprobs([LogprobRequest(text(p), text(a), prefix=text(r)) for p, r, a in rows])
        return [scores.logprobs for scores in found]

    return run


def theirs(name: str, model: Any, asked: argparse.Namespace) -> Score:
    """A peer: prompts padded on the left, completions on the right, one group at a time."""
    import torch
    from trl.trainer.utils import add_fused_lm_head, selective_log_softmax

    fused = name.endswith("fused_lm_head")
    if fused:
        add_fused_lm_head(model)

    def group(rows: Sequence[Row]) -> list[np.ndarray]:
        before = max(len(p) for p, _, _ in rows)
        after = max(len(r) + len(a) for _, r, a in rows)
        ids = torch.full((len(rows), before + after), 2)
        mask = torch.zeros_like(ids)
        for k, (prompt, reasoning, answer) in enumerate(rows):
            whole = torch.tensor(prompt + reasoning + answer)
            place = slice(before - len(prompt), before - len(prompt) + len(whole))
            ids[k, place], mask[k, place] = whole, 1
        given = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if fused:
            labels = ids.masked_fill(mask == 0, -100)
            labels[:, :before] = -100
            scores = model(**given, labels=labels, fused_lm_head=True).log_probs[:, -after:]
        elif name.endswith("logits_to_keep"):
            logits = model(**given, logits_to_keep=after + 1).logits[:, :-1]
            scores = selective_log_softmax(logits, ids[:, -after:])
        elif name.startswith("TRL"):
            scores = selective_log_softmax(model(**given).logits[:, :-1], ids[:, 1:])[:, -after:]
        else:
            logprobs = torch.log_softmax(model(**given).logits[:, :-1], dim=-1)
            scores = logprobs.gather(-1, ids[:, 1:, None])[:, -after:, 0]
        spans = ((k, len(r), len(r) + len(a)) for k, (_, r, a) in enumerate(rows))
        return [scores[k, start:end].double().numpy() for k, start, end in spans]

    def run(rows: Sequence[Row]) -> list[np.ndarray]:
        with torch.no_grad():
            return [one for top in range(0, len(rows), asked.group) for one in group(rows[top : top + asked.group])]

    return run


def resident(field: str) -> float:
    """MiB of a line of /proc/self/status (VmRSS, VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measured(run: Callable[[], list[np.ndarray]]) -> tuple[dict[str, float], list[np.ndarray]]:
    """Seconds of the clock and of the processor, peak MiB above what was resident before; and the numbers."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before, started, busy = resident("VmRSS"), time.perf_counter(), time.process_time()
    found = run()
    figures = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - busy}
    return {**figures, "peak_mib": resident("VmHWM") - before}, found


def one_method(asked: argparse.Namespace) -> None:
    """In the process of one method: load, warm up, measure; JSON to the standard output."""
    import torch

    torch.set_num_threads(asked.threads)
    model, tokenizer = model_and_tokenizer(asked)
    run = ours(model, tokenizer) if asked.method == OURS else theirs(asked.method, model, asked)
    run([([5] * 16, [6] * 2, [7, 8 + k]) for k in range(2)])
    rows = work(asked)
    figures, found = measured(lambda: run(rows))
    parameters = sum(p.numel() for p in model.parameters())
    flat = [float(v) for row in found for v in row]
    print(json.dumps({**figures, "parameters": parameters, "logprobs": flat}))


def in_a_process(method: str, asked: argparse.Namespace) -> dict[str, Any]:
    """The figures of one method from a fresh process."""
    options = [
        f"--{name.replace('_', '-')}={value}" for name, value in vars(asked).items() if name not in ("method", "out")
    ]
    command = [sys.executable, "-m", "benchmarks.likelihood", f"--method={method}", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def quartiles(values: Sequence[float]) -> dict[str, float]:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": round(float(middle), 4), "q1": round(float(low), 4), "q3": round(float(high), 4)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Race, print, and keep the raw figures.

    Raises:
        SystemExit: a method's log-probabilities differ from those of full logits by more than 1e-4.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = (("prompts", 8), ("group", 8), ("repeats", 3), ("prompt-tokens", 256), ("reasoning", 0), ("threads", 2))
    for name, default in (*sizes, ("vocabulary", 151_936), ("hidden", 512), ("layers", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--method", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    if asked.method:
        one_method(asked)
        return
    raw: dict[str, list[dict[str, Any]]] = {name: [] for name in (*PEERS, OURS)}
    for repeat in range(asked.repeats):
        order = [*PEERS, OURS]
        for name in order[repeat % len(order) :] + order[: repeat % len(order)]:
            raw[name].append(in_a_process(name, asked))
        print(f"repeat {repeat + 1} of {asked.repeats} done", file=sys.stderr)
    report = {
        "work": {name: value for name, value in vars(asked).items() if name not in ("method", "out")},
        "parameters": raw[OURS][0]["parameters"],
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            **{package: version(package) for package in ("torch", "transformers", "trl", "numpy")},
        },
        **compared(raw),
    }
    show(report)
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def compared(raw: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Differences, medians and ratios of the raw figures.

    Raises:
        SystemExit: numbers that do not agree.
    """
    expected = np.array(raw[PEERS[0]][0]["logprobs"])
    differences = {
        name: max(float(np.abs(np.array(one["logprobs"]) - expected).max()) for one in runs)
        for name, runs in raw.items()
    }
    wrong = {name: value for name, value in differences.items() if not value <= TOLERANCE}
    if wrong:
        raise SystemExit(f"log-probabilities differ from those of full logits by more than {TOLERANCE}: {wrong}")
    return {
        "scored_tokens": len(expected),
        "largest_difference": differences,
        "methods": {
            name: {
                what: {**quartiles([one[what] for one in runs]), "raw": [round(one[what], 4) for one in runs]}
                for what in FIGURES
            }
            for name, runs in raw.items()
        },
        "ratios": {
            peer: {
                what: quartiles([a[what] / b[what] for a, b in zip(raw[peer], raw[OURS], strict=True)])
                for what in FIGURES
            }
            for peer in PEERS
        },
    }


def show(report: dict[str, Any]) -> None:
    """The figures as a table."""
    sizes = report["work"]
    print(f"{sizes['prompts']} x {sizes['group']} completions, reasoning of {sizes['reasoning']} tokens each")
    print(
        f"{report['scored_tokens']} scored tokens, {report['parameters'] / 1e6:.0f} M parameters, {sizes['threads']} threads"
    )
    print(f"{'':44}{'seconds':>9}{'processor':>11}{'peak MiB':>10}   guerdon faster (processor), lighter")
    for name, known in report["methods"].items():
        clock, busy, peak = (known[what]["median"] for what in FIGURES)
        ratio = [report["ratios"][name][what]["median"] for what in FIGURES] if name in report["ratios"] else []
        beside = "   {:.1f}x ({:.1f}x), {:.1f}x".format(*ratio) if ratio else ""
        print(f"{name:44}{clock:>9.2f}{busy:>11.2f}{peak:>10.0f}{beside}")
    load = statistics.fmean(os.getloadavg())
    print(f"largest difference of guerdon: {report['largest_difference'][OURS]:.1e}; load of the machine {load:.1f}")


if __name__ == "__main__":
    main()
