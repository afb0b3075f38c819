"""SMEPO: an expert's solution in the prompt, with the pieces that earn the reward blanked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.registry import register
from guerdon.text.guidance import INTRO, Guided, inject_prefix, leaks
from guerdon.text.masking import Finder, mask_trace

PAPER = Paper(
    slug="smepo",
    title="Hide to Guide: Learning via Semantic Masking",
    year=2026,
    arxiv="2605.25198",
    kind="data",
    parts={
        "number and code masks": RELEASED,
        "prefix within a token budget": RELEASED,
        "structural labels kept, as the released code means to": PUBLISHED,
        "entity mask": OURS,
        "traces that still show the answer are not used": OURS,
    },
    columns=("prompt", "teacher_ds", "reward_model"),
    variants=("default", "official"),
)

DOMAINS = ("math", "code", "search")


def build(variant: str = "default", **options: Any) -> MaskedGuidance:
    """What maps a record to the same record with a guided prompt; reward and training stay what they are.

    ``"official"`` masks structural labels as the released code does by accident, and uses traces that still show the answer.
    ``options`` are the fields of :class:`MaskedGuidance`.
    """
    official = {"restore_structural": False, "allow_leaks": True} if variant == "official" else {}
    return MaskedGuidance(**(official | options))


@register("data", "smepo")
@dataclass(frozen=True)
class MaskedGuidance:
    """Record -> record with a guided ``prompt``, its ``masked_trace``, and the flags ``injected``, ``missing`` and ``leaked``.

    A prompt of chat messages gets the trace at the end of its last user message; there the chat template is the tail. Without
    a trace, without room, or where the trace gives the answer away, the prompt stays as it is. Every record of a run is guided:
    do not mix guided and unguided rollouts of a question in one group.

    Attributes:
        domain: ``"math"``, ``"code"`` or ``"search"``; None: the record's ``domain``.
        trace, gold: columns of the expert's trace and of the answer (a text, a list of aliases, or ``{"ground_truth": ...}``).
        ratio: share of the masked trace's tokens shown; anneal it towards 0 so that the policy stands alone.
        max_prompt_tokens, intro, tail: see :func:`guerdon.text.guidance.inject_prefix`.
        tokenizer: anything with ``encode(text, add_special_tokens=False)`` and ``decode``; None: a token is a character.
        finder: a named-entity recogniser for the search domain.
        restore_structural, allow_leaks: see :func:`build`.

    >>> record = {"prompt": "2+2? ", "teacher_ds": "Step 1: 2+2\\n=4\\n", "reward_model": {"ground_truth": "4"}}
    >>> build(domain="math")(record)["masked_trace"]
    'Step 1: [NUMBER][NUMBER]\\n=[NUMBER]\\n'
    """

    domain: str | None = None
    trace: str = "teacher_ds"
    gold: str = "reward_model"
    ratio: float = 1.0
    max_prompt_tokens: int = 4096
    intro: str = INTRO
    tail: str = ""
    tokenizer: Any = None
    finder: Finder | None = None
    restore_structural: bool = True
    allow_leaks: bool = False

    def __post_init__(self) -> None:
        if self.domain is not None and self.domain not in DOMAINS:
            raise UserError(f"domain={self.domain!r} is unknown; choices: {', '.join(DOMAINS)}")
        if not 0.0 <= self.ratio <= 1.0:
            raise UserError(f"ratio={self.ratio} must lie in [0, 1]")

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The guided record; columns it does not read are kept.

        Raises:
            UserError: no prompt, or no domain.
        """
        domain: Any = self.domain or record.get("domain")
        if domain not in DOMAINS or "prompt" not in record:
            raise UserError(f"a record needs 'prompt' and a domain of {', '.join(DOMAINS)}; it has {sorted(record)}")
        answers = gold_answers(record.get(self.gold))
        masked = mask_trace(
            record.get(self.trace) or "",
            domain,
            gold=answers,
            restore_structural=self.restore_structural,
            finder=self.finder,
        )
        leaked = any(leaks(masked, answer) for answer in answers)
        shown = "" if leaked and not self.allow_leaks else masked
        prompt, guided = self._prompt(record["prompt"], shown)
        flags = {"injected": guided.injected, "missing": not masked, "leaked": leaked}
        return {**record, "prompt": prompt, "masked_trace": masked, **flags}

    def _prompt(self, prompt: Any, trace: str) -> tuple[Any, Guided]:
        if isinstance(prompt, str):
            guided = self.inject(prompt, trace)
            return guided.prompt, guided
        messages = [dict(message) for message in prompt]
        users = [message for message in messages if message.get("role") == "user"]
        if not users or not isinstance(users[-1].get("content"), str):
            raise UserError("the prompt's messages have no user message of plain text to put the trace into")
        guided = self.inject(users[-1]["content"] + "\n\n", trace)
        if guided.injected:
            users[-1]["content"] = guided.prompt
        return messages, guided

    def inject(self, prompt: str, trace: str) -> Guided:
        """The prompt with as much of a masked trace as there is room for."""
        budget: dict[str, Any] = {"ratio": self.ratio, "max_prompt_tokens": self.max_prompt_tokens}
        if self.tokenizer is not None:
            budget["encode"] = lambda text: self.tokenizer.encode(text, add_special_tokens=False)
            budget["decode"] = self.tokenizer.decode
        return inject_prefix(prompt, trace, intro=self.intro, tail=self.tail, **budget)


def gold_answers(value: Any) -> list[str]:
    """The gold answer and its aliases: of a text, a list, or ``{"ground_truth": ...}``; blanks left out.

    >>> gold_answers({"ground_truth": ["Rome", " ", "Roma"]})
    ['Rome', 'Roma']
    """
    if isinstance(value, Mapping):
        value = value.get("ground_truth", value.get("target"))
    values = value if isinstance(value, (list, tuple)) else [value]
    return [text for text in (str(item).strip() for item in values if item is not None) if text]
