"""What rubrics are made from: a prompt, answers that are known to be better or worse, and passages that were found for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.text.trajectory import completion_text, prompt_text

PROMPTS = ("prompt", "instruction", "query", "question")
PASSAGES = ("passages", "documents", "contexts")
WINNERS = {"A": 0, "RESPONSE_A": 0, "A_WIN": 0, "B": 1, "RESPONSE_B": 1, "B_WIN": 1}


@dataclass(frozen=True)
class Example:
    """One prompt with what is known about it.

    Attributes:
        prompt: the request.
        answers: answers to it, in the order of the data.
        ranks: a rank for each, 1 the best; () where nothing is known.
        passages: texts that were found for it.
    """

    prompt: str
    answers: tuple[str, ...] = ()
    ranks: tuple[float, ...] = ()
    passages: tuple[str, ...] = ()

    @property
    def chosen(self) -> str | None:
        """The best answer, the first where several are; None without ranked answers that differ."""
        return self.answers[self.ranks.index(min(self.ranks))] if len(set(self.ranks)) > 1 else None

    @property
    def rejected(self) -> str | None:
        """The worst answer, the first where several are; None without ranked answers that differ."""
        return self.answers[self.ranks.index(max(self.ranks))] if len(set(self.ranks)) > 1 else None

    @property
    def key(self) -> str:
        """A hash of all it says, 16 hexadecimal digits."""
        said = json.dumps([self.prompt, self.answers, self.ranks, self.passages], ensure_ascii=False)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def example_of(record: Mapping[str, Any], *, where: str = "example") -> Example:
    """An example from a record of any of the usual forms.

    The prompt stands under ``prompt``, ``instruction``, ``query`` or ``question``. Answers: ``chosen`` and ``rejected``; or
    ``response_a``, ``response_b`` and ``winner`` (A or B, RESPONSE_A, A_WIN, case apart); or a list ``responses`` or ``response``
    with ``label_rank`` or ``ranks``, or with ``label_score`` or ``scores``. Passages: a list ``passages``, ``documents`` or
    ``contexts``. Prompts and answers may be chat messages.

    Raises:
        UserError: no prompt, an unknown winner, or ranks that do not fit the answers, naming ``where``.

    >>> example_of({"instruction": "2+2?", "response_a": "5", "response_b": "4", "winner": "b_win"}).chosen
    '4'
    """
    prompt = next((record[key] for key in PROMPTS if record.get(key)), None)
    if prompt is None:
        raise UserError(f"{where} has no prompt; give one of the columns {', '.join(PROMPTS)}")
    answers, ranks = _answers(record, where)
    found = next((record[key] for key in PASSAGES if record.get(key) is not None), ())
    passages = [found] if isinstance(found, str) else found
    if not isinstance(passages, Sequence):
        raise UserError(f"{where} has passages={found!r:.80}; they must be a list of texts")
    return Example(prompt_text(prompt), answers, ranks, tuple(map(_passage, passages)))


def _answers(record: Mapping[str, Any], where: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    if record.get("chosen") is not None and record.get("rejected") is not None:
        return (completion_text(record["chosen"]), completion_text(record["rejected"])), (1.0, 2.0)
    if record.get("response_a") is not None and record.get("response_b") is not None:
        said = str(record.get("winner", "")).strip().upper()
        if said not in WINNERS:
            raise UserError(f"{where} has winner={record.get('winner')!r}; it must be A or B")
        pair = (completion_text(record["response_a"]), completion_text(record["response_b"]))
        return pair, (1.0, 2.0) if WINNERS[said] == 0 else (2.0, 1.0)
    listed = next((record[key] for key in ("responses", "response", "answers") if record.get(key) is not None), ())
    answers = tuple(completion_text(one) for one in ([listed] if isinstance(listed, str) else listed))
    ranks = next((record[key] for key in ("label_rank", "ranks") if record.get(key) is not None), None)
    scores = next((record[key] for key in ("label_score", "scores") if record.get(key) is not None), None)
    given = ranks if ranks is not None else [-float(score) for score in scores] if scores is not None else ()
    known = tuple(float(rank) for rank in given)
    if known and len(known) != len(answers):
        raise UserError(f"{where} has {len(known)} ranks for {len(answers)} responses; give one for each")
    return answers, known


def _passage(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(str(value[key]) for key in ("title", "text", "contents", "content") if value.get(key))
    return str(value)
