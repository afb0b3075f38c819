"""PromptEcho: how likely a vision-language model finds the prompt after looking at the image that was made from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.models.images import image_of_part, is_image_part
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, as_lm
from guerdon.registry import register
from guerdon.reward import Example, Reward, column
from guerdon.rewards.policy_terms import PolicyTerm
from guerdon.runtime import count
from guerdon.scores import Floats, Note, Outcome, Scores
from guerdon.shaping.likelihood import likelihood_slope, sequence_likelihood
from guerdon.text.trajectory import POLICY, prompt_text

QUERY = "Describe this image in detail."
REDUCTIONS = ("mean", "sum")
IMAGELESS = ("drop", "minimum")

_WORD = re.compile(r"\S+")
_SHOWN_WORDS = 3


def echo_likelihood(
    logits: ArrayLike,
    input_ids: ArrayLike,
    caption_mask: ArrayLike,
    *,
    reduction: Literal["mean", "sum"] = "mean",
) -> float:
    """Mean or sum of log p(c_t | before) over the caption's tokens, from a model's logits. In (-inf, 0].

    The log-probability of token t comes from row t - 1 of the logits, so a caption token at position 0 cannot be scored and does
    not count. 0 where no token counts.

    Args:
        logits: (T, V).
        input_ids: (T,) the tokens the logits were computed on.
        caption_mask: (T,) which of them belong to the caption.
        reduction: ``"mean"`` (negative cross-entropy) or ``"sum"``.

    Raises:
        UserError: shapes that do not fit, an unknown reduction.

    Source: PromptEcho 2026 (arXiv 2604.12652).

    >>> round(echo_likelihood([[0.0, 0.0], [9.0, 9.0]], [0, 1], [0, 1]), 4)
    -0.6931
    """
    rows = np.asarray(logits, dtype=np.float64)
    ids, mask = np.asarray(input_ids, dtype=np.int64), np.asarray(caption_mask, dtype=bool)
    if rows.ndim != 2 or ids.shape != mask.shape or ids.shape != rows.shape[:1]:
        raise UserError(
            f"logits {rows.shape}, input_ids {ids.shape} and caption_mask {mask.shape} must be (T, V), (T,), (T,)"
        )
    if reduction not in REDUCTIONS:
        raise UserError(f"reduction={reduction!r} is unknown; {closest(str(reduction), REDUCTIONS)}")
    before, targets = rows[:-1], ids[1:]
    largest = before.max(axis=1, initial=-math.inf)
    normaliser = largest + np.log(np.exp(before - largest[:, None]).sum(axis=1))
    logprobs = before[np.arange(len(targets)), targets] - normaliser
    return sequence_likelihood(logprobs, reduction, mask=mask[1:], empty=0.0)


def word_logprobs(text: str, scores: TokenScores) -> list[tuple[str, float]]:
    """Each word of a text with the sum of its tokens' log-probabilities; none where the model does not say where tokens stand.

    >>> scores = TokenScores(np.arange(2), np.array([-0.5, -2.0]), offsets=np.array([[0, 1], [1, 4]]))
    >>> word_logprobs("a cat", scores)
    [('a', -0.5), ('cat', -2.0)]
    """
    if scores.offsets is None or scores.outcome.unscored:
        return []
    words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    ends = np.array([end for _, end in words], dtype=np.int64)
    totals = np.zeros(len(words))
    inside = scores.masks.get("target", np.ones(len(scores), dtype=bool))
    for (_, end), logprob in zip(scores.offsets[inside].tolist(), scores.logprobs[inside].tolist(), strict=True):
        k = int(np.searchsorted(ends, end))
        if k < len(words) and end > words[k][0]:
            totals[k] += logprob
    return [(text[start:end], float(total)) for (start, end), total in zip(words, totals, strict=True)]


@register("reward")
@dataclass(frozen=True, repr=False)
class PromptEcho(Reward):
    """How likely ``lm`` finds the prompt as its answer to ``query`` about the image: (1/m) sum_t log p(c_t | image, query, c_<t).

    c_1..c_m are the tokens of the prompt alone; the end of the turn counts only with ``closed``. ``reduction="sum"`` leaves out the
    1/m. Range (-inf, 0]. How likely a prompt is without any image cancels within a group only, so centre the values there
    (``.then("center")``) and never compare them between prompts. A model that reads will be pleased by an image with the prompt
    written on it: gate the reward with a check for text where no text was asked for.

    The image is the last one of the completion's assistant messages (content part ``{"type": "image", ...}``), the completion
    itself if it is an image or a data URL, or that of column ``image``. Columns, where they are named: ``image``; ``label``, the
    text to be echoed in place of the prompt (of chat prompts the user's messages); ``query_column``, the question.

    NaN with ``missing_data`` for an empty prompt, with ``truncated`` where the model cannot take all of it, and with the model's
    outcome where it fails. Without an image, or with one that cannot be read: NaN with ``missing_data``; with
    ``imageless="minimum"`` the lowest value of its group, noted ``malformed``. Notes name the least likely words.

    Source: PromptEcho 2026 (arXiv 2604.12652); the reward's code is not released.

    >>> lm = ScriptedLM({"a red kite": [-0.5, -0.25, -1.5]})
    >>> PromptEcho(lm, image="image").score(Batch([""], ["a red kite"], image=["kite.png"])).values.tolist()
    [-0.75]
    """

    lm: CausalLM
    query: str = QUERY
    reduction: str = "mean"
    image: str | None = column(None, expects="an image: Pillow image, array, path, bytes or data URL")
    label: str | None = column(None, expects="the text the image should make likely")
    query_column: str | None = column(None, expects="the question about the image")
    closed: bool = field(default=False, kw_only=True)
    imageless: str = field(default="drop", kw_only=True)

    bounds = (-math.inf, 0.0)
    heavy = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", as_lm(self.lm))
        super().__post_init__()
        for name, choices in (("reduction", REDUCTIONS), ("imageless", IMAGELESS)):
            if getattr(self, name) not in choices:
                raise UserError(
                    f"{name}={getattr(self, name)!r} is unknown; {closest(str(getattr(self, name)), choices)}"
                )

    @property
    def _how(self) -> Literal["mean", "sum"]:
        return cast(Literal["mean", "sum"], self.reduction)

    @property
    def own_tie(self) -> str | None:
        return "group" if self.imageless == "minimum" else None

    @cached_property
    def needs_policy(self) -> bool:
        """Whether ``lm`` is the policy."""
        return isinstance(self.lm, PolicyLM)

    def _score(self, batch: Batch) -> Scores:
        values = np.full(len(batch), np.nan)
        notes: list[Note | None] = [None] * len(batch)
        requests: dict[int, LogprobRequest] = {}
        without: list[int] = []
        for i, (request, message) in enumerate(self._requests(batch)):
            if request is not None and request.images[0] is not None:
                requests[i] = request
                continue
            notes[i] = Note(Outcome.MISSING_DATA, message)
            if request is not None:
                without.append(i)
        count("lm_requests", len(requests))
        answers = self.lm.logprobs(list(requests.values())) if requests else []
        for (i, request), scores in zip(requests.items(), answers, strict=True):
            values[i], notes[i] = self._value(str(request.target), scores)
            if scores.outcome is Outcome.MISSING_DATA:
                without.append(i)
        if self.imageless == "minimum":
            for i in without:
                siblings = values[batch.groups == batch.groups[i]]
                if not np.isnan(siblings).all():
                    said = notes[i]
                    notes[i] = Note(Outcome.MALFORMED, said.message if said else "")
                    values[i] = np.nanmin(siblings)
        return Scores(values, notes={"": tuple(notes)})

    def _value(self, text: str, scores: TokenScores) -> tuple[float, Note]:
        if scores.outcome.unscored:
            return math.nan, Note(scores.outcome, scores.message)
        if not len(scores) or np.isnan(scores.logprobs).any():
            return math.nan, Note(Outcome.INSTRUMENT_ERROR, "the model gave no log-probability for some token")
        unlikely = sorted(word_logprobs(text, scores), key=lambda pair: pair[1])[:_SHOWN_WORDS]
        said = ", ".join(f"{word[:40]} {logprob:.2f}" for word, logprob in unlikely)
        return sequence_likelihood(scores.logprobs, self._how), Note(
            Outcome.SCORED, f"least likely: {said}" if said else ""
        )

    def _requests(self, batch: Batch) -> list[tuple[LogprobRequest | None, str]]:
        """One request per sample, its image None where there is none; no request where there is nothing to be echoed."""
        labels = self._labels(batch)
        images = [image_of(c) for c in batch.completions] if self.image is None else self.read(batch, self.image)
        asked = [self.query] * len(batch) if self.query_column is None else self.read(batch, self.query_column)
        found: list[tuple[LogprobRequest | None, str]] = []
        for label, image, query in zip(labels, images, asked, strict=True):
            if not label.strip():
                found.append((None, "there is no text to be echoed"))
                continue
            content = [{"type": "image"}, {"type": "text", "text": self.query if query is None else str(query)}]
            messages = [{"role": "user", "content": content}]
            found.append((LogprobRequest(messages, label, closed=self.closed, images=(image,)), "there is no image"))
        return found

    def _labels(self, batch: Batch) -> list[str]:
        if self.label is not None:
            return ["" if value is None else str(value) for value in self.read(batch, self.label)]
        return [_asked_for(prompt) for prompt in batch.prompts or [""] * len(batch)]

    def policy_terms(self, batch: Batch, scores: Scores) -> Sequence[PolicyTerm | None]:
        """What every value owes where ``lm`` is the policy: the gradient of the prompt's likelihood itself."""
        if not self.needs_policy:
            return [None] * len(batch)
        slope = partial(_slopes, how=self._how)
        own = scores.notes[self.name]
        return [
            PolicyTerm((request,), slope)
            if request is not None and not math.isnan(value) and (note is None or note.outcome is Outcome.SCORED)
            else None
            for (request, _), value, note in zip(self._requests(batch), scores.parts[self.name], own, strict=True)
        ]

    @classmethod
    def example_reward(cls) -> PromptEcho:
        return cls(ScriptedLM({"a red kite": [-0.5, -0.2, -1.5], "two geese": [-0.4, -0.8]}))

    @classmethod
    def example(cls) -> Example:
        drawn = [_drawn("kite.png"), _drawn("geese.png")]
        honest = Batch(drawn, ["a red kite", "two geese"])
        return Example(honest, {"the prompt as text": ["a red kite", "two geese"], "nothing": ["", ""]})


def image_of(completion: Any) -> Any:
    """The image a completion is or ends on; None where it holds none. Text is not taken for a path.

    >>> image_of([{"role": "assistant", "content": [{"type": "image", "path": "kite.png"}]}]), image_of("kite.png")
    ('kite.png', None)
    """
    if isinstance(completion, str):
        return completion if completion[:11].lower() == "data:image/" else None
    if isinstance(completion, Mapping) and "role" not in completion:
        return image_of_part(completion)
    messages = [completion] if isinstance(completion, Mapping) else completion
    if not isinstance(messages, (list, tuple)) or not all(isinstance(m, Mapping) for m in messages):
        return completion
    for message in reversed(messages):
        content = message.get("content")
        if message.get("role", POLICY) != POLICY:
            continue
        if isinstance(content, str) and content[:11].lower() == "data:image/":
            return content
        parts = content if isinstance(content, (list, tuple)) else [content]
        for part in reversed(parts):
            if is_image_part(part) and image_of_part(part) is not None:
                return image_of_part(part)
    return None


def _slopes(scores: Sequence[TokenScores], *, how: Literal["mean", "sum"]) -> list[Floats]:
    return [likelihood_slope(each.logprobs, how) for each in scores]


def _asked_for(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else prompt_text(prompt, roles=["user"]) or prompt_text(prompt)


def _drawn(image: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": [{"type": "image", "image": image}]}]
