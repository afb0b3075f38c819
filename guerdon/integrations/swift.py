"""ms-swift: a reward as an external plug-in, ``--external_plugins file.py --reward_funcs NAME``.

``guerdon export swift SPEC`` writes the file, which registers the class under the reward's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.errors import UserError
from guerdon.integrations.sample_scorer import scoring_from
from guerdon.trainer_call import call

__all__ = ["reward_class"]


def reward_class(reward: Any, name: str = "") -> type:
    """The class for ``swift.rewards.orms``: one number per rollout, None where it could not be scored.

    Siblings are the rollouts of one prompt: what comes before the policy's turns, of which ms-swift tells by their token ids. The
    completion of a rollout of several turns is all its messages, the environment's included.

    >>> Plugin = reward_class("{reward: exact_match}")
    >>> Plugin(args=None)(["4", "5"], reference=["4", "4"], prompt_id=["a", "a"])
    [1.0, 0.0]
    """
    scoring = scoring_from(reward)
    known = name or scoring.__name__
    if not known.isidentifier():
        raise UserError(f"name={known!r} must be an identifier")

    def __init__(self: Any, args: Any = None, **others: Any) -> None:
        self.args = args

    def __call__(self: Any, completions: Sequence[str], **columns: Any) -> list[float | None]:
        prompt_ids, messages = columns.pop("prompt_id", None), columns.pop("messages", None)
        token_ids = columns.pop("response_token_ids", None) or [[]] * len(completions)
        if not messages:
            return call(scoring, prompt_ids, completions, **columns)
        turns = [max(len(each or ()), 1) for each in token_ids]
        rollouts = [_divided(dialogue, each) for dialogue, each in zip(messages, turns, strict=True)]
        said = [c if n == 1 else tail for c, n, (_, tail) in zip(completions, turns, rollouts, strict=True)]
        known_ids = max(turns, default=0) == 1 and all(token_ids)
        ids = [each[0] for each in token_ids] if known_ids else None
        return call(scoring, [prompt for prompt, _ in rollouts], said, ids, **columns)

    return type(known, (), {"__init__": __init__, "__call__": __call__, "__doc__": f"guerdon's {known}."})


def _divided(messages: Sequence[Mapping[str, Any]], turns: int) -> tuple[list[Any], list[Any]]:
    """The prompt of a rollout and what came of it: its last ``turns`` turns of the policy and all between them."""
    by_policy = [i for i, message in enumerate(messages) if message.get("role") == "assistant"]
    start = by_policy[-turns] if len(by_policy) >= turns else len(messages)
    return list(messages[:start]), list(messages[start:])
