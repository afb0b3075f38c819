"""``guerdon serve``: answer trainers and clients over HTTP."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.errors import UserError

if TYPE_CHECKING:
    from guerdon.reward import Reward


class Logs(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Engine(StrEnum):
    """What runs the server."""

    LOCAL = "local"
    RAY = "ray"


def serve(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC...",
            help="Rewards: a YAML file, paper:<slug>, or YAML; NAME=SPEC gives it a name.",
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Where to listen. Beyond loopback GUERDON_TOKEN must be set.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    group_size: Annotated[
        int | None,
        typer.Option(min=1, help="Rollouts per prompt, for rewards that compare siblings.", show_default=False),
    ] = None,
    group_deadline: Annotated[float, typer.Option(help="Seconds a group waits for its members.")] = 60.0,
    incomplete: Annotated[
        str, typer.Option(help="What a group gets whose members did not all come: score, unscored.")
    ] = "score",
    fallback: Annotated[
        float | None,
        typer.Option(
            help="The number for samples that could not be scored, in dialects that need one.", show_default=False
        ),
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="The most samples scored together.")] = 256,
    capacity: Annotated[int, typer.Option(min=1, help="Samples held at once; beyond that 429.")] = 65_536,
    deadline: Annotated[float, typer.Option(help="Seconds to an answer; then 504.")] = 120.0,
    drain: Annotated[float, typer.Option(help="Seconds for requests under way when told to stop.")] = 30.0,
    max_body: Annotated[int, typer.Option(min=1024, help="Bytes of a request.")] = 16 << 20,
    engine: Annotated[
        Engine, typer.Option(help="What runs the server: this process, or replicas on a Ray cluster.")
    ] = Engine.LOCAL,
    replicas: Annotated[
        str | None, typer.Option(metavar="MIN:MAX", help="Replicas on Ray [1:4].", show_default=False)
    ] = None,
    gpus: Annotated[float, typer.Option(min=0.0, help="GPUs of each replica on Ray.")] = 0.0,
    logs: Annotated[Logs, typer.Option(help="How much is logged, as JSON lines on standard error.")] = Logs.INFO,
) -> None:
    """Serve rewards to OpenRLHF, slime, LLaMA-Factory, verl, NeMo Gym and our own client.

    Requests are scored in batches formed across clients; samples that compare with siblings wait for them.
    """
    from guerdon.intake import IntakeOptions
    from guerdon.server.app import create_app
    from guerdon.server.serving import log_as_json
    from guerdon.server.serving import serve as run
    from guerdon.server.settings import ServerSettings

    settings = ServerSettings(
        token=os.environ.get("GUERDON_TOKEN") or None,
        fallback=fallback,
        deadline=deadline,
        drain=drain,
        max_body=max_body,
        intake=IntakeOptions(
            group_size=group_size,
            group_deadline=group_deadline,
            incomplete=incomplete,  # type: ignore[arg-type]
            max_batch=max_batch,
            capacity=capacity,
        ),
    )
    settings.check_host(host)
    rewards = named_rewards(specs)
    log_as_json(logs)
    if engine is Engine.RAY:
        from guerdon.integrations.ray_serve import serve_on_ray

        needs = {"num_gpus": gpus} if gpus else None
        serve_on_ray(rewards, settings, host=host, port=port, replicas=_range(replicas or "1:4"), needs=needs)
    elif replicas is not None or gpus:
        raise UserError("--replicas and --gpus are for --engine ray; the local engine is one process")
    else:
        run(create_app(rewards, settings), host=host, port=port)


def _range(replicas: str) -> tuple[int, int]:
    fewest, _, most = replicas.partition(":")
    try:
        return int(fewest), int(most or fewest)
    except ValueError:
        raise UserError(f"--replicas {replicas!r} is not of the form MIN:MAX, such as 1:4") from None


def named_rewards(specs: list[str]) -> dict[str, Reward]:
    """The rewards that specs describe, by name.

    Raises:
        UserError: two have one name.
    """
    from guerdon.cli.score import reward_from

    rewards: dict[str, Reward] = {}
    for spec in specs:
        name, equals, rest = spec.partition("=")
        named = bool(equals) and name.replace("_", "").replace("-", "").isalnum()
        reward = reward_from(rest if named else spec)
        key = name if named else reward.name
        if key in rewards:
            raise UserError(f"two rewards are called {key!r}; give them names: NAME=SPEC")
        rewards[key] = reward
    return rewards
