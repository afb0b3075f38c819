"""ms-swift: a reward as an external plug-in, ``--external_plugins file.py --reward_funcs NAME``.

``guerdon export swift SPEC`` writes the file, which registers the class under the reward's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon.errors import UserError
from guerdon.integrations.sample_scorer import reward_from_spec
from guerdon.reward import Reward
from guerdon.scorer import Scorer
from guerdon.trainer_call import call

__all__ = ["reward_class"]


def reward_class(reward: Any, name: str = "") -> type:
    """The class for ``swift.rewards.orms``. Groups are ms-swift's ``prompt_id``; None where a sample could not be scored.

    >>> Plugin = reward_class("{reward: exact_match}")
    >>> Plugin(args=None)(["4", "5"], reference=["4", "4"], prompt_id=["a", "a"])
    [1.0, 0.0]
    """
    scoring: Reward | Scorer = reward if isinstance(reward, (Reward, Scorer)) else reward_from_spec(reward)
    if isinstance(scoring, Reward) and scoring.stateful:
        scoring = scoring.scorer()
    known = name or scoring.__name__
    if not known.isidentifier():
        raise UserError(f"name={known!r} must be an identifier")

    def __init__(self: Any, args: Any = None, **others: Any) -> None:
        self.args = args

    def __call__(self: Any, completions: Sequence[str], **columns: Any) -> list[float | None]:
        groups = columns.pop("prompt_id", None)
        messages = columns.pop("messages", None)
        ids = columns.pop("response_token_ids", None)
        prompts = [_prompt(each) for each in messages] if messages else groups
        if groups is not None and prompts is not groups:
            prompts = [f"{group}" if prompt is None else prompt for group, prompt in zip(groups, prompts, strict=True)]
        return call(scoring, prompts, completions, ids, **columns)

    return type(known, (), {"__init__": __init__, "__call__": __call__, "__doc__": f"guerdon's {known}."})


def _prompt(messages: Any) -> Any:
    """The messages before the answer."""
    if not isinstance(messages, list) or not messages:
        return None
    return messages[:-1] if messages[-1].get("role") == "assistant" else messages
