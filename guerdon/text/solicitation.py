"""Closing phrases with which a reply asks to be liked: apologies, offers, and questions whether it helped."""

from __future__ import annotations

import re

from guerdon.text.sentences import sentences

_SOLICITS = re.compile(
    r"\b(?:"
    r"(?:did|does|do|has|was|is|are|were) (?:this|that|it|my \w++|you)(?: \w++){0,4} "
    r"(?:help\w*+|useful|answer\w*+|clear\w*+|sense|happy|satisfied|satisfy|like|wanted|needed|looking for)"
    r"|(?:hope|hoping|glad)(?: \w++){0,4} (?:help\w*+|useful|answer\w*+|clear\w*+|satisf\w++)"
    r"|let me know|feel free|don't hesitate|do not hesitate|anything else|any (?:other|more|further) questions"
    r"|(?:i am|i'm|i apologi[sz]e|my apologies|apologies|sorry)\b(?: \w++){0,3} (?:sorry|for any|if (?:this|that|it|i))"
    r"|thank you for (?:your|the|asking)|thanks for (?:your|the|asking)|great question|good question"
    r")",
    re.IGNORECASE,
)
_LONGEST = 240


def without_solicitation(text: str) -> str:
    """The text without the closing sentences that court the reader's approval; the whole text where nothing else is left.

    Closing sentences go as long as each is short and offers, apologises, thanks or asks whether it helped. English only; our
    own list of phrases. Linear in the text's length.

    >>> without_solicitation("It is 4. Did that help? Let me know if you need anything else!")
    'It is 4.'
    >>> without_solicitation("Is that it? It is.")
    'Is that it? It is.'
    """
    end = len(text)
    for sentence in reversed(sentences(text)):
        start = text.rfind(sentence, 0, end)
        if len(sentence) > _LONGEST or start < 0 or not _SOLICITS.search(sentence):
            break
        end = start
    return text[:end].rstrip() or text
