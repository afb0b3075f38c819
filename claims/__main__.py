"""``python -m claims [--quick] [slug ...]``: run the claims and write docs/claims.md.

Without arguments every claim is run; ``--quick`` leaves out those that take minutes per seed, and the page says so. With slugs only
those are run and printed; the page is left as it is.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time
from pathlib import Path

import claims
from claims.claim import Claim, Result, measured, shown

PAGE = Path(__file__).parent.parent / "docs" / "claims.md"
HEAD = """# Claims in miniature

For each paper a seeded experiment on CPU in which its method must beat what the paper argues against. The figures are means
over seeds; the difference is paired by seed, with a 95% bootstrap interval. *holds* and *loses* mean that the interval lies on
one side of zero. Written by `make claims`; a losing claim is shown as losing.

| paper | claim | figure | method | baseline | difference [95%] | seeds | |
|---|---|---|---|---|---|---|---|
"""
TOOLS = {"claim", "tabular", "__main__"}


def all_claims() -> list[Claim]:
    """Every claim of the package, by paper."""
    names = sorted(m.name for m in pkgutil.iter_modules(claims.__path__) if m.name not in TOOLS)
    return [claim for name in names for claim in importlib.import_module(f"claims.{name}").CLAIMS]


def row(result: Result) -> str:
    """One line of the table."""
    claim = result.claim
    gap = f"{result.difference:+.3f} [{result.low:+.3f}, {result.high:+.3f}]"
    ours, baseline = f"{claim.ours}: {shown(result.ours)}", f"{claim.baseline}: {shown(result.baseline)}"
    return f"| {claim.paper} | {claim.says} | {claim.measure} | {ours} | {baseline} | {gap} | {result.seeds} | {result.verdict} |"


def main(slugs: list[str]) -> int:
    """Run, print and, for a run without slugs, write the page."""
    quick = "--quick" in slugs
    slugs = [slug for slug in slugs if slug != "--quick"]
    chosen = [c for c in all_claims() if (not slugs or c.paper in slugs) and not (quick and c.minutes)]
    if not chosen:
        print(f"no claims for {', '.join(slugs)}", file=sys.stderr)
        return 2
    rows = []
    for number, claim in enumerate(chosen, start=1):
        started = time.perf_counter()
        rows.append(row(measured(claim)))
        print(f"[{number}/{len(chosen)}, {time.perf_counter() - started:.1f} s] {rows[-1]}", flush=True)
    if not slugs:
        left_out = [f"* {claim.paper}: {claim.says}" for claim in all_claims() if claim not in chosen]
        tail = [
            "",
            "Not run in this edition, since each takes minutes per seed (`make claims` runs them):",
            "",
            *left_out,
        ]
        PAGE.write_text(HEAD + "\n".join(rows + (tail if left_out else [])) + "\n", encoding="utf-8")
        print(f"written: {PAGE.relative_to(PAGE.parent.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
