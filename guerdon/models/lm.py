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
        for name in ("prompt", "target", "prefix"):
            object.__setattr__(self, name, freeze(getattr(self, name)))
        object.__setattr__(self, "images", tuple(self.images))  # arrays of pixels stay arrays
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
    """A stand-in whose answers are written down: target -> log-probabilities, under prompts and prefixes where those matter.

    ``table`` holds targets; a key that is a prompt, or below it a prefix, holds a table of its own, which is looked into first. In
    place of a list of log-probabilities an entry may be ``{"logprobs": [...], "logsumexp": [...], "ids": [...]}``. Prompts that
    are messages and targets that are ids are looked up by their text, ``str(...)``. A target that is not there is a typed failure.

    >>> lm = ScriptedLM({"yes": [-0.1], "sure?": {"hm, ": {"yes": [-2.0]}}})
    >>> [lm.logprobs([LogprobRequest("sure?", "yes", prefix)])[0].logprobs.tolist() for prefix in ("", "hm, ")]
    [[-0.1], [-2.0]]
    """

    table: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", freeze(dict(self.table)))

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: LogprobRequest) -> TokenScores:
        tables: list[Mapping[str, Any]] = [self.table]
        for key in (str(request.prompt), str(request.prefix)):
            found = [table.get(key) for table in tables]
            tables += [table for table in found if table is not None and _is_table(table)]
        for table in reversed(tables):
            entry = table.get(str(request.target))
            if entry is not None and not _is_table(entry):
                return _scripted(entry if isinstance(entry, Mapping) else {"logprobs": entry})
        return TokenScores.failed(Outcome.MISSING_DATA, f"no entry for target {request.target!r:.60}")


def _is_table(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "logprobs" not in entry


def _scripted(entry: Mapping[str, Any]) -> TokenScores:
    logprobs = np.asarray(entry["logprobs"], dtype=np.float64)
    normalisers = entry.get("logsumexp")
    return TokenScores(
        np.asarray(entry.get("ids", range(len(logprobs))), dtype=np.int64),
        logprobs,
        None if normalisers is None else np.asarray(normalisers, dtype=np.float64),
    )


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
                "lm='policy' reads the model being trained and no trainer has bound it; train with one that does, "
                "guerdon.integrations.trl_likelihood.LikelihoodGRPOTrainer or LikelihoodRLOOTrainer, or name a model in lm="
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
    """A language model from its description, ``"policy"``, a folder, or a hub id (``"organisation/model"``).

    Raises:
        UserError: none of these.

    >>> as_lm("policy"), as_lm("organisation/model")
    (PolicyLM(), TransformersLM(model='organisation/model'))
    """
    if isinstance(value, CausalLM):
        return value
    if value == POLICY:
        return PolicyLM()
    if not isinstance(value, str):
        raise UserError(
            f"lm={value!r:.80} is {type(value).__name__}; give a CausalLM, {POLICY!r}, a folder or a hub id"
        )
    if value.startswith(("http://", "https://")):
        raise UserError(
            f"lm={value!r} does not say what serves it; give VLLM({value!r}, model) or SGLang({value!r}, model)"
        )
    if "/" in value or "\\" in value:
        from guerdon.models.lms.transformers_lm import TransformersLM

        return TransformersLM(value)
    raise UserError(
        f"lm={value!r} is neither {POLICY!r}, a folder ('./{value}') nor a hub id ('organisation/model'); "
        f"for a hub id without an organisation give TransformersLM({value!r})"
    )
