"""ms-swift: the exported plug-in, imported and asked by ms-swift's own functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from swift.rewards import orms
from swift.rl_core.data import GRPOSample
from swift.rl_core.grpo_algorithm import compute_rewards_per_func
from swift.utils import import_external_file

CPU = torch.device("cpu")


def sample(said: str, *, question: str = "q", turns: tuple[str, ...] = (), **columns: Any) -> GRPOSample:
    """A rollout as ms-swift's trainer has it: messages, token ids per turn of the policy, and its row's other columns."""
    messages = [{"role": "user", "content": question}]
    for turn in turns:
        messages += [{"role": "assistant", "content": turn}, {"role": "tool", "content": "found"}]
    messages.append({"role": "assistant", "content": said})
    ids = [[1, 2, 3]] * (len(turns) + 1)
    row = {"messages": messages, "prompt_id": f"prompt_{question}", "response_token_ids": ids, **columns}
    return GRPOSample.from_row(row)


def asked(path: Any, name: str, samples: list[GRPOSample], step: int = 1) -> list[float]:
    import_external_file(str(path))
    function = orms[name](args=None)
    state = SimpleNamespace(global_step=step)
    rewards = compute_rewards_per_func(samples, [function], [None], CPU, trainer_state=state)
    assert rewards.shape == (len(samples), 1)
    return rewards[:, 0].tolist()


def test_plug_in(written: Any) -> None:
    path = written("swift", "{reward: token_f1, reference: solution, name: overlap}")
    assert asked(path, "overlap", [sample("x y", solution="x y"), sample("x z", solution="x y")]) == [1.0, 0.5]


def test_unscored_is_nan(written: Any) -> None:
    path = written("swift", "{reward: given, score_column: quality}")
    one, other = asked(path, "given", [sample("x", quality=0.5), sample("y", quality=None)])
    assert one == 0.5 and other != other


def test_a_sum_has_a_name_that_can_be_typed(written: Any) -> None:
    spec = "{reward: combine, rule: weighted_sum, options: {weights: [1, 1]}, terms: [{reward: token_f1}, {reward: length}]}"
    path = written("swift", spec)
    assert asked(path, "token_f1_length", [sample("x y", reference="x y")])[0] > 1.0


def test_siblings_are_those_of_one_prompt(written: Any) -> None:
    path = written("swift", "{reward: majority_vote}")
    said = [sample(f"<answer>{word}</answer>", question=question) for question in "pq" for word in "xxy"]
    rewards = asked(path, "majority_vote", said)
    assert rewards[:3] == rewards[3:] and rewards[0] == rewards[1] > rewards[2]


def test_siblings_of_several_turns(written: Any) -> None:
    """Their dialogues differ from the first turn on; the prompt is what comes before it."""
    path = written("swift", "{reward: majority_vote}")
    said = [sample(f"<answer>{word}</answer>", turns=(f"try {i}",) * i) for i, word in enumerate("xxy")]
    rewards = asked(path, "majority_vote", said)
    assert rewards[0] == rewards[1] > rewards[2]


def test_a_schedule_follows_the_step(written: Any) -> None:
    scheduled = "{value: schedule, kind: linear, options: {start: 0.0, end: 1.0, steps: 2}}"
    spec = (
        "{reward: combine, name: warm, rule: weighted_sum, options: {weights: [" + scheduled + "]}, "
        "terms: [{reward: exact_match}]}"
    )
    path = written("swift", spec)
    assert asked(path, "warm", [sample("x", reference="x")], step=1) == [0.5]
