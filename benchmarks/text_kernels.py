"""K1: lexical overlap on grouped work, guerdon beside rouge-score, sacrebleu and rapidfuzz, one process, one thread.

The work is that of a lexical reward in GRPO: P prompts with one reference each and G completions of about 200 words. Texts are
sentences from the docstrings of Python's standard library; completions mix the reference's sentences with others, every tenth word
left out. Every repeat has texts of its own, so that no candidate is met twice and only references recur, as in training.

Peers run as their documentation says (one scorer or metric object for all calls) and, where that differs, as users call them.
Each must agree with guerdon to 1e-9 on work of its own before a time counts. All methods run in turn within a repeat, in rotating
order; a ratio is the median over repeats of the ratio within one repeat. Methods marked slow get the first prompts only.

    python -m benchmarks.text_kernels [--prompts 256] [--group 16] [--words 200] [--repeats 5] [--slow-prompts 16]
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import logging
import os
import platform
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Any

from guerdon.text.bleu import sentence_bleu, smoothed_bleu
from guerdon.text.chrf import chrf
from guerdon.text.lcs import LcsReference
from guerdon.text.rouge import rouge_l, rouge_n
from guerdon.text.token_f1 import token_f1
from guerdon.text.tokens import rouge_tokens

RESULTS = Path(__file__).parent / "results" / "text_kernels.json"
TOLERANCE = 1e-9
MODULES = (
    "argparse asyncio collections contextlib csv dataclasses datetime decimal difflib doctest email enum fractions functools "
    "hashlib heapq http.client inspect io ipaddress itertools json logging mailbox multiprocessing optparse os pathlib pickle "
    "random re shutil smtplib socket sqlite3 statistics string subprocess tarfile tempfile textwrap threading typing "
    "unittest.mock urllib.request uuid weakref zipfile"
).split()

Score = Callable[[str, str], float]
Pairs = list[tuple[str, str]]


def sentences() -> list[str]:
    """Sentences of 5 to 40 words, each once."""
    found: dict[str, None] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        objects = [module, *(value for value in vars(module).values() if callable(value))]
        objects += [x for value in list(objects) if inspect.isclass(value) for x in vars(value).values() if callable(x)]
        for value in objects:
            for sentence in re.split(r"(?<=[.!?])\s+", inspect.getdoc(value) or ""):
                if 5 <= len(sentence.split()) <= 40:
                    found[" ".join(sentence.split())] = None
    return list(found)


def grouped_work(pool: Sequence[str], prompts: int, group: int, words: int, seed: int) -> Pairs:
    """(completion, reference) pairs, a group after the other."""
    rng = random.Random(seed)

    def compose(own: Sequence[str]) -> str:
        said: list[str] = []
        while len(said) < words:
            sentence = rng.choice(own) if own and rng.random() < 0.5 else rng.choice(pool)
            said += [word for word in sentence.split() if rng.random() > 0.1]
        return " ".join(said[:words])

    pairs: Pairs = []
    for _ in range(prompts):
        own = rng.sample(pool, max(3, words // 5))
        reference = " ".join(" ".join(own).split()[:words])
        pairs += [(compose(own), reference) for _ in range(group)]
    return pairs


def methods() -> dict[str, dict[str, Score]]:
    """The quantities, each with guerdon's function and its peers; a peer's name ends in "(slow)" where it is."""
    import sacrebleu
    from rapidfuzz.distance import LCSseq
    from rouge_score.rouge_scorer import RougeScorer

    logging.getLogger("sacrebleu").setLevel(logging.ERROR)

    def by_rouge_score(kind: str, *, stemmer: bool = False) -> Score:
        scorer = RougeScorer([kind], use_stemmer=stemmer)
        return lambda text, reference: float(scorer.score(reference, text)[kind].fmeasure)

    prepared = lru_cache(maxsize=512)(lambda reference: LcsReference(rouge_tokens(reference)))
    tokens = lru_cache(maxsize=512)(rouge_tokens)
    bleu, character_f = sacrebleu.BLEU(effective_order=True), sacrebleu.CHRF()
    return {
        "ROUGE-1": {
            "guerdon": lambda text, reference: rouge_n(text, reference, 1).fmeasure,
            "rouge-score": by_rouge_score("rouge1"),
        },
        "ROUGE-2": {
            "guerdon": lambda text, reference: rouge_n(text, reference, 2).fmeasure,
            "rouge-score": by_rouge_score("rouge2"),
        },
        "ROUGE-L": {
            "guerdon": lambda text, reference: rouge_l(text, reference).fmeasure,
            "rouge-score (slow)": by_rouge_score("rougeL"),
        },
        "ROUGE-L, stemmed": {
            "guerdon": lambda text, reference: rouge_l(text, reference, tokenizer="rouge-stem").fmeasure,
            "rouge-score (slow)": by_rouge_score("rougeL", stemmer=True),
        },
        "length of the LCS": {
            "guerdon": lambda text, reference: prepared(reference).length(rouge_tokens(text)),
            "rapidfuzz": lambda text, reference: LCSseq.similarity(rouge_tokens(text), tokens(reference)),
        },
        "BLEU": {
            "guerdon": lambda text, reference: sentence_bleu(text, [reference]).score,
            "sacrebleu, one metric object": lambda text, reference: bleu.sentence_score(text, [reference]).score / 100,
            "sacrebleu.sentence_bleu": lambda text, reference: sacrebleu.sentence_bleu(text, [reference]).score / 100,
        },
        "chrF": {
            "guerdon": lambda text, reference: chrf(text, reference),
            "sacrebleu, one metric object": lambda text, reference: (
                character_f.sentence_score(text, [reference]).score / 100
            ),
        },
        "smoothed BLEU (no peer)": {"guerdon": lambda text, reference: smoothed_bleu(text, [reference]).score},
        "token F1 (no peer)": {"guerdon": lambda text, reference: token_f1(text, reference)},
    }


def check(scores: dict[str, dict[str, Score]], pairs: Pairs) -> dict[str, float]:
    """The largest difference between guerdon and any peer, by quantity.

    Raises:
        SystemExit: it is more than 1e-9.
    """
    largest: dict[str, float] = {}
    for quantity, found in scores.items():
        own = [found["guerdon"](*pair) for pair in pairs]
        for name, score in found.items():
            differences = [abs(score(*pair) - value) for pair, value in zip(pairs, own, strict=True)]
            largest[quantity] = max([largest.get(quantity, 0.0), *differences])
            if largest[quantity] > TOLERANCE:
                raise SystemExit(f"{quantity}: {name} and guerdon differ by {largest[quantity]:.2g}")
    return largest


def rate(score: Score, pairs: Pairs) -> float:
    """Completions scored per second."""
    start = time.perf_counter()
    for text, reference in pairs:
        score(text, reference)
    return len(pairs) / (time.perf_counter() - start)


def spread(values: Sequence[float]) -> dict[str, float]:
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, 3), "q1": round(low, 3), "q3": round(high, 3)}


def processor() -> str:
    """What the machine calls its processor."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = {"prompts": 256, "group": 16, "words": 200, "repeats": 5, "slow-prompts": 16, "check-prompts": 8}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)

    pool, scores = sentences(), methods()
    report: dict[str, Any] = {
        "work": {name.replace("-", "_"): getattr(options, name.replace("-", "_")) for name in defaults},
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": 1,
            "load_before": os.getloadavg(),
            "python": platform.python_version(),
            **{package: version(package) for package in ("rouge-score", "sacrebleu", "rapidfuzz")},
        },
        "largest_difference": check(
            scores, grouped_work(pool, options.check_prompts, options.group, options.words, seed=-1)
        ),
    }
    runs = [(quantity, name) for quantity, found in scores.items() for name in found]
    rates: dict[tuple[str, str], list[float]] = {run: [] for run in runs}
    for repeat in range(-1, options.repeats):
        warming = repeat < 0
        prompts = options.check_prompts if warming else options.prompts
        pairs = grouped_work(pool, prompts, options.group, options.words, seed=repeat + 1)
        shift = repeat % len(runs)
        for quantity, name in runs[shift:] + runs[:shift]:
            count = options.slow_prompts * options.group if name.endswith("(slow)") else len(pairs)
            measured = rate(scores[quantity][name], pairs[:count])
            if not warming:
                rates[quantity, name].append(measured)
        print("warmed up" if warming else f"repeat {repeat + 1} of {options.repeats} done", file=sys.stderr)
    report["completions_per_second"] = {
        quantity: {
            name: {**spread(rates[quantity, name]), "raw": [round(value, 1) for value in rates[quantity, name]]}
            for name in found
        }
        for quantity, found in scores.items()
    }
    report["times_faster"] = {
        quantity: {
            name: spread(
                [own / other for own, other in zip(rates[quantity, "guerdon"], rates[quantity, name], strict=True)]
            )
            for name in found
            if name != "guerdon"
        }
        for quantity, found in scores.items()
    }
    report["machine"]["load_after"] = os.getloadavg()
    show(report)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def show(report: dict[str, Any]) -> None:
    """The table: completions per second, and how many times faster guerdon is."""
    print(f"{'':26}{'':30}{'completions/s (quartiles)':>34}   guerdon is x faster (quartiles)   largest difference")
    for quantity, found in report["completions_per_second"].items():
        for name, rates in found.items():
            line = f"{rates['median']:,.0f} ({rates['q1']:,.0f}-{rates['q3']:,.0f})"
            ratio = report["times_faster"][quantity].get(name)
            faster = f"{ratio['median']:.1f} ({ratio['q1']:.1f}-{ratio['q3']:.1f})" if ratio else ""
            exact = f"{report['largest_difference'][quantity]:.0e}" if ratio else ""
            print(f"{quantity:26}{name:30}{line:>34}   {faster:>31}   {exact:>18}")


if __name__ == "__main__":
    main()
