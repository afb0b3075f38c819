"""What trainers and data sets hand over by mistake: odd values in columns are unscored or scored in range, odd messages are read
or refused by name, and nothing else is raised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward
from guerdon.errors import UserError
from tests.core.test_conformance import every_reward, honest

VALUES: dict[str, Any] = {
    "None": None,
    "empty": "",
    "blank": " \n",
    "nan": float("nan"),
    "numpy nan": np.float64("nan"),
    "numpy int": np.int64(4),
    "numpy float": np.float32(4.5),
    "numpy text": np.str_("4"),
    "bool": True,
    "infinite": float("inf"),
    "too large for a float": 10**400,
    "many digits": "9" * 5_000,
    "complex": 1j,
    "mapping": {"a": None},
    "empty mapping": {},
    "empty list": [],
    "list of None": [None],
    "list of large": [10**400, float("nan")],
    "list of mappings": [{"a": None}],
    "nested": [[[]]],
    "0-d array": np.array(4),
    "array": np.array([1.0, 2.0]),
    "2-d array": np.zeros((2, 2)),
    "bytes": b"4",
    "set": {1},
    "object": object(),
    "surrogate": "\ud800",
    "NUL": "\x00",
}
MESSAGES: dict[str, Any] = {
    "no content": [{"role": "assistant", "content": None}],
    "no role": [{"content": "4"}],
    "role None": [{"role": None, "content": "4"}],
    "role 7": [{"role": 7, "content": "4"}],
    "parts of any kind": [
        {"role": "assistant", "content": [{"type": "text", "text": "4"}, {"type": "image"}, None, 5, "4"]}
    ],
    "calls of any kind": [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": None, "arguments": "{"}}, None, "x", {"function": "f"}],
        }
    ],
    "calls no list": [{"role": "assistant", "content": "", "tool_calls": {"name": "f"}}],
    "calls text": [{"role": "assistant", "content": "", "tool_calls": "f"}],
    "thought a number": [{"role": "assistant", "content": "4", "reasoning_content": 5}],
    "content a number": [{"role": "assistant", "content": 5}],
    "content a mapping": [{"role": "assistant", "content": {"text": "4"}}],
    "odd speakers": [
        {"role": "TOOL", "content": "4"},
        {"role": "", "content": "4"},
        {"role": "assistant", "content": "\ud800"},
    ],
    "one message": {"role": "assistant", "content": "4"},
    "none": None,
    "empty": [],
}


def in_range(reward: Reward, batch: Batch) -> bool:
    low, high = reward.range
    values = reward.score(batch).values
    scored = values[~np.isnan(values)]
    return bool(np.isfinite(scored).all() and (scored >= low - 1e-9).all() and (scored <= high + 1e-9).all())


@every_reward
def test_odd_values_in_columns(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    for name in reward.columns:
        for label, value in VALUES.items():
            columns = {**batch.columns, name: (value,) * len(batch)}
            odd = Batch(
                batch.completions,
                batch.prompts,
                groups=batch.groups,
                completion_ids=batch.completion_ids,
                columns=columns,
            )
            try:
                assert in_range(reward, odd), f"{name}: {label}"
            except UserError as error:
                assert len(str(error)) > 20, f"{name}: {label} is refused without a word"


@every_reward
@pytest.mark.parametrize("completion", MESSAGES.values(), ids=MESSAGES)
def test_odd_messages(cls: type[Reward], completion: Any) -> None:
    reward, batch = honest(cls)
    assert in_range(reward, batch.replace(completions=[completion] * len(batch)))
