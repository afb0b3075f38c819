"""ImplicitReward: what a tuned model has come to prefer, by how much likelier it finds a completion than the model it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, as_lm
from guerdon.registry import register
from guerdon.reward import Example, Reward
from guerdon.rewards.endogenous import EXAMPLE, EXAMPLE_HACKS, EXAMPLE_TABLE, completion_requests
from guerdon.rewards.likelihood import asked, fault_of
from guerdon.rewards.policy_terms import PolicyTerm
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.demonstrations import implicit_token_reward
from guerdon.shaping.likelihood import FLOOR


@register("reward")
@dataclass(frozen=True, repr=False)
class ImplicitReward(Reward):
    """beta (log pi(y|x) - log pi_ref(y|x)): the reward for which pi is the best policy near pi_ref, up to what the prompt decides.

    ``lm`` is pi, a model tuned by preferences (DPO and its kin), ``reference_lm`` the model it started from. Both must cut text
    into the same tokens. Unbounded; compare it within one prompt only. With ``average`` it is divided by the number of tokens.

    The text is scored, and the end of the turn with it unless ``closed`` is off. With ``tokens`` on and where the batch has
    ``completion_ids``, which must be of the models' tokenizer, those are, and ``Scores.tokens`` has every token's share.
    Reads no column. An empty completion has that of ending at once, 0 where that is not scored. NaN with the model's outcome
    where one gave no numbers, and with ``instrument_error`` where they saw different tokens. An impossible token counts
    -10000.

    Source: Rafailov et al. 2024 (arXiv 2404.12358); survey arXiv 2507.13158, section 4.1.

    >>> tuned, base = ScriptedLM({"Yes.": [-0.5, -0.1]}), ScriptedLM({"Yes.": [-1.5, -0.1]})
    >>> ImplicitReward(tuned, base).score(Batch(["Yes."], ["Really?"])).values.round(3).tolist()
    [0.1]
    """

    lm: CausalLM
    reference_lm: CausalLM
    beta: float = 0.1
    tokens: bool = False
    average: bool = field(default=False, kw_only=True)
    closed: bool = field(default=True, kw_only=True)

    heavy = True

    def __post_init__(self) -> None:
        for name in ("lm", "reference_lm"):
            object.__setattr__(self, name, as_lm(getattr(self, name)))
        super().__post_init__()
        if self.lm == self.reference_lm:
            raise UserError(
                f"lm and reference_lm are both {self.lm!r}, so that the reward is 0; give the model it started from"
            )

    @cached_property
    def needs_policy(self) -> bool:
        """Whether one of the models is the policy."""
        return isinstance(self.lm, PolicyLM) or isinstance(self.reference_lm, PolicyLM)

    def _requests(self, batch: Batch) -> list[LogprobRequest]:
        return completion_requests(batch, ids=self.tokens or self.needs_policy, closed=self.closed)

    def _score(self, batch: Batch) -> Scores:
        requests = self._requests(batch)
        asking = [i for i, request in enumerate(requests) if request.target or request.closed]
        wanted = [requests[i] for i in asking]
        values = np.zeros(len(batch))
        notes: list[Note | None] = [Note(Outcome.EMPTY)] * len(batch)
        rewards: list[Floats | None] = [np.zeros(0)] * len(batch)
        for i, own, other in zip(asking, asked(self.lm, wanted), asked(self.reference_lm, wanted), strict=True):
            found, note = self._rewards(own, other)
            values[i] = np.nan if found is None else found.sum()
            notes[i], rewards[i] = note, found
        aligned = self.tokens and batch.completion_ids is not None
        return Scores(values, tokens=tuple(rewards) if aligned else None, notes={"": tuple(notes)})

    def _rewards(self, own: TokenScores, other: TokenScores) -> tuple[Floats | None, Note | None]:
        for scores in (own, other):
            if scores.outcome.unscored or not len(scores) or np.isnan(scores.logprobs).any():
                return None, fault_of(scores)
        if not np.array_equal(own.ids, other.ids):
            said = f"the models saw different tokens ({len(own)} and {len(other)}); they need one tokenizer"
            return None, Note(Outcome.INSTRUMENT_ERROR, said)
        floored = (np.maximum(scores.logprobs, FLOOR) for scores in (own, other))
        return implicit_token_reward(*floored, beta=self._share(own)), None

    def _share(self, scores: TokenScores) -> float:
        return self.beta / max(len(scores), 1) if self.average else self.beta

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        """What every completion's value owes besides the policy gradient: +-beta for each of its tokens."""
        if not self.needs_policy:
            return [None] * len(batch)
        sign = 1.0 if isinstance(self.lm, PolicyLM) else -1.0
        slopes = partial(_slopes, beta=sign * self.beta, average=self.average)
        requests = self._requests(batch)
        scored = ~np.isnan(scores.parts[self.name])
        return [
            PolicyTerm((r,), slopes) if kept and (r.target or r.closed) else None
            for r, kept in zip(requests, scored, strict=True)
        ]

    @classmethod
    def example_reward(cls) -> ImplicitReward:
        return cls(
            ScriptedLM(EXAMPLE_TABLE), ScriptedLM({said: [-2.0] * len(row) for said, row in EXAMPLE_TABLE.items()})
        )

    @classmethod
    def example(cls) -> Example:
        return Example(EXAMPLE, EXAMPLE_HACKS)


def _slopes(scores: Sequence[TokenScores], *, beta: float, average: bool) -> list[Floats]:
    return [np.full(len(each), beta / max(len(each), 1) if average else beta) for each in scores]
