"""A TRL trainer for rewards with steps: each token is held to the rewards of its own step, or to those it can still earn.

GRPOTrainer gives every token of a completion one advantage. Step and token rewards (:class:`~guerdon.scores.Scores` ``.steps`` and
``.tokens``) say more: they are put on the tokens at which the steps stand, compared with the siblings, and become an advantage per
token, (B, T), which TRL's loss takes as it is. Where no reward has steps the advantages are TRL's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.errors import MissingExtra, UserError
from guerdon.integrations.trl import Term
from guerdon.integrations.trl_watched import Watched
from guerdon.projection import Decode, token_spans
from guerdon.reward import Reward
from guerdon.sample import SampleScores, rows
from guerdon.scorer import Scorer
from guerdon.scores import Floats
from guerdon.shaping.credit import place_at, place_on_spans, rewards_to_go
from guerdon.shaping.step_advantages import Scale, return_advantages, step_advantages
from guerdon.text.trajectory import completion_text

try:
    import torch
    from trl.trainer.grpo_trainer import GRPOTrainer
except ImportError as error:
    raise MissingExtra("trl", extra="train") from error

__all__ = ["Credit", "Placed", "StepGRPOTrainer", "token_advantages"]

Credit = Literal["to_go", "later_steps", "own_step"]


@dataclass
class Placed:
    """The rewards of one completion of ``length`` tokens: ``outcome`` for the whole, and ``steps`` (K,) at tokens ``spans`` (K, 2).

    ``outcome`` NaN: not scored. ``lost`` tells how many rewards had steps whose place among the tokens could not be found.
    """

    length: int
    outcome: float = np.nan
    steps: list[float] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    lost: int = 0

    def add(self, weight: float, scores: SampleScores, ids: Sequence[int], decode: Decode, text: str) -> None:
        """Add ``weight`` times what one reward says; not scored, it says nothing."""
        if not scores.scored:
            return
        placed = 0.0
        if scores.tokens is not None and len(scores.tokens) == self.length:
            for t, value in enumerate(scores.tokens.tolist()):
                if not np.isnan(value):
                    self.steps.append(weight * value)
                    self.spans.append((t, t + 1))
                    placed += value
        elif scores.steps is not None and scores.steps.spans is not None and self.length:
            begins = decode(list(ids)).find(text)
            self.lost += begins < 0
            if begins >= 0:
                edges = np.concatenate([scores.steps.spans, [[0, len(text)]]]) + begins
                spans = token_spans(edges, ids, decode)
                spans[spans[:, 0] == spans[-1, 0], 0] = (
                    0  # tokens before and after the text belong to its first and last step
                )
                spans[spans[:, 1] == spans[-1, 1], 1] = self.length
                spans = spans[:-1]
                for value, (start, end) in zip(scores.steps.values.tolist(), spans.tolist(), strict=True):
                    self.steps.append(weight * value)
                    self.spans.append((start, end))
                placed = float(np.nansum(scores.steps.values))
        self.outcome = np.nansum([self.outcome, weight * (scores.value - placed)])

    def ordered(self) -> tuple[Floats, list[tuple[int, int]]]:
        """The steps in the order of their ends."""
        order = sorted(range(len(self.steps)), key=lambda k: self.spans[k][1])
        return np.array([self.steps[k] for k in order]), [self.spans[k] for k in order]


def token_advantages(
    placed: Sequence[Placed], groups: Sequence[int], *, credit: Credit = "to_go", scale: Scale = "group"
) -> list[Floats]:
    """Per completion (T,), the advantages of its tokens among its siblings.

    ``credit="to_go"``: :func:`~guerdon.shaping.step_advantages.return_advantages` of the steps, with the outcome at the last token.
    The others normalise steps among all steps of the group and outcomes among outcomes, and add the two: ``"later_steps"`` sums
    over the steps that end at the token or later (Shao et al. 2024), ``"own_step"`` leaves each on its tokens. A completion that
    is not scored has 0 throughout.

    >>> two = [Placed(2, 0.0, [1.0, 0.0], [(0, 1), (1, 2)]), Placed(2, 0.0, [0.0, 1.0], [(0, 1), (1, 2)])]
    >>> [row.round(3).tolist() for row in token_advantages(two, [0, 0], scale="none")]
    [[0.0, -0.5], [0.0, 0.5]]
    >>> [row.round(3).tolist() for row in token_advantages(two, [0, 0], scale="none", credit="own_step")]
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    steps = [each.ordered() for each in placed]
    lengths = [each.length for each in placed]
    if credit == "to_go":
        whole = [length > 0 for length in lengths]
        rewards = [
            np.append(np.nan_to_num(values), each.outcome) if some else values
            for each, (values, _), some in zip(placed, steps, whole, strict=True)
        ]
        ends = [
            [*(end - 1 for _, end in spans), length - 1] if length else []
            for (_, spans), length in zip(steps, lengths, strict=True)
        ]
        return return_advantages(rewards, ends, lengths, groups, scale=scale)
    outcomes = step_advantages([[each.outcome] for each in placed], groups, scale=scale)
    normalised = step_advantages([values for values, _ in steps], groups, scale=scale)
    advantages = []
    for outcome, values, (_, spans), length in zip(outcomes, normalised, steps, lengths, strict=True):
        if credit == "later_steps":
            own = rewards_to_go(place_at(values, [end - 1 for _, end in spans], length))
        else:
            own = place_on_spans(values, spans, length)
        advantages.append(own + outcome[0])
    return advantages


class StepGRPOTrainer(GRPOTrainer):
    """TRL's GRPOTrainer with an advantage per token from step and token rewards.

    All arguments of GRPOTrainer, and ``credit``, which says what a token is held to: ``"to_go"``: the rewards that it and later
    tokens earn; ``"later_steps"``: the same with every step normalised first, as in DeepSeekMath; ``"own_step"``: the reward of its
    own step only. See :func:`token_advantages`. ``scale_rewards`` means what it means there.

    A step stands where its span of characters lies in the decoded completion. Where the text that was scored is not found in there
    (a completion with tool calls, say) the reward counts as an outcome, and the metric ``steps/lost`` tells how often.

    Raises:
        UserError: an unknown ``credit``, or an option of TRL that has no meaning for tokens.
    """

    def __init__(self, *args: Any, credit: Credit = "to_go", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trainer: Any = self
        if credit not in ("to_go", "later_steps", "own_step"):
            raise UserError(f"credit={credit!r} is unknown; choices: to_go, later_steps, own_step")
        if trainer.multi_objective_aggregation != "sum_then_normalize":
            raise UserError(
                f"multi_objective_aggregation={trainer.multi_objective_aggregation!r} normalises whole rewards, and steps are "
                "normalised as a sum; use 'sum_then_normalize'"
            )
        self.credit: Credit = credit
        trainer.reward_funcs = [
            Watched(function) if isinstance(function, (Reward, Scorer, Term)) else function
            for function in trainer.reward_funcs
        ]
        self._placed: list[Placed] = []

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Any:
        trainer: Any = self
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        start = trainer.accelerator.process_index * len(prompts)
        local = rewards[start : start + len(prompts)].detach().double().cpu().numpy()
        decode = self._decode
        texts = [completion_text(completion) for completion in completions]
        self._placed = [Placed(len(ids)) for ids in completion_ids_list]
        for k, (function, weight) in enumerate(zip(trainer.reward_funcs, trainer.reward_weights.tolist(), strict=True)):
            if isinstance(function, Watched):
                said = list(rows(function.local()))
            else:
                said = [SampleScores(value) for value in local[:, k].tolist()]
            for placed, scores, ids, text in zip(self._placed, said, completion_ids_list, texts, strict=True):
                placed.add(float(weight), scores, ids, decode, text)
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        output = super()._generate_and_score_completions(inputs)
        trainer: Any = self
        mode = "train" if trainer.model.training else "eval"
        placed = _of_all_processes(self._placed)
        trainer._metrics[mode]["steps/per_completion"].append(float(np.mean([len(each.steps) for each in placed])))
        trainer._metrics[mode]["steps/lost"].append(float(sum(each.lost for each in placed)))
        if not any(each.steps for each in placed):
            return output
        size = trainer.num_generations if mode == "train" else trainer.num_generations_eval
        groups = [i // size for i in range(len(placed))]
        whole = token_advantages(placed, groups, credit=self.credit, scale=trainer.scale_rewards)
        start = trainer.accelerator.process_index * len(self._placed)
        advantages = torch.zeros_like(output["completion_ids"], dtype=output["advantages"].dtype)
        for i, row in enumerate(whole[start : start + len(self._placed)]):
            advantages[i, : len(row)] = torch.as_tensor(row)
        output["advantages"] = advantages
        return output

    def _decode(self, ids: list[int]) -> str:
        trainer: Any = self
        text: str = trainer.processing_class.decode(ids, skip_special_tokens=True)
        return text


def _of_all_processes(local: list[Placed]) -> list[Placed]:
    distributed: Any = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return local
    shares: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(shares, local)
    return [each for share in shares for each in share]
