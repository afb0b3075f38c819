"""One intake for a Ray cluster: a named actor in which the samples of all workers meet."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from guerdon.errors import GuerdonError
from guerdon.intake import IntakeOptions, SharedIntake
from guerdon.integrations.ray_cluster import ray_package
from guerdon.reward import Reward, reward_of
from guerdon.sample import Sample, SampleScores
from guerdon.scorer import Scorer
from guerdon.scores import Outcome

NAMESPACE = "guerdon"
_AT_ONCE = 10_000  # samples in the actor at the same time: all wait there for their siblings


class _Meeting:
    """What runs in the actor."""

    def __init__(self, scoring: Reward | Scorer, options: IntakeOptions, job: str, check_seconds: float) -> None:
        self.intake = SharedIntake(scoring, options)
        if job:
            threading.Thread(target=_end_with, args=(job, check_seconds), daemon=True).start()

    async def score(self, sample: Sample) -> SampleScores | GuerdonError:
        try:
            return await self.intake.score(sample)
        except GuerdonError as error:
            return error

    async def counts(self) -> Counter[str]:
        return self.intake.counts


class ActorIntake:
    """Sends samples to the actor of a reward, which the first worker that needs it starts.

    The actor is named after the job, the reward and the options, lives as long as the job (or until :meth:`stop`) and is restarted
    by Ray if it dies; samples that were in it then are sent again. Errors as :meth:`guerdon.intake.Intake.submit`; an actor
    that cannot be reached gives no value, ``transport_error``. Who stops waiting withdraws the sample.

    Args:
        scoring, options: what the actor scores, and how its intake works.
        tries: how often a sample is sent while actors die.
        label: the beginning of the actor's name, in place of the job: such an actor lives until :meth:`stop`.
        needs: Ray's options for the actor, such as ``{"num_gpus": 1}`` where the reward runs a model.

    Raises:
        MissingExtra: Ray is not installed.
    """

    check_seconds = 60.0  # between two looks at whether the job goes on

    def __init__(
        self,
        scoring: Reward | Scorer,
        options: IntakeOptions | None = None,
        *,
        tries: int = 8,
        label: str = "",
        needs: Mapping[str, float] | None = None,
    ) -> None:
        self.scoring, self.options, self.tries = scoring, options or IntakeOptions(), tries
        self.label, self.needs = label, dict(needs or {"num_cpus": 0})
        self.reward = reward_of(scoring)
        self._actor: Any = None

    @property
    def job(self) -> str:
        """The job of whoever asks; "" where a label stands in its place."""
        return "" if self.label else str(ray_package().get_runtime_context().get_job_id())

    @property
    def name(self) -> str:
        """The actor's."""
        said = "-".join(str(value) for value in dataclasses.astuple(self.options))
        return f"{self.label or self.job + '-'}{self.reward.name}-{self.reward.fingerprint}-{said}"

    async def score(self, sample: Sample) -> SampleScores:
        """The scores of a sample."""
        fault = ""
        for attempt in range(self.tries):
            if attempt:
                await asyncio.sleep(min(0.2 * 2**attempt, 10.0))
            asked = self._handle().score.remote(sample)
            try:
                result = await asked
            except asyncio.CancelledError:
                ray_package().cancel(asked)
                raise
            except ray_package().exceptions.RayActorError as error:
                self._actor, fault = None, str(error).splitlines()[0]
                continue
            if isinstance(result, GuerdonError):
                raise result
            return result  # type: ignore[no-any-return]
        return SampleScores.unscored(self.reward, Outcome.TRANSPORT_ERROR, f"the rendezvous actor is gone: {fault}")

    async def counts(self) -> Counter[str]:
        """What has happened in the actor; see :class:`guerdon.intake.Intake`."""
        return await self._handle().counts.remote()  # type: ignore[no-any-return]

    def stop(self) -> None:
        """End the actor; samples in it are lost."""
        ray_package().kill(self._handle())
        self._actor = None

    def _handle(self) -> Any:
        if self._actor is None:
            actor = (
                ray_package()
                .remote(_Meeting)
                .options(
                    name=self.name,
                    namespace=NAMESPACE,
                    get_if_exists=True,
                    lifetime="detached",
                    max_concurrency=_AT_ONCE,
                    max_restarts=-1,
                    **self.needs,
                )
            )
            self._actor = actor.remote(self.scoring, self.options, self.job, self.check_seconds)
        return self._actor

    def __reduce__(self) -> tuple[Any, ...]:
        return _actor_intake, (self.scoring, self.options, self.tries, self.label, self.needs)


def _end_with(job: str, check_seconds: float) -> None:
    """End the actor this runs in when its job is over; Ray keeps actors that no worker's death shall end."""
    ray = ray_package()
    while not _is_over(job):
        time.sleep(check_seconds)
    ray.kill(ray.get_runtime_context().current_actor)


def _is_over(job: str) -> bool:
    try:
        state: Any = importlib.import_module("ray._private.state")
        return any(each["JobID"] == job and each["IsDead"] for each in state.jobs())
    except (ImportError, AttributeError, KeyError, TypeError):  # another Ray, which does not tell: the actor stays
        return False


def _actor_intake(
    scoring: Reward | Scorer, options: IntakeOptions, tries: int, label: str, needs: Mapping[str, float]
) -> ActorIntake:
    return ActorIntake(scoring, options, tries=tries, label=label, needs=needs)
