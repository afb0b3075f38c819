"""Endogenous: the reward of a completion that a language model already holds, read from its logits, whole or by token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, as_lm
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards.likelihood import asked, fault_of
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.likelihood import FLOOR
from guerdon.shaping.soft_bellman import SequenceAggregate, Terminal, soft_token_rewards, weighted_tokens

_AGGREGATES = ("sum", "mean", "discounted_sum")


def completion_requests(
    batch: Batch, *, ids: bool, closed: bool, system: str | None = None, temperature: float = 1.0
) -> list[LogprobRequest]:
    """One request per completion: its own ids with ``ids`` and where the batch has them, else its text.

    >>> completion_requests(Batch(["4"], ["2+2?"], completion_ids=[[19]]), ids=True, closed=True)[0].target
    (19,)
    """
    prompts = batch.prompts or ("",) * len(batch)
    told = prompts if system is None else tuple(_with_system(prompt, system) for prompt in prompts)
    if ids and batch.completion_ids is not None:
        targets: tuple[Any, ...] = tuple(tuple(int(token) for token in row) for row in batch.completion_ids)
        return [LogprobRequest(p, t, temperature=temperature) for p, t in zip(told, targets, strict=True)]
    texts = [text or "" for text in batch.texts("whole")]
    return [LogprobRequest(p, t, closed=closed, temperature=temperature) for p, t in zip(told, texts, strict=True)]


@register("reward")
@dataclass(frozen=True, repr=False)
class Endogenous(Reward):
    """How good a frozen language model finds the completion: inverse soft Bellman on its logits, no preferences, no training.

    With Q the logits, V = alpha logsumexp(Q / alpha) and pi = softmax(Q / alpha): a token's reward is Q(s_h, a_h) - V(s_{h+1}), the
    completion's their sum, alpha log pi(y|x) + V(s_1). ``terminal`` is ``"zero"`` (no V after the last token; ranks the completions
    of a prompt) or ``"next"``. ``aggregate`` is ``"sum"``, ``"mean"`` or ``"discounted_sum"``, which weighs token t by max(gamma^t,
    clip_min), for completions of unequal length. Unbounded; compare it within one prompt only.

    With ``tokens`` off the value is the aggregate of alpha log pi alone: it is lower by V(s_1), which only the prompt decides,
    and any server can give it. With ``tokens`` on the back-end must give the logsumexp. ``Scores.tokens``, aligned with
    ``completion_ids``, has them where the batch has those, which the model must understand (the policy's tokenizer); their sum
    is the value. Without ids the text is scored, and the end of the turn with it unless ``closed`` is off.

    ``system`` states what to judge by. Reads no column. An empty completion has the reward of ending at once, 0 where
    that is not scored. NaN with the model's outcome where it gave no
    numbers. An impossible token's reward is -10000. Likely text is not always good text: keep a KL term and a check of repetition.

    Raises:
        UserError: ``tokens`` is on and the back-end gives no logsumexp.

    Source: Li et al. 2025 (arXiv 2506.23235), eqs. 11 and 12.

    >>> lm = ScriptedLM({"(7, 8)": {"logprobs": [-0.5, -1.0], "logsumexp": [3.0, 2.0, 1.0]}})
    >>> scores = Endogenous(lm, tokens=True).score(Batch(["It is 4."], ["2+2?"], completion_ids=[[7, 8]]))
    >>> scores.tokens[0].tolist(), scores.values.tolist()
    ([0.5, 1.0], [1.5])
    """

    lm: CausalLM
    tokens: bool = False
    terminal: str = "zero"
    alpha: float = 1.0
    aggregate: str = "sum"
    gamma: float = field(default=0.95, kw_only=True)
    clip_min: float = field(default=0.2, kw_only=True)
    system: str | None = field(default=None, kw_only=True)
    closed: bool = field(default=True, kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", as_lm(self.lm))
        super().__post_init__()
        for name, choices in (("terminal", ("zero", "next")), ("aggregate", _AGGREGATES)):
            if getattr(self, name) not in choices:
                raise UserError(
                    f"{name}={getattr(self, name)!r} is unknown; {closest(str(getattr(self, name)), choices)}"
                )
        if not self.alpha > 0:
            raise UserError(f"alpha={self.alpha} must be above 0")
        if self.terminal == "next" and not self.tokens:
            raise UserError(
                "terminal='next' subtracts V after the last token, which needs the logsumexp; set tokens=True"
            )

    @cached_property
    def needs_policy(self) -> bool:
        """Whether ``lm`` is the policy."""
        return isinstance(self.lm, PolicyLM)

    def _score(self, batch: Batch) -> Scores:
        requests = completion_requests(
            batch, ids=self.tokens or self.needs_policy, closed=self.closed, system=self.system, temperature=self.alpha
        )
        asking = [i for i, request in enumerate(requests) if request.target or request.closed]
        values = np.zeros(len(batch))
        notes: list[Note | None] = [Note(Outcome.EMPTY)] * len(batch)
        rewards: list[Floats | None] = [np.zeros(0)] * len(batch)
        for i, scores in zip(asking, asked(self.lm, [requests[i] for i in asking]), strict=True):
            found = self._rewards(scores)
            values[i] = np.nan if found is None else found.sum()
            notes[i], rewards[i] = (fault_of(scores), None) if found is None else (None, found)
        aligned = self.tokens and batch.completion_ids is not None
        if self.tokens and not aligned:
            absent = Note(message="no completion_ids to align token rewards with; the value alone is given")
            notes = [note or absent for note in notes]
        return Scores(values, tokens=tuple(rewards) if aligned else None, notes={"": tuple(notes)})

    def _rewards(self, scores: TokenScores) -> Floats | None:
        """(T,) what each token adds to the value; None where the model gave no numbers."""
        if scores.outcome.unscored or not len(scores) or np.isnan(scores.logprobs).any():
            return None
        logprobs = np.maximum(scores.logprobs, FLOOR)
        how = cast(SequenceAggregate, self.aggregate)
        if not self.tokens:
            return weighted_tokens(self.alpha * logprobs, how, gamma=self.gamma, clip_min=self.clip_min)
        if scores.logsumexp is None:
            raise UserError(
                f"reward {self.name!r} with tokens=True needs the logsumexp of the logits, and {type(self.lm).__name__} gives the "
                "log-probabilities of the chosen tokens only, as servers do; run the model locally, or set tokens=False for the "
                "reward of the whole completion"
            )
        states = self.alpha * scores.logsumexp
        if not np.isfinite(states[: len(logprobs) + (self.terminal == "next")]).all():
            return None
        chosen = self.alpha * logprobs + states[: len(logprobs)]
        rewards = soft_token_rewards(chosen, states, terminal=cast(Terminal, self.terminal))
        return weighted_tokens(rewards, how, gamma=self.gamma, clip_min=self.clip_min)

    @classmethod
    def example_reward(cls) -> Endogenous:
        return cls(ScriptedLM(EXAMPLE_TABLE))

    @classmethod
    def example(cls) -> Example:
        return Example(EXAMPLE, EXAMPLE_HACKS)


def _with_system(prompt: Any, system: str) -> Any:
    if isinstance(prompt, str):
        return f"{system}\n\n{prompt}"
    messages = [prompt] if isinstance(prompt, Mapping) else list(prompt)
    return [{"role": "system", "content": system}, *messages]


EXAMPLE = Batch(["It is 4, as two and two make four.", "That makes 3."], ["2+2?", "1+2?"])
EXAMPLE_TABLE: dict[str, Any] = {
    "It is 4, as two and two make four.": [-0.2, -0.1, -0.1],
    "That makes 3.": [-0.3, -0.2],
    "It is 5.": [-4.0, -3.0],
    "I like trains.": [-6.0, -6.0],
}
EXAMPLE_HACKS = {"wrong": ["It is 5.", "It is 5."], "off topic": ["I like trains.", "I like trains."]}
