"""Agent loops of verl that keep step and token rewards on their tokens, and tell rewards what tools wrote.

verl's trainer asks the reward workers for one number per rollout and puts it on the last token. These agent loops, made of verl's
own, put the tokens of a :class:`PlacedReward` where they belong; any other number goes to the last token. ``guerdon export verl
SPEC`` says what to set. Needs verl; classes are made when first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from guerdon.projection import Decode

__all__ = ["PlacedReward", "inserted_spans", "placing"]

#: The extra field of a rollout that says which tokens the policy wrote (1) and which tools did (0).
MASK = "response_mask"


class PlacedReward(float):
    """A rollout's reward that also knows what of it belongs to each token of the response; they sum to it.

    It is a number wherever verl takes one, and pickles with its tokens.

    >>> reward = PlacedReward([0.25, 0.0, 0.5])
    >>> reward + 1, reward.tokens
    (1.75, (0.25, 0.0, 0.5))
    """

    tokens: tuple[float, ...]

    def __new__(cls, tokens: Sequence[float], total: float | None = None) -> PlacedReward:
        reward = super().__new__(cls, sum(tokens) if total is None else total)
        reward.tokens = tuple(tokens)
        return reward

    def __reduce__(self) -> tuple[type[PlacedReward], tuple[tuple[float, ...], float]]:
        return type(self), (self.tokens, float(self))


def inserted_spans(mask: Sequence[int], ids: Sequence[int], decode: Decode) -> list[tuple[int, int]]:
    """Character spans of the tokens that the policy did not write, in the decoded text: those with mask 0.

    >>> inserted_spans([1, 0, 0, 1], [1, 2, 3, 4], lambda ids: "ab" * len(ids))
    [(2, 6)]
    """
    edges = [i for i in range(len(ids) + 1) if (i and not mask[i - 1]) != (i < len(ids) and not mask[i])]
    at = [len(decode(list(ids[:edge]))) for edge in edges]
    return list(zip(at[::2], at[1::2], strict=True))


@cache
def placing(loop: type) -> type:
    """An agent loop class that does what ``loop`` does and places rewards: ``rm_scores`` has one number per response token."""
    from verl.experimental.agent_loop.agent_loop import AgentLoopOutput

    class PlacedOutput(AgentLoopOutput):  # type: ignore[misc]
        def as_dict(self) -> dict[str, Any]:
            fields: dict[str, Any] = super().as_dict()
            reward = self.reward_score
            if isinstance(reward, PlacedReward) and len(reward.tokens) == len(fields["rm_scores"]):
                fields["rm_scores"] = fields["rm_scores"].new_tensor(reward.tokens)
            return fields

    def placed(output: Any) -> Any:
        output.extra_fields[MASK] = list(output.response_mask)
        return PlacedOutput.model_construct(output.model_fields_set | {"extra_fields"}, **dict(output))

    class PlacingAgentLoop(loop):  # type: ignore[misc]
        async def run(self, *arguments: Any, **options: Any) -> Any:
            output = await super().run(*arguments, **options)
            return [placed(each) for each in output] if isinstance(output, list) else placed(output)

    PlacingAgentLoop.__name__ = PlacingAgentLoop.__qualname__ = f"Placing{loop.__name__}"
    return PlacingAgentLoop


def __getattr__(name: str) -> type:
    """``SingleTurn`` and ``Tool``, made of verl's own."""
    if name == "SingleTurn":
        from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

        return placing(SingleTurnAgentLoop)
    if name == "Tool":
        from verl.experimental.agent_loop.tool_agent_loop import ToolAgentLoop

        return placing(ToolAgentLoop)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
