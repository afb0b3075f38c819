"""J2: how near a ranking from few comparisons comes to that of all pairs, and to the truth, schedule by schedule.

G answers have qualities from a normal distribution. A judge that sees i and then j prefers i with chance sigmoid(sharpness
(q_i - q_j) + bias), drawn once for each ordered pair, as a judge of temperature 0 says the same again. Each schedule asks
that judge, in one order or both; the ranking is that of the schedule's points by the aggregate in brackets. Shown: calls of
the judge, Kendall's tau-b to the ranking from all pairs in both orders, and to the qualities; means over seeds with 95 %
intervals.

"random pairs" is the baseline: as many different pairs as "adaptive", drawn at random, same fit.

    python -m benchmarks.tournaments [--sizes 8 16 32] [--seeds 100] [--sharpness 2.0] [--bias 0.4]
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from guerdon.shaping.correlation import kendall_tau
from guerdon.shaping.pairwise import bradley_terry, win_rate
from guerdon.shaping.tournaments import Schedule, adaptive, all_pairs, circular, double_elimination, knockout, play

RESULTS = Path(__file__).parent / "results" / "tournaments.json"

Values = np.ndarray
Compare = Callable[[int, int], float]
Ranked = tuple[Values, int]


def judge(qualities: Values, sharpness: float, bias: float, rng: np.random.Generator) -> Values:
    """(n, n) verdicts, 1 where i, shown first, is preferred to j."""
    chance = 1.0 / (1.0 + np.exp(-(sharpness * (qualities[:, None] - qualities[None, :]) + bias)))
    verdicts: Values = (rng.random(chance.shape) < chance).astype(np.float64)
    return verdicts


def random_pairs(n: int, budget: int, rng: np.random.Generator) -> Schedule:
    """Different pairs, drawn at random."""
    first, second = np.triu_indices(n, 1)
    drawn = rng.permutation(len(first))[:budget]
    yield [(int(first[k]), int(second[k])) for k in drawn]
    return None


def ranked(schedule: Schedule, verdicts: Values, *, both: bool, fit: bool) -> Ranked:
    """The values a schedule gives and the calls it takes; both orders are averaged."""

    def compare(i: int, j: int) -> float:
        return float((verdicts[i, j] + 1.0 - verdicts[j, i]) / 2.0 if both else verdicts[i, j])

    played = play(schedule, compare)
    calls = played.matches * (2 if both else 1)
    if played.standing is not None:
        return played.standing, calls
    wins = played.wins(len(verdicts))
    return (bradley_terry(wins) if fit else win_rate(wins)), calls


@dataclass(frozen=True)
class Contender:
    """A schedule under a name, and how its points are read."""

    name: str
    schedule: Callable[[], Schedule]
    both: bool = True
    fit: bool = True

    def __call__(self, verdicts: Values) -> Ranked:
        return ranked(self.schedule(), verdicts, both=self.both, fit=self.fit)


def contenders(n: int, rng: np.random.Generator) -> list[Contender]:
    """What is compared. Schedules seed entrants in the order given, which is random."""
    made = [
        Contender("all pairs, one order (win rate)", partial(all_pairs, n), both=False, fit=False),
        Contender("all pairs, both orders (win rate)", partial(all_pairs, n), fit=False),
        Contender("knockout, both orders (standing)", partial(knockout, n)),
        Contender("double elimination, one order (standing)", partial(double_elimination, n), both=False),
        Contender("double elimination, both orders (standing)", partial(double_elimination, n)),
    ]
    for hops in (1, 2, 4):
        made.append(Contender(f"circular, {hops} hops, both orders (Bradley-Terry)", partial(circular, n, hops=hops)))
    for times in (1, 2, 3, 4):
        budget = times * n
        if budget > n * (n - 1) // 2:
            continue
        drawn, asked = partial(random_pairs, n, budget, rng), partial(adaptive, n, budget=budget)
        made.append(Contender(f"random pairs, {times} n, both orders (Bradley-Terry)", drawn))
        made.append(Contender(f"random pairs, {times} n, one order (Bradley-Terry)", drawn, both=False))
        made.append(Contender(f"adaptive, {times} n, both orders (Bradley-Terry)", asked))
        made.append(Contender(f"adaptive, {times} n, one order (Bradley-Terry)", asked, both=False))
    return made


def measured(n: int, seeds: int, sharpness: float, bias: float) -> list[dict[str, Any]]:
    """One row per contender."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng((n, seed))
        qualities = rng.normal(size=n)
        verdicts = judge(qualities, sharpness, bias, rng)
        full, _ = ranked(all_pairs(n), verdicts, both=True, fit=False)
        for contender in contenders(n, rng):
            values, calls = contender(verdicts)
            found.setdefault(contender.name, []).append(
                (calls, kendall_tau(values, full), kendall_tau(values, qualities))
            )
    rows = []
    for name, runs in found.items():
        row: dict[str, Any] = {"G": n, "schedule": name, "calls": fmean(run[0] for run in runs)}
        for key, taus in (("to_all_pairs", [run[1] for run in runs]), ("to_truth", [run[2] for run in runs])):
            row[key] = fmean(taus)
            row[f"{key}_interval"] = 1.96 * stdev(taus) / math.sqrt(len(taus)) if len(taus) > 1 else math.nan
        rows.append(row)
    return sorted(rows, key=lambda row: row["calls"])


def shown(rows: list[dict[str, Any]]) -> str:
    """The rows of one group size as a table."""
    lines = [f"{'schedule':48s} {'calls':>7s} {'tau to all pairs':>18s} {'tau to truth':>18s}"]
    for row in rows:
        taus = (f"{row[key]:.3f} ± {row[f'{key}_interval']:.3f}" for key in ("to_all_pairs", "to_truth"))
        lines.append(f"{row['schedule']:48s} {row['calls']:7.1f} " + " ".join(f"{tau:>18s}" for tau in taus))
    return "\n".join(lines)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--sharpness", type=float, default=2.0)
    parser.add_argument("--bias", type=float, default=0.4)
    given = parser.parse_args()
    started, rows = time.perf_counter(), []
    for n in given.sizes:
        of_size = measured(n, given.seeds, given.sharpness, given.bias)
        rows += of_size
        print(f"\nG = {n}, {n * (n - 1) // 2} pairs\n{shown(of_size)}")
    print(f"\n{time.perf_counter() - started:.0f} s")
    RESULTS.parent.mkdir(exist_ok=True)
    setting = {**vars(given), "python": platform.python_version(), "numpy": np.__version__}
    RESULTS.write_text(json.dumps({"setting": setting, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
