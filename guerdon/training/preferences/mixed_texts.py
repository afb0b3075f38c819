"""Human texts of which a model rephrased some sentences: a level between what people and what models write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.scores import Note, Outcome
from guerdon.text.sentences import sentences

_NUMBERED = re.compile(r"^[ \t]*(\d{1,6})[.):][ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class MixedText:
    """A text with some sentences rephrased.

    Attributes:
        text: the mixed text; the human text where the reply could not be read; None where no reply came.
        rephrased: which sentences were replaced, counted from 0.
        note: what went wrong, if anything.
    """

    text: str | None
    rephrased: tuple[int, ...] = ()
    note: Note | None = None


def chosen_sentences(text: str, rng: Random, *, share: float = 0.5) -> tuple[int, ...]:
    """floor(share n) of a text's n sentences, at random, in order.

    >>> len(chosen_sentences("One. Two. Three. Four. Five.", Random(0)))
    2
    """
    if not 0.0 <= share <= 1.0:
        raise UserError(f"share={share!r} must lie in [0, 1]")
    count = len(sentences(text))
    return tuple(sorted(rng.sample(range(count), int(share * count))))


def rephrase_request(text: str, chosen: Sequence[int], *, temperature: float = 1.0) -> ChatRequest:
    """Asks for the chosen sentences in other words, as a list with their numbers; the wording is ours.

    >>> print(rephrase_request("One. Two.", [1]).messages[-1]["content"])
    Text:
    One. Two.
    <BLANKLINE>
    Sentences to rephrase:
    2. Two.
    """
    found = sentences(text)
    wish = (
        "Rephrase the listed sentences so that they fit into the text and keep their meaning. "
        "Reply with the same numbers, one rephrased sentence per line, and nothing else."
    )
    listed = "\n".join(f"{k + 1}. {' '.join(found[k].split())}" for k in chosen)
    asked = f"Text:\n{text}\n\nSentences to rephrase:\n{listed}"
    return ChatRequest(
        ({"role": "system", "content": wish}, {"role": "user", "content": asked}), temperature=temperature
    )


def put_back(text: str, chosen: Sequence[int], reply: str) -> str | None:
    """The text with the chosen sentences replaced by the reply's, all else untouched; None where the reply lacks one of them.

    >>> put_back("One. Two.  Three.", [0, 2], "1. First.\\n3) Third.")
    'First. Two.  Third.'
    """
    said = {int(number): line.strip() for number, line in _NUMBERED.findall(reply)}
    if any(not said.get(k + 1) for k in chosen):
        return None
    wanted = frozenset(chosen)
    pieces, end = [], 0
    for k, sentence in enumerate(sentences(text)):
        start = text.index(sentence, end)
        pieces += [text[end:start], said[k + 1] if k in wanted else sentence]
        end = start + len(sentence)
    return "".join([*pieces, text[end:]])


async def mixed_texts(
    texts: Sequence[str], chat: ChatModel, *, share: float = 0.5, seed: int = 0, temperature: float = 1.0
) -> list[MixedText]:
    """Each text with a random half of its sentences rephrased by ``chat``.

    A reply that cannot be read leaves the human text, noted ``unparseable``; where none came there is no text. A text of one
    sentence stays as it is.

    Source: Lee et al. 2024, ReMoDetect (arXiv 2405.17382); without the released script's slip that shifts all rows after a
    failure by one.
    """
    rng = Random(seed)
    chosen = [chosen_sentences(text, rng, share=share) for text in texts]
    rows = [i for i, picked in enumerate(chosen) if picked]
    asked = [rephrase_request(texts[i], chosen[i], temperature=temperature) for i in rows]
    replies = dict(zip(rows, await chat.complete(asked) if asked else (), strict=True))
    return [
        _mixed(text, picked, replies[i]) if i in replies else MixedText(text)
        for i, (text, picked) in enumerate(zip(texts, chosen, strict=True))
    ]


def ordered_texts(llm: Sequence[str], mixed: Sequence[MixedText], human: Sequence[str]) -> list[tuple[str, str, str]]:
    """Triples (model's text, mixed text, human text), from best to worst for the reward model; unusable rows are left out.

    A row is unusable where there is no mixed text, or the model's or the human text has fewer than two words.

    >>> ordered_texts(["A b.", "c"], [MixedText("A c."), MixedText("d e")], ["a c", "d e"])
    [('A b.', 'A c.', 'a c')]
    """
    if not len(llm) == len(mixed) == len(human):
        raise UserError(
            f"{len(llm)} texts of models, {len(mixed)} mixed and {len(human)} human ones; give one of each a row"
        )
    return [
        (machine, between.text, person)
        for machine, between, person in zip(llm, mixed, human, strict=True)
        if between.text is not None and min(len(machine.split()), len(person.split())) > 1
    ]


def _mixed(text: str, chosen: tuple[int, ...], reply: ChatReply) -> MixedText:
    if not reply.arrived:
        return MixedText(None, note=Note(reply.outcome, reply.message))
    made = put_back(text, chosen, reply.text)
    if made is None:
        return MixedText(text, note=Note(Outcome.UNPARSEABLE, f"no list of the sentences in {reply.text!r:.120}"))
    return MixedText(made, chosen)
