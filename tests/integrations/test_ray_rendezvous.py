"""The rendezvous as a named Ray actor: workers of a cluster share one intake; a killed actor comes back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from guerdon.errors import MissingColumn
from guerdon.intake import IntakeOptions
from guerdon.integrations.ray_rendezvous import ActorIntake
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.rewards import TokenF1
from guerdon.sample import Sample

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


@pytest.fixture
def ranked() -> Any:
    return TokenF1().then("zscore")


def _ask(scorer: SampleScorer, ks: list[int]) -> list[float]:
    """What one worker of a trainer does: its share of every group, sample by sample."""

    async def all_of_them() -> list[float]:
        samples = [
            Sample("a " * k + "b " * (4 - k), f"q{q}", {"reference": "a a a a"}, id=k) for q in range(6) for k in ks
        ]
        return [scores.value for scores in await asyncio.gather(*map(scorer.score, samples))]

    return asyncio.run(all_of_them())


def test_workers_meet_in_the_actor(ranked: Any) -> None:
    scorer = SampleScorer(ranked, at="ray", group_size=4, group_deadline=60)
    work = ray.remote(_ask)
    shares = ray.get([work.remote(scorer, [0, 3]), work.remote(scorer, [1, 2])])
    here = asyncio.run(_whole_groups(ranked))
    for q in range(6):
        assert [shares[0][2 * q], *shares[1][2 * q : 2 * q + 2], shares[0][2 * q + 1]] == pytest.approx(here)
    counts = asyncio.run(ActorIntake(ranked, scorer.options).counts())
    assert counts["complete"] == 6 and counts["samples"] == 24


async def _whole_groups(reward: Any) -> list[float]:
    samples = [Sample("a " * k + "b " * (4 - k), "q", {"reference": "a a a a"}) for k in range(4)]
    scorer = SampleScorer(reward, group_size=4)
    return [scores.value for scores in await asyncio.gather(*map(scorer.score, samples))]


def test_killed_actor_is_replaced_and_loses_nothing(ranked: Any) -> None:
    intake = ActorIntake(ranked, IntakeOptions(group_size=2, group_deadline=50))
    samples = [Sample(text, "q", {"reference": "a b"}, id=text) for text in ("a b", "a c")]

    async def meet() -> list[float]:
        first = asyncio.ensure_future(intake.score(samples[0]))
        await asyncio.sleep(1.0)
        ray.kill(intake._handle(), no_restart=False)
        second = asyncio.ensure_future(intake.score(samples[1]))
        return [scores.value for scores in await asyncio.gather(first, second)]

    values = asyncio.run(meet())
    assert values[0] > 0 > values[1]
    intake.stop()


def test_errors_of_the_user_come_back_typed() -> None:
    intake = ActorIntake(TokenF1())
    with pytest.raises(MissingColumn, match="reference"):
        asyncio.run(intake.score(Sample("a")))
    intake.stop()
