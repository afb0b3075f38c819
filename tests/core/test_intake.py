"""Intake and rendezvous: exactly once, siblings together, whatever order, losses, duplicates and cancellations there are."""

from __future__ import annotations

import asyncio
import gc
import math
import pickle
import random
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.batch import Batch
from guerdon.errors import MissingColumn, Overloaded, UserError
from guerdon.intake import Intake, IntakeOptions, SharedIntake
from guerdon.remembered import Remembered, weight
from guerdon.rendezvous import Rendezvous
from guerdon.reward import Reward, State, column
from guerdon.sample import Sample, SampleScores
from guerdon.scores import Note, Scores

CALLS: list[Batch] = []


@dataclass(frozen=True, repr=False)
class Length(Reward):
    """The length of the completion; a completion "broken" breaks the whole call."""

    def _score(self, batch: Batch) -> np.ndarray:
        CALLS.append(batch)
        if "broken" in batch.completions:
            raise UserError("broken=True cannot be scored")
        return np.array([float(len(text)) for text in batch.completions])


@dataclass(frozen=True, repr=False)
class OverMean(Reward):
    """The length less the mean length of the siblings."""

    ties = "group"

    def _score(self, batch: Batch) -> np.ndarray:
        CALLS.append(batch)
        values = np.array([float(len(text)) for text in batch.completions])
        for rows in batch.by_group():
            values[rows] -= values[rows].mean()
        return values


@dataclass(frozen=True, repr=False)
class OfUser(OverMean):
    """The same, among those of one user."""

    user: str = column("user", expects="who asked")

    @property
    def own_tie(self) -> str:
        return self.user


@dataclass(frozen=True, repr=False)
class Waiting(Reward):
    """Waits until it is told to go on."""

    async def _score(self, batch: Batch) -> np.ndarray:
        CALLS.append(batch)
        while not GO.is_set():
            await asyncio.sleep(0.001)
        return np.ones(len(batch))


@dataclass(frozen=True, repr=False)
class Counting(Reward):
    """How many samples were seen before."""

    def initial_state(self, rng: np.random.Generator) -> State:
        return {"seen": 0}

    def advanced_state(self, state: State, batch: Batch, scores: Scores) -> State:
        return {"seen": state["seen"] + len(batch)}

    def _score(self, batch: Batch, state: State) -> np.ndarray:
        return np.full(len(batch), float(state["seen"]))


GO = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()
    GO.clear()


async def test_simultaneous_samples_share_a_batch() -> None:
    intake = Intake(Length())
    scores = await intake.submit_all([Sample("x" * n) for n in range(50)])
    assert [row.value for row in scores] == list(range(50))
    assert len(CALLS) == 1 and intake.held == 0


async def test_next_batch_fills_while_one_is_scored() -> None:
    intake = Intake(Waiting(), IntakeOptions(in_flight=1))
    first = asyncio.ensure_future(intake.submit(Sample("a")))
    while not CALLS:
        await asyncio.sleep(0)
    rest = [asyncio.ensure_future(intake.submit(Sample("b"))) for _ in range(40)]
    await asyncio.sleep(0)
    GO.set()
    await asyncio.gather(first, *rest)
    assert intake.batch_sizes == {1: 1, 40: 1}


async def test_budgets_and_steps_divide_batches() -> None:
    intake = Intake(Length(), IntakeOptions(max_batch=3))
    await intake.submit_all([Sample("x", step=step) for step in (1, 1, 1, 1, 2)])
    assert [len(batch) for batch in CALLS] == [3, 1, 1]
    assert [batch.step for batch in CALLS] == [1, 1, 2]
    CALLS.clear()
    intake = Intake(Length(), IntakeOptions(max_tokens=100))
    await intake.submit_all([Sample("x" * 300), Sample("x" * 300), Sample("x" * 4000)])
    assert [len(batch) for batch in CALLS] == [1, 1, 1]


async def test_groups_meet_in_any_order_and_are_scored_once() -> None:
    rng = random.Random(3)
    arrivals = [(prompt, k) for prompt in range(16) for k in range(8)]
    rng.shuffle(arrivals)
    arrivals += rng.sample(arrivals, 40)  # submitted again
    intake = Intake(OverMean(), IntakeOptions(group_size=8))

    async def come(prompt: int, k: int) -> float:
        await asyncio.sleep(rng.random() * 0.02)
        scores = await intake.submit(Sample("x" * (prompt * 10 + k), f"question {prompt}", id=k))
        return scores.value

    values = await asyncio.gather(*(come(*arrival) for arrival in arrivals))
    assert values == pytest.approx([k - 3.5 for _, k in arrivals])
    assert sum(len(batch) for batch in CALLS) == 128
    assert intake.counts["duplicates"] == 40 and intake.counts["complete"] == 16 and intake.held == 0


async def test_lost_and_late_siblings() -> None:
    intake = Intake(OverMean(), IntakeOptions(group_size=4, group_deadline=0.05))
    three = await intake.submit_all([Sample("x" * n, "q") for n in (1, 2, 3)])
    assert [row.value for row in three] == [-1.0, 0.0, 1.0]
    assert "3 of 4 siblings" in three[0].note
    late = await intake.submit(Sample("xxxx", "q"))
    assert math.isnan(late.value) and "closed" in late.note
    again = await intake.submit_all([Sample("x" * n, "q") for n in (1, 2, 3, 4)])
    assert [row.value for row in again] == [-1.5, -0.5, 0.5, 1.5]
    assert intake.counts["incomplete"] == 1 and intake.counts["late"] == 1


async def test_lone_sibling_and_refused_groups_are_unscored() -> None:
    lone = await Intake(OverMean(), IntakeOptions(group_size=4, group_deadline=0.02)).submit(Sample("x", "q"))
    assert math.isnan(lone.value) and lone.or_else(-1.0) == -1.0
    strict = Intake(OverMean(), IntakeOptions(group_size=4, group_deadline=0.02, incomplete="unscored"))
    assert all(math.isnan(row.value) for row in await strict.submit_all([Sample("x", "q"), Sample("y", "q")]))
    assert not CALLS


async def test_cancelled_sibling_leaves_its_place() -> None:
    intake = Intake(OverMean(), IntakeOptions(group_size=2))
    gone = asyncio.ensure_future(intake.submit(Sample("x", "q", id=0)))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert intake.held == 0
    scores = await intake.submit_all([Sample("xx", "q", id=0), Sample("xxxx", "q", id=1)])
    assert [row.value for row in scores] == [-1.0, 1.0]
    assert intake.counts["withdrawn"] == 1


async def test_duplicate_survives_the_cancellation_of_the_first() -> None:
    intake = Intake(Waiting(), IntakeOptions(in_flight=1))
    sample = Sample("x", "q", id="a")
    first, second = (asyncio.ensure_future(intake.submit(sample)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    GO.set()
    assert (await second).value == 1.0
    assert (await intake.submit(sample)).value == 1.0
    assert sum(len(batch) for batch in CALLS) == 1


async def test_id_used_for_another_completion() -> None:
    intake = Intake(Length())
    await intake.submit(Sample("x", "q", id=1))
    with pytest.raises(UserError, match="another completion"):
        await intake.submit(Sample("y", "q", id=1))


async def test_faults_stay_their_own() -> None:
    intake = Intake(Length())
    results = await asyncio.gather(
        *(intake.submit(Sample(text)) for text in ("a", "broken", "ccc")), return_exceptions=True
    )
    assert isinstance(results[1], UserError)
    assert [results[0].value, results[2].value] == [1.0, 3.0]  # type: ignore[union-attr]
    assert intake.held == 0
    with pytest.raises(MissingColumn):
        await Intake(OfUser(), IntakeOptions(group_size=2)).submit(Sample("a"))


async def test_column_ties_do_not_run_together() -> None:
    intake = Intake(OfUser(), IntakeOptions(group_size=2))
    samples = [Sample("x" * n, columns={"user": "ann"}) for n in (1, 3, 10, 20)]
    await intake.submit_all(samples)
    assert [len(batch) for batch in CALLS] == [2, 2]


async def test_overload_and_drain() -> None:
    intake = Intake(Waiting(), IntakeOptions(capacity=2))
    held = [asyncio.ensure_future(intake.submit(Sample("x"))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await intake.submit(Sample("x"))
    GO.set()
    await intake.drain()
    assert [row.value for row in await asyncio.gather(*held)] == [1.0, 1.0]
    with pytest.raises(Overloaded, match="closed"):
        await intake.submit(Sample("x"))


async def test_drain_lets_incomplete_groups_go() -> None:
    intake = Intake(OverMean(), IntakeOptions(group_size=9))
    held = [asyncio.ensure_future(intake.submit(Sample("x" * n, "q"))) for n in (1, 3)]
    await asyncio.sleep(0)
    await intake.drain()
    assert [row.value for row in await asyncio.gather(*held)] == [-1.0, 1.0]


async def test_state_moves_on_in_one_place() -> None:
    intake = Intake(Counting().scorer(), IntakeOptions(max_batch=2))
    scores = await intake.submit_all([Sample("x") for _ in range(6)])
    assert [row.value for row in scores] == [0.0, 0.0, 2.0, 2.0, 4.0, 4.0]
    with pytest.raises(UserError, match="keeps state"):
        Intake(Counting())


async def test_size_must_be_known() -> None:
    with pytest.raises(UserError, match="group_size"):
        await Intake(OverMean()).submit(Sample("x", "q"))
    scores = await Intake(OverMean()).submit_all([Sample("x" * n, "q", siblings=2) for n in (1, 3)])
    assert [row.value for row in scores] == [-1.0, 1.0]


def test_one_intake_serves_threads_and_loops() -> None:
    shared: SharedIntake = pickle.loads(pickle.dumps(SharedIntake(OverMean(), IntakeOptions(group_size=8))))
    values: dict[int, float] = {}

    def ask(k: int) -> None:
        async def one() -> float:
            return (await shared.score(Sample("x" * k, "q"))).value

        values[k] = asyncio.run(one())

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert values == {k: k - 3.5 for k in range(8)}
    assert shared.counts["complete"] == 1


@pytest.mark.parametrize("field", ["group_deadline", "max_batch", "max_tokens", "capacity", "group_size", "in_flight"])
def test_options_are_checked(field: str) -> None:
    with pytest.raises(UserError, match=field):
        IntakeOptions(**{field: 0})  # type: ignore[arg-type]


async def test_finished_samples_are_not_kept_with_what_they_said() -> None:
    intake = Intake(Length())
    sample = Sample("x" * 10, "q", completion_ids=list(range(10)), id=1)
    gone = weakref.ref(sample)
    assert (await intake.submit(sample)).value == 10
    del sample
    await asyncio.sleep(0)
    CALLS.clear()
    gc.collect()
    assert gone() is None
    assert (await intake.submit(Sample("x" * 10, "q", id=1))).value == 10
    assert not CALLS and intake.counts["duplicates"] == 1
    with pytest.raises(UserError, match="another completion"):
        await intake.submit(Sample("y" * 10, "q", id=1))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=60), st.integers(0, 8))
def test_what_is_remembered_is_bounded(added: list[tuple[int, int]], most: int) -> None:
    kept, latest = Remembered(most, 8000), OrderedDict[int, SampleScores]()
    for name, length in added:
        scores = SampleScores(1.0, notes={"": Note(message="x" * length)})
        kept.add(name, b"", scores)
        latest.pop(name, None)
        latest[name] = scores
        alive = [name for name in latest if kept.get(name)]
        assert alive == list(latest)[len(latest) - len(alive) :]  # the latest ones
        assert len(kept) == len(alive) <= most
        assert kept.weight == sum(weight(latest[name]) for name in alive) <= 8000


async def test_keys_that_expired_long_ago_are_let_go() -> None:
    groups = Rendezvous[int](0.01, lambda members: None, lambda members, size: None, lambda member: None)
    for key in range(50):
        groups.add(key, key, size=2)
    await asyncio.sleep(0.05)
    assert len(groups._missing) == 50
    groups.add(50, 50, size=2)
    await asyncio.sleep(0.05)
    assert len(groups._missing) == 1


async def test_expired_keys_are_forgotten() -> None:
    late: list[int] = []
    groups = Rendezvous[int](0.001, lambda members: None, lambda members, size: None, late.append, remembered=10)
    for key in range(100):
        groups.add(key, key, size=2)
    await asyncio.sleep(0.05)
    groups.add(99, 1, size=2)  # the key is free again after another deadline
    assert not late and len(groups) == 1 and len(groups._missing) <= 10
