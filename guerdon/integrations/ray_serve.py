"""The reward server on a Ray cluster: replicas of the same app behind Ray Serve, as many as the load asks for.

A replica scores what it gets in its own batches. What compares siblings or keeps state must meet in one place, whichever replica
it comes to: it goes on to a named actor (:mod:`guerdon.integrations.ray_rendezvous`), where groups gather and are scored.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from guerdon.errors import MissingExtra, UserError
from guerdon.intake import Intake, IntakeOptions
from guerdon.integrations.ray_cluster import connected
from guerdon.integrations.ray_rendezvous import ActorIntake
from guerdon.reward import Reward, reward_of
from guerdon.runtime import all_or_none
from guerdon.sample import Sample, SampleScores
from guerdon.scorer import Scorer, with_state
from guerdon.scoring.layout import hash64
from guerdon.server.app import RewardServer, create_app
from guerdon.server.desk import Taking
from guerdon.server.serving import log_as_json
from guerdon.server.settings import ServerSettings

__all__ = ["MeetingIntake", "ray_application", "serve_on_ray"]

NAME = "guerdon"
_LABEL = "serve-"

log = logging.getLogger("guerdon.server")


class MeetingIntake:
    """What a replica uses in place of an intake of its own: samples go to actors that all replicas share.

    With several actors each group has one of them, so that they share the scoring. A reward with state has one actor.
    ``counts`` and ``held`` tell of this replica.
    """

    def __init__(
        self,
        scoring: Reward | Scorer,
        options: IntakeOptions,
        *,
        actors: int = 1,
        needs: Mapping[str, float] | None = None,
    ) -> None:
        self.reward = reward_of(scoring)
        number = 1 if self.reward.stateful or self.reward.siblings == "batch" else actors
        self.actors = [
            ActorIntake(scoring, options, label=f"{_LABEL}{k}-of-{number}-", needs=needs) for k in range(number)
        ]
        self.counts: Counter[str] = Counter()
        self.batch_sizes: Counter[int] = Counter()
        self.held = 0
        self._none_held = asyncio.Event()

    async def submit(self, sample: Sample) -> SampleScores:
        """The scores of a sample; see :meth:`guerdon.intake.Intake.submit`."""
        sample.check(self.reward)
        self.counts["samples"] += 1
        self.held += 1
        try:
            scores = await self._actor(sample).score(sample)
        except asyncio.CancelledError:
            self.counts["withdrawn"] += 1
            raise
        except Exception:
            self.counts["failed"] += 1
            raise
        finally:
            self.held -= 1
            if not self.held:
                self._none_held.set()
        self.counts["scored" if scores.scored else "unscored"] += 1
        return scores

    async def submit_all(self, samples: Sequence[Sample]) -> list[SampleScores]:
        """The scores of several samples, in order; the first failure is raised and the others are given up."""
        return await all_or_none(self.submit(sample) for sample in samples)

    async def drain(self) -> None:
        """Wait until all that this replica sent has come back."""
        while self.held:
            self._none_held.clear()
            await self._none_held.wait()

    def stop(self) -> None:
        """End the actors."""
        for actor in self.actors:
            actor.stop()

    def _actor(self, sample: Sample) -> ActorIntake:
        if len(self.actors) == 1:
            return self.actors[0]
        tie = sample.tie(self.reward.siblings or "group")
        return self.actors[hash64(tie) % len(self.actors)]


def ray_application(
    rewards: Mapping[str, Reward | Scorer],
    settings: ServerSettings | None = None,
    *,
    replicas: tuple[int, int] = (1, 4),
    target: float = 64.0,
    meeting_actors: int = 1,
    needs: Mapping[str, float] | None = None,
) -> Any:
    """A Ray Serve application of the reward server, for ``ray.serve.run``.

    Args:
        rewards, settings: as for :func:`guerdon.server.create_app`.
        replicas: fewest and most replicas.
        target: requests under way per replica that Ray Serve aims at: more adds replicas, fewer takes them away. It has no
            influence on batches; waiting siblings count.
        meeting_actors: actors among which groups are divided.
        needs: Ray's options for a replica and a meeting actor, such as ``{"num_gpus": 1}``.

    Raises:
        UserError: numbers that cannot be.
        MissingExtra: Ray Serve is not installed.
    """
    serve = _serve_package()
    settings = settings or ServerSettings()
    fewest, most = replicas
    if not 1 <= fewest <= most:
        raise UserError(f"replicas={replicas!r} must be (fewest, most) with 1 <= fewest <= most")
    if target <= 0 or meeting_actors < 1:
        raise UserError(f"target={target!r} must be positive and meeting_actors={meeting_actors!r} at least 1")
    create_app(rewards, settings)  # what cannot be served is told here, not by a replica

    deployment = serve.deployment(
        name="RewardServer",
        max_ongoing_requests=settings.intake.capacity,  # siblings wait for each other: the intake is what says "too many"
        autoscaling_config={"min_replicas": fewest, "max_replicas": most, "target_ongoing_requests": target},
        graceful_shutdown_timeout_s=settings.drain,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=2.0,  # a replica that was killed is noticed and replaced within seconds
        health_check_timeout_s=60.0,
        ray_actor_options={"num_cpus": 1, **(needs or {})},
    )
    built = _builder(dict(rewards), settings, meeting_actors, needs)
    return deployment(serve.ingress(built)()).bind()


def _builder(
    rewards: Mapping[str, Reward | Scorer], settings: ServerSettings, actors: int, needs: Mapping[str, float] | None
) -> Callable[[], RewardServer]:
    """A function that builds the app in a replica."""

    def built() -> RewardServer:
        log_as_json("WARNING")

        def opened(scoring: Reward | Scorer, options: IntakeOptions) -> Taking:
            if _meets(scoring):
                return MeetingIntake(scoring, options, actors=actors, needs=needs)
            return Intake(scoring, options)

        return create_app(rewards, settings, open_intake=opened)

    return built


def _meets(scoring: Reward | Scorer) -> bool:
    reward = reward_of(scoring)
    return reward.siblings is not None or reward.stateful


def serve_on_ray(
    rewards: Mapping[str, Reward | Scorer],
    settings: ServerSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    replicas: tuple[int, int] = (1, 4),
    meeting_actors: int = 1,
    needs: Mapping[str, float] | None = None,
) -> None:
    """Serve rewards on the cluster until SIGTERM or SIGINT; then requests under way are answered within ``settings.drain`` seconds.

    The cluster is the one that :func:`~guerdon.integrations.ray_cluster.connected` finds. Port 0 takes a free one, which is logged.

    Raises:
        UserError: a host beyond loopback without a token, or numbers that cannot be.
        MissingExtra: Ray Serve is not installed.
    """
    settings = settings or ServerSettings()
    settings.check_host(host)
    serve = _serve_package()
    connected()
    application = ray_application(rewards, settings, replicas=replicas, meeting_actors=meeting_actors, needs=needs)
    chosen = port or _free_port(host)
    serve.start(
        http_options={"host": host, "port": chosen}, logging_config={"encoding": "JSON", "log_level": "WARNING"}
    )
    serve.run(application, name=NAME, route_prefix="/", blocking=False)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("serving", extra={"url": f"http://{host}:{chosen}", "rewards": sorted(rewards)})
    stop.wait()
    serve.delete(NAME)
    for scoring in rewards.values():
        if _meets(scoring):
            _stop(scoring, settings.intake, meeting_actors, needs)


def _stop(scoring: Reward | Scorer, options: IntakeOptions, actors: int, needs: Mapping[str, float] | None) -> None:
    MeetingIntake(with_state(scoring), options, actors=actors, needs=needs).stop()


def _serve_package() -> Any:
    try:
        from ray import serve
    except ImportError:
        raise MissingExtra("ray[serve]", extra="ray") from None
    return serve


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
