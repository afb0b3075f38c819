"""Themes: many rubrics brought down to one, by dropping what repeats and sorting the rest under a few headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.models.encoder import Encoder
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import Made, Method, Status, Unreadable, Work, tried, writing
from guerdon.shaping.coding_rate import diverse_subset
from guerdon.text.replies import final_json

_TASK = """You bring many criteria down to a few. You are shown criteria that were written for different requests. Sort what \
they ask for under at most {themes} themes that together cover them all; each theme is one criterion by which any response to \
any such request can be judged, and comes with one to three tips on what to look at."""
_ENDING = """Reply with one JSON object: under "themes", a list of at most {themes} objects with "theme", one sentence that begins \
with "The response", and "tips", a list of one to three short texts."""


@register("rubric_method", "themes")
@dataclass(frozen=True)
class Themes(Method):
    """One rubric of at most ``most`` themes with tips out of many criteria, which an example holds as its ``passages``.

    Source: ARR 2026 (arXiv 2605.08354), categorisation; prompt and limits are our design.
    """

    most: int = 5
    attempts: int = 3
    temperature: float = 0.0
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.most < 1 or self.attempts < 1:
            raise UserError(f"most={self.most} and attempts={self.attempts} must be at least 1")

    def work(self, example: Example) -> Work:
        if not example.passages:
            return Made(Status.UNUSABLE, reason="no criteria")
        listed = "\n".join(f"{k}. {text}" for k, text in enumerate(example.passages, 1))
        task, ending = (said.format(themes=self.most) for said in (_TASK, _ENDING))
        request = writing(
            task, [("CRITERIA", listed)], ending, temperature=self.temperature, max_tokens=self.max_tokens
        )
        written = yield from tried(request, self._read, attempts=self.attempts)
        if written.value is None:
            return written.failed
        return Made(Status.KEPT, written.value, details={"criteria": len(example.passages)})

    def _read(self, reply: str) -> Rubric:
        themes: Any = (final_json(reply) or {}).get("themes")
        if not isinstance(themes, list) or not 1 <= len(themes) <= self.most:
            raise Unreadable(f'"themes" must be a list of 1 to {self.most} objects')
        return Rubric(tuple(Criterion(f"c{k}", _text(theme)) for k, theme in enumerate(themes, 1)))


def criteria_of(rubrics: Sequence[Rubric], *, encoder: Encoder | None = None, most: int = 100) -> Example:
    """All different criteria of rubrics as an example for :class:`Themes`; with an encoder only a diverse subset of them.

    Source: ARR 2026 (arXiv 2605.08354), selection by coding rate (see :func:`guerdon.shaping.coding_rate.diverse_subset`).

    >>> criteria_of([Rubric(("Short.", "Kind.")), Rubric(("Kind.",))]).passages
    ('Short.', 'Kind.')
    """
    texts = list(dict.fromkeys(criterion.text for rubric in rubrics for criterion in rubric.criteria))
    if encoder is not None and texts:
        picked = diverse_subset(encoder.embed(texts), most=most)
        texts = [texts[k] for k in sorted(picked.tolist())]
    return Example("Bring these criteria down to a few.", passages=tuple(texts[:most]))


def _text(theme: Any) -> str:
    said = theme.get("theme") if isinstance(theme, Mapping) else None
    if not isinstance(said, str) or not said.strip():
        raise Unreadable('every theme needs a text under "theme"')
    tips: Any = theme.get("tips") or ()
    good = (
        [tip.strip().rstrip(".") for tip in tips if isinstance(tip, str) and tip.strip()]
        if isinstance(tips, list)
        else []
    )
    return f"{said.strip()} Look at: {'; '.join(good[:3])}." if good else said.strip()
