"""StepProtocol: how a chat model is asked about the steps of a trajectory, one by one, and how its replies are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from guerdon.batch import Batch
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.text.search_trace import policy_steps
from guerdon.text.trajectory import Trajectory

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one step, and what of the step is needed to read the reply."""

    request: ChatRequest
    about: Any = None


class StepProtocol:
    """A frozen description of a way to judge steps: says where they are, builds a request for each and reads one reply.

    Class attributes: ``bounds`` of a step's value, ``subparts`` each verdict carries beside it.
    """

    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    subparts: ClassVar[tuple[str, ...]] = ()

    @property
    def own_columns(self) -> dict[str, str]:
        """Column -> what it should hold, for the columns put into prompts."""
        return {}

    def steps(self, trajectory: Trajectory) -> Spans:
        """The character spans of a trajectory's steps; here what the policy wrote between the turns of others."""
        return policy_steps(trajectory)

    def ask(self, batch: Batch, trajectories: Sequence[Trajectory]) -> list[list[Asked | None]]:
        """Sample by sample, what is asked about each step, or None for a step that is not judged and worth 0."""
        raise TypeError(f"{type(self).__name__} has no ask(batch, trajectories); write it")

    def read(self, asked: Asked, reply: ChatReply) -> Verdict:
        """The verdict of the reply to one question."""
        raise TypeError(f"{type(self).__name__} has no read(asked, reply); write it")
