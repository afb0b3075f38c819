"""ChatR1: variant ``"official"``; ``text`` is prompt and completion in one."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.rewards import QueryMatch, SearchAnswer, SearchForm
from guerdon.text.token_f1 import token_f1

PAPER = find_paper("chatr1")
FORM = SearchForm(think_after=False, variant="official")
ANSWER = SearchAnswer(measure="f1", counting="set", examples=1, variant="official")
INTENT = QueryMatch(without="zero", variant="official")


def _total(
    text: str,
    target: Any,
    rewrite: str,
    doc: str | None = None,
    alpha_intent: float = 0.2,
    retrieval_score: float = 0.0,
    structure_format_score: float = 0.0,
) -> float:
    return float(
        PAPER.build("official", alpha=alpha_intent, retrieval=retrieval_score, structure=structure_format_score)
        .score(Batch([text], golden_answers=[target], rewrite=[rewrite], passage=[doc]))
        .values[0]
    )


PARTS = {
    "token_f1": lambda prediction, reference: token_f1(prediction, reference, counting="set"),
    "valid_sequence": lambda text: bool(FORM.score(Batch([text])).values[0]),
    "intent_reward": lambda text, rewrite: float(INTENT.score(Batch([text], rewrite=[rewrite])).values[0]),
    "extract_answer": lambda text: ANSWER.answers(Batch([text]))[0],
    "total_reward": _total,
}
