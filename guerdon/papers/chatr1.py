"""ChatR1: answer F1 of a conversational search agent, and how close its best query comes to a stand-alone rewrite of the turn."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Gate, Sum
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.protocols.answer_check import AnswerCheck
from guerdon.models.protocols.shown import fenced_request, shown_text
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import EvidenceContains, Judged, QueryMatch, SearchAnswer, SearchForm
from guerdon.text.replies import own_words
from guerdon.text.token_f1 import Counting

PAPER = Paper(
    slug="chatr1",
    title="ChatR1: Reinforcement Learning for Conversational Reasoning and Retrieval Augmented Question Answering",
    year=2025,
    arxiv="2510.13312",
    kind="reward",
    parts={
        "answer and intent": PUBLISHED,
        "weight of the intent 0.2": PUBLISHED,
        "F1 over sets of tokens": RELEASED,
        "retrieval and format terms": RELEASED,
        "intent placed on the step of the best query": OURS,
        "queries that the environment answered": OURS,
        "stand-alone rewrites written by a chat model": OURS,
        "a judge in place of F1": OURS,
    },
    columns=("golden_answers", "rewrite"),
    range=(0.0, 1.2),
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    golden_answers: str = "golden_answers",
    rewrite: str = "rewrite",
    passage: str = "passage",
    environment: str | None = None,
    chat: Any = None,
    question: str | None = None,
    alpha: float = 0.2,
    retrieval: float = 0.0,
    structure: float = 0.0,
    counting: Counting = "set",
    tokenizer: str = "squad",
    by_step: bool = False,
) -> Reward:
    """R = F1(answer, gold) + alpha max_q F1(q, rewrite), 0 without an answer; in [0, 1 + alpha] as trained.

    A row without a rewrite earns its answer only. Small ``alpha`` keeps the answer first: the intent is no potential and can move
    the optimum where a good query and a good answer disagree.

    ``"official"`` reads prompt and response as one decoded text: the first answer block is taken for the prompt's example, and
    every search block counts, written by whom it may be.

    Args:
        golden_answers, rewrite, passage: columns; the passage is read with ``retrieval`` only.
        environment: column with the character spans the environment inserted, for completions that are plain text.
        chat: a judge to say whether the answer is an accepted one, in place of F1; the paper uses one in evaluation only.
        question: column with the turn for the judge; None: the prompt, with the conversation before it.
        alpha, retrieval, structure: weights of the intent, of the gold passage among what was found, and of valid form; the paper
            trains with (0.2, 0, 0).
        counting: ``"multiset"`` for SQuAD's F1 in place of the released one.
        tokenizer: ``"words"`` for languages written without spaces.
        by_step: give step rewards: the intent on the step of the best query, the answer on the last; the sum stays the same.
    """
    reading: dict[str, Any] = {"environment": environment, "variant": variant}
    measure: dict[str, Any] = {"counting": counting, "tokenizer": tokenizer, **reading}
    answer = SearchAnswer(
        reference=golden_answers,
        measure="f1",
        examples=1 if variant == "official" else None,
        name="answer",
        **measure,
    )
    right: Reward = answer
    if chat is not None:
        checking = AnswerCheck(question=question, answers=golden_answers, of="<answer>")
        right = Gate(answer.part("answered"), Judged(chat, checking, name="judged"))
    terms: list[tuple[Reward, float]] = [(right, 1.0)]
    if alpha:
        intent = QueryMatch(reference=rewrite, without="zero", by_step=by_step, name="intent", **measure)
        terms.append((intent, alpha))
    if retrieval:
        terms.append((EvidenceContains(reference=passage, name="retrieval", **reading), retrieval))
    if structure:
        terms.append((SearchForm(think_after=False, name="format", **reading), structure))
    total = Sum(*(term for term, _ in terms), weights=tuple(weight for _, weight in terms))
    return Gate(answer.part("answered"), total)


_REWRITE = """You rewrite the last question of a conversation so that it can be understood without it: put in what it refers to, \
add what was agreed on before and still holds, and leave everything else as it is. Do not answer it, and add nothing that was not \
said. If it can be understood by itself, repeat it."""


def rewrite_request(history: Any, question: str) -> ChatRequest:
    """Asks a chat model for the stand-alone rewrite of a turn, for conversations that come without one.

    >>> "Who leads Alba?" in rewrite_request([{"role": "user", "content": "Who leads Alba?"}], "Since when?").text
    True
    """
    blocks = {"CONVERSATION": shown_text(history) or "(nothing before)", "LAST QUESTION": question}
    return fenced_request(_REWRITE, blocks, "Reply with the rewritten question alone, on one line.")


def read_rewrite(reply: ChatReply) -> str | None:
    """The rewrite of a reply: its one line; None where it did not arrive, says more, or nothing. Such a row earns its answer only.

    >>> read_rewrite(ChatReply(" Since when does Ann lead Alba? ")), read_rewrite(ChatReply("Sure!\\nSince when?"))
    ('Since when does Ann lead Alba?', None)
    """
    said = own_words(reply.text).strip().strip('"') if reply.arrived else ""
    return said if said and "\n" not in said and len(said) <= 1000 else None
