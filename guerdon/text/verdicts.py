"""The verdict a judge ends its turn with: which of several answers is better, or whether one is right."""

from __future__ import annotations

import re
from typing import Literal

from guerdon.text.tags import tag_counts

Asks = Literal["pair", "numbered", "boolean"]

_IS = r"\s*is\s*(?:the\s*)?(?:slightly\s*)?"
_PAIR = re.compile(rf"answer\s*([12]){_IS}(?:better|preferred|correct)", re.IGNORECASE)
_NUMBERED = re.compile(rf"answer\s*(\d++){_IS}(?:better|preferred)", re.IGNORECASE)
_BARE_NUMBER = re.compile(r"(\d{1,9})\s*\.?")
_TAGGED_NUMBER = re.compile(r"<answer>\s*(\d++)\s*</answer>", re.IGNORECASE)
_BOOLEAN = re.compile(r"\b(true|false)\b", re.IGNORECASE)
_JUDGMENT = re.compile(r"<answer>Overall Judgment:\s*(True|False)</answer>", re.IGNORECASE)
_MIDDLE = re.compile(r"</think>\s*<answer>", re.IGNORECASE)
_CALL = re.compile(r"</?tool_call>", re.IGNORECASE)
_TURN = "assistant\n"


def last_turn(text: str, *, user: bool = False) -> str:
    """What follows the last ``assistant`` line of a decoded dialogue, all of the text where there is none; stripped.

    With ``user`` a last ``user`` line begins a turn as well. The words inside a thought count too: who wrote what cannot be told
    from such a text.

    >>> last_turn("user\\nhi\\nassistant\\nyes "), last_turn(" yes")
    ('yes', 'yes')
    """
    turn = text.rpartition(_TURN)[2]
    return (turn.rpartition("user\n")[2] if user else turn).strip()


def answer_after_thought(turn: str) -> str | None:
    """The answer of a turn that is a thought and an answer, tags in any case, and makes no tool call; None for another turn.

    A text between the first ``</think><answer>`` and the last ``</answer>`` is the answer, whatever tags it holds.

    >>> answer_after_thought("<think>a</think> <answer> b </answer>"), answer_after_thought("so <answer>b</answer>")
    ('b', None)
    """
    turn = turn.strip()
    if turn[:7].lower() != "<think>" or turn[-9:].lower() != "</answer>" or _CALL.search(turn):
        return None
    middle = _MIDDLE.search(turn, 7)
    if middle is None or middle.end() > len(turn) - 9:
        return None
    return turn[middle.end() : -9].strip()


def answer_among_tags(turn: str) -> str | None:
    """The answer of a turn with one think and one answer block, in any order and with any text around, and no tool call.

    None for another turn; "" where the answer's tags stand in the wrong order.

    >>> answer_among_tags("<answer> b </answer> since <think>a</think>")
    'b'
    """
    once = all(tag_counts(turn, tag) == (1, 1) for tag in ("think", "answer"))
    if not once or tag_counts(turn, "tool_call") != (0, 0):
        return None
    content, closed, _ = turn.partition("<answer>")[2].partition("</answer>")
    return content.strip() if closed else ""


def verdict(text: str, asks: Asks, *, bare: bool = True) -> str | None:
    """The last verdict in an answer, lower case; None where there is none.

    ``"pair"``: 1 or 2, of "Answer 1 is better" (the better, slightly better, preferred, correct). ``"numbered"``: any number, of
    the same phrases but the last. ``"boolean"``: true or false. With ``bare`` an answer that is nothing but a number counts too.

    >>> verdict("Answer 2 looked good, but Answer 1 is slightly better.", "pair"), verdict(" 2 ", "pair")
    ('1', '2')
    >>> verdict("Overall Judgment: False.", "boolean"), verdict("both", "pair") is None
    ('false', True)
    """
    pattern = {"pair": _PAIR, "numbered": _NUMBERED, "boolean": _BOOLEAN}[asks]
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - the last match
        pass
    if found is not None:
        return _number(found[1]) if asks == "numbered" else found[1].lower()
    alone = _BARE_NUMBER.fullmatch(text.strip()) if bare and asks != "boolean" else None
    return _number(alone[1]) if alone else None


def released_verdict(text: str, asks: Asks, *, bare: bool = True) -> str | None:
    """:func:`verdict` as released code has it.

    A pair's answer without the phrase is its own verdict, whatever it says; a bare number is none where answers are numbered,
    unless in tags; true and false are never seen.

    >>> released_verdict("Both", "pair"), released_verdict("True", "boolean"), released_verdict("1", "numbered")
    ('both', None, None)
    """
    if asks == "boolean":
        return None
    found = verdict(text, asks, bare=False)
    if found is not None or asks == "pair":
        return text.strip().lower() if found is None and bare else found
    tagged = _TAGGED_NUMBER.findall(text)
    return _number(tagged[-1]) if tagged else None


def overall_judgment(text: str) -> str | None:
    """true or false of the first ``<answer>Overall Judgment: True</answer>``, in any case, to the letter; None without one.

    >>> overall_judgment("<answer>Overall Judgment: False</answer>"), overall_judgment("<answer> True</answer>")
    ('false', None)
    """
    found = _JUDGMENT.search(text)
    return found[1].lower() if found else None


def _number(digits: str) -> str:
    """A number without leading zeros; one too long to be meant is left as it is."""
    return str(int(digits)) if len(digits) < 20 else digits
