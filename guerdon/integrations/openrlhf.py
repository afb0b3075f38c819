"""OpenRLHF: a reward as ``--reward.remote_url file.py``. Its HTTP way is ``guerdon serve`` and ``/get_reward``.

OpenRLHF calls the function once per rollout from each vLLM engine's process; what compares siblings needs ``at="ray"`` or a
server, and ``group_size``. ``guerdon export openrlhf SPEC`` writes the file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Any

from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.runtime import background
from guerdon.sample import Sample, in_unit_range
from guerdon.text.chat_template import response_after

__all__ = ["reward_function"]

log = logging.getLogger("guerdon.openrlhf")


def reward_function(reward: Any, **options: Any) -> Callable[..., dict[str, Any]]:
    """The ``reward_func(queries, prompts, labels)`` that OpenRLHF calls; ``options`` of :class:`SampleScorer`.

    A query is prompt and response decoded together, end marks included, which are cut off; the label gives the columns (one
    column: itself; several: a JSON object). Returns ``rewards`` (for advantages), ``scores`` (in [0, 1] where the range is finite,
    for dynamic filtering) and ``extra_logs`` with every part and ``unscored``. A rollout that could not be scored gets the
    fallback. What raises (a label without a column, say) is logged as an error: OpenRLHF hides it among its informational
    messages and then asks for a reward model of its own.

    >>> reward_func = reward_function("{reward: exact_match}")
    >>> [float(reward) for reward in reward_func(["2+2? 4"], ["2+2? "], ["4"])["rewards"]]
    [1.0]
    """
    scorer = SampleScorer(reward, **options)

    def numbers(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> list[dict[str, float]]:
        samples = [
            Sample(response_after(prompt, query), prompt, scorer.columns(label))
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]
        work = [background().submit(scorer.numbers(sample)) for sample in samples]
        wait(work)
        return [done.result() for done in work]

    def reward_func(
        queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **others: Any
    ) -> dict[str, Any]:
        try:
            rows = numbers(queries, prompts, labels)
        except Exception:
            log.exception("reward %r could not be asked", scorer.reward.name)
            raise
        values = [row["score"] for row in rows]
        names = [name for name in rows[0] if name != "score"] if rows else []
        return {
            "rewards": _tensor(values),
            "scores": _tensor([in_unit_range(value, scorer.reward.range) for value in values]),
            "extra_logs": {name: _tensor([row[name] for row in rows]) for name in names},
        }

    return reward_func


def _tensor(values: list[float]) -> Any:
    """A tensor inside of OpenRLHF, which needs PyTorch itself; else the list."""
    import sys

    torch = sys.modules.get("torch")
    return values if torch is None else torch.tensor(values, dtype=torch.float32)
