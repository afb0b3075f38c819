"""SampleScorer: one sample at a time, here or on a real server; what could not be scored is counted, never invented."""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from guerdon.batch import Batch
from guerdon.errors import SpecError, UserError
from guerdon.frozen import plain
from guerdon.intake import IntakeOptions
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.reward import Reward, State
from guerdon.rewards import ExactMatch, GivenSteps, MajorityVote, TokenF1
from guerdon.sample import Sample, SampleScores
from guerdon.scores import Outcome, Scores
from guerdon.server import client
from tests.server.served import Gap, Lost, served


@dataclass(frozen=True, repr=False)
class Seen(Reward):
    """How many samples were seen before."""

    def initial_state(self, rng: np.random.Generator) -> State:
        return {"seen": 0}

    def advanced_state(self, state: State, batch: Batch, scores: Scores) -> State:
        return {"seen": state["seen"] + len(batch)}

    def _score(self, batch: Batch, state: State) -> np.ndarray:
        return np.full(len(batch), float(state["seen"]))


async def asked(scorer: SampleScorer, *samples: Sample) -> list[SampleScores]:
    return list(await asyncio.gather(*(scorer.score(sample) for sample in samples)))


async def test_here() -> None:
    scorer = SampleScorer(TokenF1())
    sample = Sample("x z", columns=scorer.columns("x y"))
    assert await scorer.numbers(sample) == {"score": 0.5, "token_f1": 0.5, "unscored": 0.0}


async def test_fallback_is_counted_and_keys_stay() -> None:
    scorer = SampleScorer(Lost(), fallback=-1.0)
    rows = [await scorer.numbers(Sample(text)) for text in ("fine", "lost")]
    assert rows == [{"score": 1.0, "lost": 1.0, "unscored": 0.0}, {"score": -1.0, "lost": -1.0, "unscored": 1.0}]
    assert scorer.counts == {"samples": 2, "unscored": 1}


async def test_a_part_called_score_does_not_hide_the_score() -> None:
    numbers = await SampleScorer(TokenF1(name="score") + ExactMatch()).numbers(Sample("x", columns={"reference": "x"}))
    assert numbers["score"] == 2.0


async def test_siblings_here_and_on_a_server() -> None:
    said = [Sample(text, "q", group="g") for text in ("a", "abc", "abcde")]
    here = await asked(SampleScorer(Gap(), group_size=3), *said)
    with served(Gap()) as running:
        workers = [SampleScorer(Gap(), at=running.url, group_size=3) for _ in said]
        there = await asyncio.gather(*(worker.score(sample) for worker, sample in zip(workers, said, strict=True)))
    assert [row.value for row in here] == [row.value for row in there] == [-2.0, 0.0, 2.0]


async def test_an_answer_that_got_lost_does_not_make_a_second_sibling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client asks again; the server knows the sample by its id."""
    monkeypatch.setattr(client.RewardClient, "_pause", lambda *arguments: 0.0)
    with served(Gap(), intake=IntakeOptions(group_deadline=20.0)) as running:
        scorers = [SampleScorer(Gap(), at=running.url, group_size=2) for _ in range(2)]
        post, lost = httpx.AsyncClient.post, []

        async def losing(self: httpx.AsyncClient, *arguments: object, **options: object) -> httpx.Response:
            response = await post(self, *arguments, **options)  # type: ignore[arg-type]
            if not lost:
                lost.append(response)
                raise httpx.ReadError("lost on the way")
            return response

        monkeypatch.setattr(httpx.AsyncClient, "post", losing)
        said = [Sample(text, "q", group="g") for text in ("a", "abc")]
        rows = await asyncio.gather(*(scorer.score(s) for scorer, s in zip(scorers, said, strict=True)))
        counts = next(iter(running.app.desks.values())).intake.counts
    assert [row.value for row in rows] == [-1.0, 1.0] and counts["duplicates"] == 1 and counts["samples"] == 2


async def test_steps_and_notes_come_from_a_server() -> None:
    reward = GivenSteps(environment="environment")
    columns = {"process_rewards": [0.25], "environment": [[18, 23]]}
    sample = Sample("<search>a</search>found<answer>c</answer>", "q", columns)
    with served(reward) as running:
        (row, lost) = await asked(
            SampleScorer(reward, at=running.url), sample, Sample("x", columns=columns | {"process_rewards": None})
        )
    assert row.value == 0.25 and row.steps is not None and row.steps.values.tolist() == [0.25, 0.0]
    assert row.steps.spans is not None and row.steps.spans[0].tolist() == [0, 18]
    assert not lost.scored and "missing_data" in lost.note


async def test_a_token_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with served({"a": ExactMatch(), "b": TokenF1()}, token="secret") as running:
        sample = Sample("x z", columns={"reference": "x y"})
        given = SampleScorer(TokenF1(), at=running.url, server_reward="b", token="secret")
        assert (await given.score(sample)).value == 0.5
        with pytest.raises(UserError, match="401"):
            await SampleScorer(TokenF1(), at=running.url, server_reward="b").score(sample)
        monkeypatch.setenv("GUERDON_TOKEN", "secret")
        assert (await SampleScorer(TokenF1(), at=running.url, server_reward="b").score(sample)).value == 0.5


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.RewardClient, "_pause", lambda *arguments: 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        scorer = SampleScorer(TokenF1(), at=f"http://127.0.0.1:{taken.getsockname()[1]}", fallback=0.125)
        scores = await scorer.score(Sample("x", columns={"reference": "x"}))
    assert not scores.scored and scores.notes["token_f1"].outcome is Outcome.TRANSPORT_ERROR
    assert scorer.as_numbers(scores) == {"score": 0.125, "token_f1": 0.125, "unscored": 1.0}
    assert scorer.counts == {"samples": 1, "unscored": 1}


def test_many_threads_and_pickles() -> None:
    scorer = pickle.loads(pickle.dumps(SampleScorer(MajorityVote(), group_size=4, fallback=0.5)))
    assert scorer.fallback == 0.5 and scorer.options.group_size == 4
    said = [Sample(f"<answer>{i // 4 if i % 4 else 'no'}</answer>", "q", group=str(i // 4)) for i in range(64)]
    with ThreadPoolExecutor(64) as pool:
        values = [scores.value for scores in pool.map(scorer.blocking, said)]
    assert len(set(values[1::4])) == 1 and values[0] < values[1] == values[2]


async def test_state_is_kept_in_one_place() -> None:
    scorer = SampleScorer(Seen())
    assert [(await scorer.score(Sample("x"))).value for _ in range(3)] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: SampleScorer(TokenF1(), at="nowhere"), UserError, "at='nowhere'"),
        (lambda: SampleScorer(TokenF1(), fallback=float("nan")), UserError, "finite"),
        (lambda: SampleScorer("{encoder: char_ngram}"), SpecError, "not a reward|registered"),
    ],
)
def test_what_cannot_be(make: Callable[[], SampleScorer], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


async def test_siblings_without_a_number() -> None:
    with pytest.raises(UserError, match="group_size"):
        await SampleScorer(Gap()).score(Sample("x", "q"))


def test_values_of_datasets_are_plain() -> None:
    columns = SampleScorer(TokenF1()).columns(np.array(["x y", "z"], dtype=object))
    assert columns == {"reference": ["x y", "z"]}
    assert plain({"a": np.float64(1.0), 2: (np.int64(3),)}) == {"a": 1.0, "2": [3]}
