"""CausalLM: log-probabilities of given targets under a language model; the interface, its scripted stand-in, the policy slot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import UnboundPolicy, UserError
from guerdon.frozen import freeze
from guerdon.registry import register
from guerdon.scores import Outcome

POLICY = "policy"


@dataclass(frozen=True)
class LogprobRequest:
    """What to score: the tokens of ``target``, given everything before it.

    Attributes:
        prompt: text, or chat messages that the model's template renders.
        target: what is scored, as text or token ids. Text is tokenised by itself, so that its boundary is a token boundary.
        prefix: what stands between prompt and target in the same turn (the reasoning before an answer), as text or token ids.
        role: who says prefix and target where the prompt is messages.
        closed: whether the tokens that end the turn are scored with the target; they carry the mask ``"closing"``.
        temperature: what the logits are divided by.
        images: images of the prompt, for vision-language models.
    """

    prompt: Any
    target: str | tuple[int, ...]
    prefix: str | tuple[int, ...] = ""
    role: str = "assistant"
    closed: bool = False
    temperature: float = 1.0
    images: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name in ("prompt", "target", "prefix", "images"):
            object.__setattr__(self, name, freeze(getattr(self, name)))
        if not self.temperature > 0:
            raise UserError(f"temperature={self.temperature!r} must be above 0")


@dataclass(frozen=True, eq=False)
class TokenScores:
    """Log-probabilities of one target's tokens.

    Attributes:
        ids: (T,) token ids.
        logprobs: (T,) natural log-probabilities, each given everything before it.
        logsumexp: (T + 1,) log normaliser of the logits that predict each token, and of those after the last one, where the
            back-end gives it (servers do not).
        offsets: (T, 2) where each token stands in the target text, where known.
        masks: name -> (T,) bool, spans of the target such as "answer".
        outcome: why there are no numbers, or ``Outcome.SCORED``.
    """

    ids: NDArray[np.int64]
    logprobs: NDArray[np.float64]
    logsumexp: NDArray[np.float64] | None = None
    offsets: NDArray[np.int64] | None = None
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    outcome: Outcome = Outcome.SCORED
    message: str = ""

    @classmethod
    def failed(cls, outcome: Outcome, message: str) -> TokenScores:
        """No numbers, for this reason."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0), outcome=outcome, message=message)

    def __len__(self) -> int:
        return len(self.ids)


class CausalLM:
    """A frozen description of a language model that can say how likely a text is; weights are loaded when first used."""

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        """Token scores of each request's target, in order. What cannot be scored carries a typed outcome, never a number."""
        raise TypeError(f"{type(self).__name__} has no logprobs(requests); write it")


@register("lm", "scripted")
@dataclass(frozen=True)
class ScriptedLM(CausalLM):
    """A stand-in whose answers are written down: target -> log-probabilities, or prompt -> target -> log-probabilities.

    A target that is not in the table is a typed failure.

    >>> ScriptedLM({"yes": [-0.1]}).logprobs([LogprobRequest("sure?", "yes")])[0].logprobs.tolist()
    [-0.1]
    """

    table: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", freeze(dict(self.table)))

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        found = self.table.get(str(request.prompt)) if isinstance(request.prompt, str) else None
        if not isinstance(found, Mapping):
            found = self.table
        values = found.get(str(request.target))
        if values is None or isinstance(values, Mapping):
            return TokenScores.failed(Outcome.MISSING_DATA, f"no entry for target {request.target!r:.60}")
        return TokenScores(np.arange(len(values)), np.asarray(values, dtype=np.float64))


@register("lm", "policy")
@dataclass(frozen=True)
class PolicyLM(CausalLM):
    """The model being trained, bound by the integration for the time of each call.

    Raises:
        UnboundPolicy: nothing has bound a policy.
    """

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        bound = _policy.get()
        if bound is None:
            raise UnboundPolicy(
                "lm='policy' reads the model being trained and no trainer has bound it; "
                "train with an integration that does, or name a model"
            )
        return bound.logprobs(requests)


_policy: ContextVar[CausalLM | None] = ContextVar("policy", default=None)


@contextmanager
def bound_policy(lm: CausalLM) -> Iterator[None]:
    """Within this context ``lm="policy"`` means ``lm``."""
    token = _policy.set(lm)
    try:
        yield
    finally:
        _policy.reset(token)


def as_lm(value: CausalLM | str) -> CausalLM:
    """A language model from its description or ``"policy"``."""
    if isinstance(value, CausalLM):
        return value
    if value == POLICY:
        return PolicyLM()
    raise UserError(f"lm={value!r} is neither a CausalLM nor {POLICY!r}; give a description such as ScriptedLM(...)")
