"""Every claim's experiment runs, is deterministic, and its table row says what came out."""

from __future__ import annotations

import math

import pytest

from claims.__main__ import all_claims, row
from claims.claim import Claim, Result, interval, measured
from guerdon.paper import slugs

CLAIMS = [claim for claim in all_claims() if not claim.minutes]


@pytest.mark.parametrize("claim", CLAIMS, ids=[f"{claim.paper}: {claim.says[:40]}" for claim in CLAIMS])
def test_a_claim_runs_and_is_deterministic(claim: Claim) -> None:
    ours, baseline = claim.run(0)
    assert math.isfinite(ours) and math.isfinite(baseline)
    assert claim.run(0) == (ours, baseline)
    assert claim.paper in slugs() and "|" not in row(measured(claim, seeds=2)).replace(" | ", "").strip("| ")


def test_verdicts() -> None:
    claim = Claim("p", "s", "m", "o", "b", lambda seed: (0.0, 0.0))
    verdict = lambda low, high, **kw: Result(Claim(**{**claim.__dict__, **kw}), 0, 0, 0, low, high, 2).verdict  # noqa: E731
    assert [verdict(0.1, 0.2), verdict(-0.1, 0.2), verdict(-0.2, -0.1)] == ["holds", "undecided", "loses"]
    assert verdict(-0.2, -0.1, higher=False) == "holds"
    low, high = interval([1.0, 1.0, 1.0])
    assert low == high == 1.0
