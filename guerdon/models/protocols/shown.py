"""What a judge is shown: instructions first, then what several requests share, then what is judged, each block fenced.

Requests about one question are equal up to the block that is judged, so that servers with a prefix cache read the rest once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict, freeze
from guerdon.models.chat import ChatRequest
from guerdon.models.judge import JudgeProtocol
from guerdon.text.fences import FENCE_RULE, fenced
from guerdon.text.reading import check_reading
from guerdon.text.trajectory import prompt_text

Blocks = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a protocol shows beside the completions, and how it asks.

    Attributes:
        instructions: what counts, in the user's words, put behind the protocol's own; the same for all samples.
        question: column with the question; None: the prompt.
        reference: column with a reference answer; None: none is shown.
        context: further columns to show, column -> heading.
        limit: most characters of a block; the middle of a longer one is left out, and the block says so.
        fence_key: secret that the codes of fences depend on (see :mod:`guerdon.text.fences`).
        temperature, max_tokens: sampling.
    """

    instructions: str = ""
    question: str | None = None
    reference: str | None = None
    context: Mapping[str, str] = field(default_factory=FrozenDict)
    limit: int | None = None
    fence_key: str = ""
    temperature: float = 0.0
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, freeze(getattr(self, item.name)))
        if self.limit is not None and self.limit < 2:
            raise UserError(f"limit={self.limit} must be at least 2 characters, or None for no limit")

    @property
    def own_columns(self) -> dict[str, str]:
        """Column -> what it should hold, for the columns put into prompts."""
        named = {self.question: "the question", self.reference: "a reference answer"}
        return {name: what for name, what in named.items() if name} | dict(self.context)

    def background(self, prompt: Any, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The blocks that stand before what is judged: question, context, reference; empty ones are left out."""
        question = prompt if self.question is None else row.get(self.question)
        blocks = [("QUESTION", shown_text(question))]
        blocks += [(heading, shown_text(row.get(name))) for name, heading in self.context.items()]
        if self.reference is not None:
            blocks.append(("REFERENCE", shown_text(row.get(self.reference))))
        return [(label, text) for label, text in blocks if text.strip()]

    def row(self, batch: Batch, i: int) -> dict[str, Any]:
        """The protocol's columns of sample ``i``."""
        return {name: batch[name][i] for name in self.own_columns}

    def backgrounds(self, batch: Batch) -> list[list[tuple[str, str]]]:
        """The blocks before what is judged, sample by sample."""
        return [self.background(prompt, self.row(batch, i)) for i, prompt in enumerate(batch.prompt_texts)]

    def request(self, task: str, shared: Blocks, judged: Blocks, ending: str = "", **options: Any) -> ChatRequest:
        """The request: task, instructions and the rule of fences; then shared blocks, judged blocks and what to reply."""
        system = "\n\n".join(part for part in (task, self.instructions, FENCE_RULE) if part)
        blocks = [
            fenced(label_of(label), text, key=self.fence_key, limit=self.limit) for label, text in (*shared, *judged)
        ]
        said = "\n\n".join((*blocks, ending) if ending else blocks)
        sampling = {"temperature": self.temperature, "max_tokens": self.max_tokens, **options}
        return ChatRequest(({"role": "system", "content": system}, {"role": "user", "content": said}), **sampling)


@dataclass(frozen=True, kw_only=True)
class ShownCompletions(Shown, JudgeProtocol):
    """A judge protocol that shows completions; ``of`` is what it shows of them (see :func:`guerdon.text.reading.read`)."""

    of: str = "visible"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_of(self.of)

    def texts(self, batch: Batch) -> list[str]:
        """What each completion says in ``of``; "" where it has no such part."""
        return [text or "" for text in batch.texts(self.of)]


def check_of(of: str) -> None:
    """Raise where completions cannot be read so."""
    try:
        check_reading(of)
    except ValueError as error:
        raise UserError(str(error)) from None


def fenced_request(task: str, blocks: Mapping[str, str], ending: str = "", **options: Any) -> ChatRequest:
    """A request of a fixed form: the task and the rule of fences, then each block fenced under its name, then what to reply.

    >>> asked = fenced_request("Rate it.", {"ANSWER": "It is 4."}, "Reply with a number.")
    >>> asked.messages[1]["content"].splitlines()[1], asked.messages[1]["content"].splitlines()[-1]
    ('It is 4.', 'Reply with a number.')
    """
    said = "\n\n".join(
        [*(fenced(label_of(name), text) for name, text in blocks.items()), *([ending] if ending else [])]
    )
    system = {"role": "system", "content": f"{task}\n\n{FENCE_RULE}"}
    return ChatRequest((system, {"role": "user", "content": said}), **options)


def shown_text(value: Any) -> str:
    """A column's value as text: chat messages as a dialogue, a list as lines with dashes, other things as JSON.

    >>> shown_text(["a", "b"]), shown_text({"k": 1}), shown_text(None)
    ('- a\\n- b', '{"k": 1}', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Sequence) and value and all(isinstance(one, Mapping) and "role" in one for one in value):
        return prompt_text(list(value))
    if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
        return "\n".join(f"- {one}" for one in value)
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def label_of(heading: str) -> str:
    """A heading as the name of a fence: upper case letters, digits and spaces.

    >>> label_of("Search results (top-3)")
    'SEARCH RESULTS TOP 3'
    """
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in heading.upper()).split()
    name = " ".join(words)[:40].strip()
    return name if name[:1].isalpha() else f"DATA {name}".strip()[:40].strip()
