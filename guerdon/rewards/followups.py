"""A reward read off what the user is likely to say next: satisfied or dissatisfied follow-ups under a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.data.follow_ups import FOLLOW_UPS, NEGATIVE, POSITIVE
from guerdon.errors import UserError, closest
from guerdon.frozen import freeze
from guerdon.models.lm import CausalLM, LogprobRequest, PolicyLM, ScriptedLM, TokenScores, as_lm
from guerdon.registry import register
from guerdon.reward import Example
from guerdon.rewards.textual import Textual
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.dialogues import Messages, dialogue, role_swapped, without_oldest
from guerdon.text.solicitation import without_solicitation

Scoring = Literal["mean_logprob", "sum_logprob", "official_logit"]
Ask = tuple[Messages, str]

SCORINGS = ("mean_logprob", "sum_logprob", "official_logit")


@register("reward")
@dataclass(frozen=True, repr=False)
class FollowUpLikelihood(Textual):
    """How much likelier the user's next turn is a satisfied than a dissatisfied one, under a chat language model.

    r(d) = mean over categories of [mean_{f in F+} s(f|d) - mean_{f in F-} s(f|d)] with s(f|d) = (1/|f|) sum_t log p(f_t | d, f_<t),
    d the prompt's messages and the completion as the assistant's turn, f put into the user's turn. Unbounded; above 0 a satisfied
    reaction is the likelier. No columns; needs prompts. An empty completion is scored like any other.

    NaN with the outcome of the first follow-up that could not be scored. A dialogue too long for the model loses its oldest
    turns, never the follow-up, and is noted ``windowed``. The note names the likeliest follow-up; a part per category is given.

    Args:
        lm: a chat model; ``"policy"`` reads the one being trained, without a gradient of its own.
        categories: which kinds of reaction, of :data:`guerdon.data.follow_ups.FOLLOW_UPS` or of ``follow_ups``.
        follow_ups: category -> ``{"positive": [...], "negative": [...]}`` to use instead of our own list.
        scoring: ``"mean_logprob"``; ``"sum_logprob"``; ``"official_logit"``, the released code's mean raw logit of all tokens of
            the follow-up (and of ``bos``) at one position, which is no likelihood and needs a back-end that gives logits.
        calibrate: subtract the same contrast after an empty reply, so that values compare across prompts.
        bos: id of the beginning-of-text token that the released code counts among the follow-up's, for ``"official_logit"``.
        guard: leave out the reply's closing sentences that ask for approval (English; our design), since they invite
            friendly reactions whatever the answer is worth.
        swapped: roles as the tuned scorer has them: the reply is the user's, the follow-up the assistant's.

    Source: Zhang et al. 2024, FLR (arXiv 2409.13948); the utterances are our own.

    >>> lm = ScriptedLM({"Thanks!": [-1.0, -1.0], "No.": [-2.0]})
    >>> reward = FollowUpLikelihood(lm, follow_ups={"all": {"positive": ["Thanks!"], "negative": ["No."]}})
    >>> reward.score(Batch(["4"], ["2+2?"])).values.tolist()
    [1.0]
    """

    lm: CausalLM | str
    categories: tuple[str, ...] = ()
    follow_ups: Mapping[str, Any] | None = None
    scoring: Scoring = "mean_logprob"
    calibrate: bool = False
    bos: int | None = None
    guard: bool = True
    swapped: bool = False

    heavy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", as_lm(self.lm))
        known = FOLLOW_UPS if self.follow_ups is None else self.follow_ups
        object.__setattr__(self, "categories", tuple(self.categories) or tuple(known))
        super().__post_init__()
        if self.scoring not in SCORINGS:
            raise UserError(f"scoring={self.scoring!r} is unknown; {closest(self.scoring, SCORINGS)}")
        for category in self.categories:
            if category not in known:
                raise UserError(f"categories holds {category!r}, which has no follow-ups; {closest(category, known)}")
        for category, utterances in self._chosen.items():
            for kind in (POSITIVE, NEGATIVE):
                given = utterances.get(kind) if isinstance(utterances, Mapping) else None
                if not (given and isinstance(given, tuple) and all(isinstance(f, str) and f.strip() for f in given)):
                    raise UserError(f"follow_ups[{category!r}][{kind!r}]={given!r} must be a list of at least one text")

    @property
    def _chosen(self) -> Mapping[str, Any]:
        known = freeze(FOLLOW_UPS) if self.follow_ups is None else self.follow_ups
        return {category: known[category] for category in self.categories}

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.categories

    @property
    def reads_policy(self) -> bool:  # type: ignore[override]
        return isinstance(self.lm, PolicyLM)

    def _score(self, batch: Batch) -> Scores:
        dialogues, notes = self._dialogues(batch)
        utterances = [f for kinds in self._chosen.values() for kind in (POSITIVE, NEGATIVE) for f in kinds[kind]]
        bare = [_replied(messages, "") for messages in dialogues] if self.calibrate else []
        heard = self._heard([(messages, f) for messages in [*dialogues, *bare] for f in utterances])
        values = np.full(len(batch), np.nan)
        parts = {category: values.copy() for category in self.categories}
        for i, messages in enumerate(dialogues):
            found = {f: heard[messages, f] for f in utterances}
            level = {f: heard[bare[i], f] if self.calibrate else (0.0, None) for f in utterances}
            remarks = [note for _, note in (*found.values(), *level.values()) if note]
            fault = next((note for note in remarks if note.outcome.unscored), None)
            if fault is not None:
                notes[i] = fault
                continue
            for category, kinds in self._chosen.items():
                parts[category][i] = follow_up_reward(
                    *([found[f][0] - level[f][0] for f in kinds[kind]] for kind in (POSITIVE, NEGATIVE))
                )
            values[i] = np.mean([part[i] for part in parts.values()])
            likeliest = max(utterances, key=lambda f: found[f][0])
            remark = notes[i] or next(iter(remarks), Note())
            notes[i] = Note(remark.outcome, "; ".join(filter(None, (remark.message, f"likeliest: {likeliest}"))))
        return Scores(values, parts=parts, notes={"": tuple(notes)})

    def _dialogues(self, batch: Batch) -> tuple[list[Messages], list[Note | None]]:
        """Per sample the messages up to and with the reply, and a note where the completion has no such part."""
        if batch.prompts is None:
            raise UserError(f"reward {self.name!r} judges replies to a prompt and the batch has no prompts; give them")
        missing = Note(Outcome.MALFORMED, f"no {self.of} in the completion")
        build = role_swapped if self.swapped else dialogue
        replies = batch.texts(self.of)
        shown = [without_solicitation(reply) if reply and self.guard else reply or "" for reply in replies]
        made = [freeze(build(prompt, reply)) for prompt, reply in zip(batch.prompts, shown, strict=True)]
        return made, [missing if reply is None else None for reply in replies]

    # -- asking the model ---------------------------------------------------------------------------------------------

    def _heard(self, asks: Sequence[Ask]) -> dict[Ask, tuple[float, Note | None]]:
        """The score of each follow-up after its dialogue; dialogues too long are shortened from the left and asked again."""
        heard: dict[Ask, tuple[float, Note | None]] = {}
        open_asks = {ask: ask[0] for ask in asks}
        while open_asks:
            requests = [self._request(messages, ask[1]) for ask, messages in open_asks.items()]
            answers = (self._logits if self.scoring == "official_logit" else self._logprobs)(requests)
            shorter: dict[Ask, Messages] = {}
            for (ask, messages), (value, note) in zip(open_asks.items(), answers, strict=True):
                rest = without_oldest(messages) if note and note.outcome is Outcome.TRUNCATED else None
                if rest is not None:
                    shorter[ask] = rest
                cut = Note(Outcome.WINDOWED, "oldest turns left out") if messages is not ask[0] else None
                heard[ask] = (value, note or cut)
            open_asks = shorter
        return heard

    def _request(self, messages: Messages, follow_up: str) -> LogprobRequest:
        return LogprobRequest(messages, follow_up, role="assistant" if self.swapped else "user")

    def _asked(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        lm = self.lm
        assert isinstance(lm, CausalLM)
        count("follow_ups", len(requests))
        return lm.logprobs(requests)

    def _logprobs(self, requests: Sequence[LogprobRequest]) -> list[tuple[float, Note | None]]:
        summed = self.scoring == "sum_logprob"
        return [
            _checked(float(s.logprobs.sum() if summed else s.logprobs.mean()) if len(s) else np.nan, s)
            for s in self._asked(requests)
        ]

    def _logits(self, requests: Sequence[LogprobRequest]) -> list[tuple[float, Note | None]]:
        """The released quirk: with K tokens counted (``bos`` among them), raw logits K positions from the dialogue's end."""
        whole = self._asked([replace(request, closed=True) for request in requests])
        probes: list[LogprobRequest] = []
        owners: list[int] = []
        failed: dict[int, tuple[float, Note | None]] = {}
        for i, (request, scores) in enumerate(zip(requests, whole, strict=True)):
            closing = scores.masks.get("closing", np.zeros(len(scores), dtype=bool))
            own = scores.ids[~closing].tolist()
            counted = [*([] if self.bos is None else [self.bos]), *own]
            seen = len(scores) - len(counted) + 1
            if scores.outcome.unscored or not own or seen < 0:
                failed[i] = _checked(np.nan, scores)
                continue
            ids = tuple(scores.ids[:seen].tolist())
            probes += [replace(request, target=(token,), prefix=ids) for token in counted]
            owners += [i] * len(counted)
        logits: dict[int, list[float]] = {}
        for i, scores in zip(owners, self._asked(probes), strict=True):
            raw = np.nan if scores.logsumexp is None or not len(scores) else scores.logprobs[0] + scores.logsumexp[0]
            logits.setdefault(i, []).append(float(raw))
        unread = (np.nan, Note(Outcome.INSTRUMENT_ERROR, "official_logit needs a back-end that gives logits"))
        means = {i: float(np.mean(values)) for i, values in logits.items()}
        given = {i: (mean, None) if np.isfinite(mean) else unread for i, mean in means.items()}
        return [failed[i] if i in failed else given[i] for i in range(len(requests))]

    # -- conformance --------------------------------------------------------------------------------------------------

    @classmethod
    def example_reward(cls) -> FollowUpLikelihood:
        table = {"Thanks!": [-0.5, -0.5], "That is wrong.": [-2.0, -1.0, -3.0]}
        lists = {"all": {POSITIVE: ["Thanks!"], NEGATIVE: ["That is wrong."]}}
        return cls(ScriptedLM(table), follow_ups=lists)

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["It is 4.", "It is Paris."], ["What is 2+2?", "What is the capital of France?"])
        return Example(
            honest, {"empty": ["", ""], "begging": ["It is 4. Did that help?", "It is Paris. Hope this helps!"]}
        )


def follow_up_reward(positive: Sequence[float], negative: Sequence[float]) -> float:
    """mean of the positive follow-ups' scores less that of the negative ones'; how many there are of each does not matter.

    Raises:
        UserError: one of the lists is empty.

    >>> follow_up_reward([-1.0, -2.0], [-3.0])
    1.5
    """
    if not len(positive) or not len(negative):
        raise UserError(f"{len(positive)} positive and {len(negative)} negative scores; give at least one of each")
    return float(np.mean(positive) - np.mean(negative))


def _replied(messages: Messages, reply: str) -> Messages:
    return (*messages[:-1], freeze({**messages[-1], "content": reply}))


def _checked(value: float, scores: TokenScores) -> tuple[float, Note | None]:
    if scores.outcome.unscored:
        return np.nan, Note(scores.outcome, scores.message)
    if not np.isfinite(value):
        return np.nan, Note(Outcome.INSTRUMENT_ERROR, "the model gave no finite log-probability")
    return value, None
