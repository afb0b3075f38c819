"""V1: checking mathematical answers, guerdon beside math-verify, TRL's accuracy_reward and verl's scorer.

The work: synthetic completions (:mod:`benchmarks.math_answers`) in groups of eight, half of them right in one of many spellings; in
the second part one in a hundred is pathological. Each method runs in a fresh process of its own, warmed up on other answers;
within a repeat all methods run in turn on the same work, and a ratio is the median over repeats of the ratio within one.

* ``guerdon``: ``MathAnswer().score(batch)``, the shared verifier pool, a deadline of 3 s.
* ``guerdon, no fast path``: the same answers, all of them sent to the pool.
* ``math-verify``: ``parse`` and ``verify`` in the main thread, one after the other, with its own signal timeouts (5 s each).
* ``trl``: ``trl.rewards.accuracy_reward`` in a thread, as trainers call it: there it runs without any timeout.
* ``verl``: the call pattern of verl 0.9.1's ``math_verify.compute_score`` written anew (verl is not installed): a pool of four
  spawned processes, one submission per answer from an executor's threads, math-verify's signal timeouts inside, 30 s outside.

A method that has not finished after ``--patience`` seconds is stopped and counted as stuck.

    python -m benchmarks.verifier_throughput [--clean 2000] [--hostile 500] [--whole 10000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import math
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.math_answers import PATHOLOGIES, Sample, samples

RESULTS = Path(__file__).parent / "results" / "verifier_throughput.json"
WARM_UP, WARM_SEED = 40, 10_000
VERL_PROCESSES, VERL_TIMEOUT = 4, 30.0
METHODS = ("guerdon", "guerdon, no fast path", "math-verify", "trl", "verl")
PEERS = METHODS[2:]

# So that whatever a method loads late is loaded in the warm-up.
NEEDS_ALGEBRA = [Sample(f"Thus $\\boxed{{1 - \\cos^2 {x}}}$.", f"\\sin^2 {x}", "text", True) for x in "xyzt"]

Verdicts = list[float | None]
Check = Callable[[Sequence[Sample]], Verdicts]


# -- the methods ------------------------------------------------------------------------------------------------------


def guerdon_check(work: Sequence[Sample]) -> Verdicts:
    from guerdon import Batch
    from guerdon.rewards import MathAnswer

    batch = Batch([sample.completion for sample in work], reference=[sample.gold for sample in work])
    return [None if math.isnan(value) else float(value) for value in MathAnswer().score(batch).values]


def pooled_check(work: Sequence[Sample]) -> Verdicts:
    from guerdon.text.math_answers import right_answer, stated_answer
    from guerdon.text.math_equivalence import EQUAL, equivalence
    from guerdon.verifier_pool import verifier_pool

    pairs = [(right_answer(sample.gold), stated_answer(sample.completion) or "") for sample in work]
    checked = verifier_pool().map(equivalence, pairs, deadline=3.0)
    return [float(item.value == EQUAL) if item.ok else None for item in checked]


def math_verify_check(work: Sequence[Sample]) -> Verdicts:
    from math_verify import parse, verify

    return [float(verify(parse(f"${sample.gold}$"), parse(sample.completion))) for sample in work]


def trl_check(work: Sequence[Sample]) -> Verdicts:
    from trl.rewards import accuracy_reward

    completions = [[{"role": "assistant", "content": sample.completion}] for sample in work]
    given: list[Verdicts] = []
    thread = threading.Thread(
        target=lambda: given.append(accuracy_reward(completions, [f"${sample.gold}$" for sample in work]))
    )
    thread.start()
    thread.join()
    return given[0]


def verl_item(gold: str, completion: str) -> float:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    right = parse(gold, (LatexExtractionConfig(),))
    given = parse(completion, (ExprExtractionConfig(), LatexExtractionConfig()))
    return max((float(any(verify(g, p) for g in right)) for p in given), default=0.0) if right else 0.0


def verl_check(work: Sequence[Sample]) -> Verdicts:
    pool = verl_pool()

    def score(sample: Sample) -> float:
        try:
            return pool.submit(verl_item, f"\\boxed{{{sample.gold}}}", sample.completion).result(VERL_TIMEOUT)
        except FutureTimeout:
            return 0.0

    with ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4)) as executor:
        return list(executor.map(score, work))


_verl: list[ProcessPoolExecutor] = []


def verl_pool() -> ProcessPoolExecutor:
    if not _verl:
        _verl.append(ProcessPoolExecutor(VERL_PROCESSES, mp_context=multiprocessing.get_context("spawn")))
    return _verl[0]


CHECKS: dict[str, Check] = dict(
    zip(METHODS, (guerdon_check, pooled_check, math_verify_check, trl_check, verl_check), strict=True)
)


# -- one method on one piece of work, in a process of its own -----------------------------------------------------------


def processor_seconds() -> float:
    """What this process and its finished children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def living_processor_seconds() -> float:
    """What the living descendants of this process have used so far, and the finished ones of those."""
    import psutil

    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            used = process.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def end_descendants() -> None:
    import psutil

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()


def busy_processes(seconds: float = 1.0) -> int:
    """Descendants that still work although nothing is asked of them."""
    import psutil

    processes = psutil.Process().children(recursive=True)
    for process in processes:
        process.cpu_percent()
    time.sleep(seconds)
    return sum(process.is_running() and process.cpu_percent() > 20 for process in processes)


def child(method: str, count: int, bad: int, seed: int, single: int) -> dict[str, Any]:
    """Verdicts, wall and processor seconds of one method; seconds of ``single`` answers asked for one by one."""
    logging.disable(logging.CRITICAL)
    check = CHECKS[method]
    check([*samples(WARM_UP, 0, WARM_SEED), *NEEDS_ALGEBRA])
    work = samples(count, bad, seed)
    used, started = processor_seconds() + living_processor_seconds(), time.perf_counter()
    verdicts = check(work)
    wall = time.perf_counter() - started
    used = processor_seconds() + living_processor_seconds() - used
    each: list[float] = []
    for sample in [sample for sample in work if sample.kind not in PATHOLOGIES][:single]:
        started = time.perf_counter()
        check([sample])
        each.append(time.perf_counter() - started)
    report = {"verdicts": verdicts, "wall": wall, "processor": used, "each": each, "busy": busy_processes()}
    if method == "guerdon":
        report["settled"] = settled_at_once(work)
    return report


def settled_at_once(work: Sequence[Sample]) -> dict[str, int]:
    """How many distinct answers need computer algebra, and how many answers there are."""
    from guerdon.text.math_answers import right_answer, stated_answer, unreadable
    from guerdon.text.math_comparison import same_answer

    pairs = {(right_answer(sample.gold), stated_answer(sample.completion) or "") for sample in work}
    left = [pair for pair in pairs if same_answer(*pair) is None and not unreadable(pair[1])]
    return {"answers": len(work), "distinct": len(pairs), "computer_algebra": len(left)}


def run(method: str, count: int, bad: int, seed: int, *, patience: float, single: int = 0) -> dict[str, Any] | None:
    """:func:`child` in a fresh process; None if it does not finish."""
    arguments = ["--child", method, *map(str, (count, bad, seed, single))]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.verifier_throughput", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience,
            check=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- the report -------------------------------------------------------------------------------------------------------


def spread(values: Sequence[float], digits: int = 3) -> dict[str, Any]:
    low, middle, high = np.percentile(values, [25, 50, 75])
    named = zip(("median", "q1", "q3"), (middle, low, high), strict=True)
    return {name: round(float(v), digits) for name, v in named} | {"raw": [round(float(v), digits) for v in values]}


def interleaved(options: argparse.Namespace, count: int, bad: int, single: int) -> dict[str, Any]:
    """Every method on the same work, in turn, in each repeat."""
    found: dict[str, list[dict[str, Any] | None]] = {method: [] for method in METHODS}
    for repeat in range(options.repeats):
        order = METHODS[repeat % len(METHODS) :] + METHODS[: repeat % len(METHODS)]
        for method in order:
            found[method].append(run(method, count, bad, repeat, patience=options.patience, single=single))
            print(f"repeat {repeat + 1}/{options.repeats}, {bad} bad of {count}: {method}", file=sys.stderr)
    report: dict[str, Any] = {"answers_per_repeat": count, "pathological_per_repeat": bad, "methods": {}}
    for method, runs in found.items():
        done = [result for result in runs if result is not None]
        entry: dict[str, Any] = {"finished": len(done), "not_finished": len(runs) - len(done)}
        if done:
            entry["answers_per_second"] = spread([count / result["wall"] for result in done])
            entry["answers_per_processor_second"] = spread([count / result["processor"] for result in done])
            entry["processes_still_busy"] = max(result["busy"] for result in done)
            entry |= outcomes(done, count, bad)
            each = [1000 * seconds for result in done for seconds in result["each"]]
            if each:
                p50, p99 = np.percentile(each, [50, 99])
                entry["one_answer_ms"] = {"p50": round(p50, 3), "p99": round(p99, 3), "answers": len(each)}
        report["methods"][method] = entry
    for kind in ("wall", "processor"):
        report[f"{kind}_ratios"] = {
            f"{ours} / {peer}": spread(pairs)
            for ours in METHODS[:2]
            for peer in PEERS
            if (
                pairs := [
                    b[kind] / a[kind]
                    for a, b in zip(found[ours], found[peer], strict=True)
                    if a is not None and b is not None
                ]
            )
        }
    return report


def outcomes(done: Sequence[dict[str, Any]], count: int, bad: int) -> dict[str, Any]:
    """What became of the honest answers and of the pathological ones."""
    honest: Counter[str] = Counter()
    hostile: Counter[str] = Counter()
    for seed, result in enumerate(done):
        for sample, verdict in zip(samples(count, bad, seed), result["verdicts"], strict=True):
            if sample.kind in PATHOLOGIES:
                hostile["no verdict" if verdict is None else f"verdict {verdict:g}"] += 1
            else:
                honest[
                    "no verdict" if verdict is None else "as meant" if verdict == sample.right else "not as meant"
                ] += 1
    total = sum(honest.values())
    return {
        "honest": dict(honest),
        "pathological": dict(hostile),
        "honest_without_verdict_rate": honest["no verdict"] / total,
    }


def agreement(options: argparse.Namespace) -> dict[str, Any]:
    """guerdon's verdicts and plain math-verify's on the whole work, pathological answers aside; every difference."""
    whole, bad = options.whole, options.whole // 100
    work = samples(whole, bad, options.seed)
    ours = [run("guerdon", whole, bad, options.seed, patience=3600) for _ in range(options.repeats)]
    first = ours[0]
    honest = [i for i, sample in enumerate(work) if sample.kind not in PATHOLOGIES]
    logging.disable(logging.CRITICAL)
    started = time.perf_counter()
    theirs = dict(zip(honest, math_verify_check([work[i] for i in honest]), strict=True))
    seconds = time.perf_counter() - started
    assert first is not None
    differences = [
        {
            "gold": work[i].gold,
            "completion ends": work[i].completion[-60:],
            "meant": work[i].right,
            "math-verify": theirs[i],
            "guerdon": first["verdicts"][i],
        }
        for i in honest
        if theirs[i] != first["verdicts"][i]
    ]
    done = [result for result in ours if result is not None]
    return {
        "answers": whole,
        "pathological": bad,
        "agreement": 1 - len(differences) / len(honest),
        "differences": differences,
        "math_verify_not_as_meant": sum(theirs[i] != work[i].right for i in honest),
        "guerdon_not_as_meant": sum(first["verdicts"][i] != work[i].right for i in honest),
        "guerdon_answers_per_second_with_pathological": spread([whole / result["wall"] for result in done]),
        "guerdon_processes_still_busy": max(result["busy"] for result in done),
        "math_verify_answers_per_second_without_pathological": round(len(honest) / seconds, 1),
        "settled": first["settled"],
        "pathological_verdicts": dict(
            Counter(
                f"{sample.kind}: {'no verdict' if verdict is None else f'{verdict:g}'}"
                for sample, verdict in zip(work, first["verdicts"], strict=True)
                if sample.kind in PATHOLOGIES
            )
        ),
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("clean", 2000),
        ("hostile", 500),
        ("whole", 10_000),
        ("repeats", 5),
        ("single", 200),
        ("seed", 77),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--patience", type=float, default=300.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", nargs=5, metavar=("METHOD", "COUNT", "BAD", "SEED", "SINGLE"))
    options = parser.parse_args(arguments)
    if options.child:
        method, *numbers = options.child
        print(json.dumps(child(method, *map(int, numbers))))
        sys.stdout.flush()
        end_descendants()  # they hold the output open
        os._exit(0)  # without waiting for what hangs
    report: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "load_before": os.getloadavg(),
            "python": platform.python_version(),
            **{name: version(name) for name in ("math-verify", "latex2sympy2_extended", "sympy", "trl")},
        },
        "clean": interleaved(options, options.clean, 0, options.single),
        "hostile": interleaved(options, options.hostile, options.hostile // 100, 0),
        "whole": agreement(options),
    }
    report["machine"]["load_after"] = os.getloadavg()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    show(report)
    return report


def processor() -> str:
    """What the machine calls its processor."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def show(report: dict[str, Any]) -> None:
    """The figures that matter, as a table."""
    for part in ("clean", "hostile"):
        found = report[part]
        print(
            f"\n{part}: {found['answers_per_repeat']} answers, {found['pathological_per_repeat']} of them pathological"
        )
        print(
            f"{'':24}{'answers/s':>12}{'/processor s':>14}{'x guerdon is':>14}{'p50/p99 ms':>16}  stuck  honest without verdict"
        )
        for method, entry in found["methods"].items():
            if "answers_per_second" not in entry:
                print(f"{method:24}{'never ended':>12}{'':>44}  {entry['not_finished']}")
                continue
            ratio = found["wall_ratios"].get(f"guerdon / {method}", {}).get("median", "")
            one = entry.get("one_answer_ms", {})
            print(
                f"{method:24}{entry['answers_per_second']['median']:12.1f}{entry['answers_per_processor_second']['median']:14.1f}"
                f"{ratio!s:>14}{(str(one.get('p50', '')) + '/' + str(one.get('p99', ''))):>16}  "
                f"{entry['not_finished'] + entry['processes_still_busy']:5}  {entry['honest_without_verdict_rate']:.4f}"
            )
    whole = report["whole"]
    print(
        f"\nagreement with math-verify on {whole['answers']} answers: {whole['agreement']:.5f}, settled {whole['settled']}"
    )
    for difference in whole["differences"]:
        print("  ", difference)


if __name__ == "__main__":
    main()
