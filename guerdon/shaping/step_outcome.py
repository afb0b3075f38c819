"""Process rewards of steps multiplied by how the trajectory ended."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.groups import Floats, as_values

State = Literal["done", "fail", "wrong"]
Mode = Literal["prm_orm", "orm", "prm"]


def outcome_modulated(
    relevance: ArrayLike,
    state: State,
    correct: float | bool | None = None,
    *,
    mode: Mode = "prm_orm",
    right: float = 1.6,
    false: float = 0.8,
    unfinished: float = 0.9,
    malformed: float = -0.9,
    answer: float = 2.0,
    digits: int | None = None,
) -> Floats:
    """One reward per generated step, of the relevance (K,) of its searches and of how it ended.

    ``state="done"``: K searches and an answer; ``right`` times the relevance and ``answer`` where it is correct, ``false`` times
    the relevance and 0 where it is not (``None``: not). ``"fail"``: K searches and no answer, ``unfinished`` times the
    relevance. ``"wrong"``: K searches, then a malformed step; the relevance as it is, and ``malformed``.

    ``mode="orm"`` takes no relevance: ``answer`` for every step of a correct answer, else 0, but for a malformed step.
    ``"prm"`` takes no outcome: factor 1 after an answer, which gets 0. ``digits`` rounds. A relevance of NaN makes its
    step NaN, a ``correct`` of NaN every step it counts for.

    Raises:
        ValueError: an unknown state or mode.

    Source: R3-RAG 2025 (arXiv 2505.23794), released code.

    >>> outcome_modulated([0.9, 0.5], "done", True).round(3).tolist()
    [1.44, 0.8, 2.0]
    >>> outcome_modulated([0.9, 0.5], "wrong").tolist()
    [0.9, 0.5, -0.9]
    """
    if state not in ("done", "fail", "wrong"):
        raise ValueError(f"state={state!r} is unknown; choose 'done', 'fail' or 'wrong'")
    if mode not in ("prm_orm", "orm", "prm"):
        raise ValueError(f"mode={mode!r} is unknown; choose 'prm_orm', 'orm' or 'prm'")
    steps = as_values(relevance, "relevance")
    share = np.nan if correct is not None and np.isnan(correct) else float(correct is not None and correct >= 0.5)
    if mode == "orm":
        steps = np.full(len(steps), answer * share if state == "done" else 0.0)
    elif state == "fail":
        steps = steps * unfinished
    elif state == "done" and mode == "prm_orm":
        steps = steps * (false + (right - false) * share)
    last = {"done": [0.0 if mode == "prm" else answer * share], "fail": [], "wrong": [malformed]}[state]
    rewards = np.concatenate([steps, last])
    return rewards if digits is None else np.array([round(float(reward), digits) for reward in rewards])
