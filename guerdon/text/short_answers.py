"""Short answers: yes or no, a choice letter, a word, or a number read off a chart."""

from __future__ import annotations

import re
import unicodedata

from guerdon.text.numbers import plain_number, relatively_close

_LETTER = re.compile(r"[(\[]?([^\W\d_])[)\]]?|[(\[]?([^\W\d_])[)\].:](?:\s+.*)?", re.DOTALL)
_OUTER = " .!?,;:\"'()[]"


def normalize_short_answer(text: str) -> str:
    """A short answer as it is compared: NFKC, lower case, without outer punctuation and doubled spaces.

    A letter in brackets or followed by ``)``, ``]``, ``.`` or ``:`` stands for the option it labels, whatever text follows.

    >>> [normalize_short_answer(text) for text in (" Yes. ", "(B)", "b) Rome", "A cat")]
    ['yes', 'b', 'b', 'a cat']
    """
    text = unicodedata.normalize("NFKC", text).strip().lower()
    label = _LETTER.fullmatch(text)
    if label is not None:
        return label[1] or label[2]
    return " ".join(text.strip(_OUTER).split())


def same_short_answer(answer: str, gold: str) -> bool:
    """Whether two short answers are the same and say something.

    >>> same_short_answer("Yes.", "yes"), same_short_answer("the answer is B", "B"), same_short_answer("", "")
    (True, False, False)
    """
    said = normalize_short_answer(answer)
    return bool(said) and said == normalize_short_answer(gold)


def chart_score(answer: str, gold: str, *, tolerance: float = 0.05, graded: bool = False) -> float:
    """How right an answer read off a chart is, in [0, 1].

    Two numbers: 1 if |p - g| <= tolerance |g|, else 0; ``graded``: max(0, 1 - |p - g| / |g|); a gold 0 must be met exactly. Else
    the rule of :func:`same_short_answer`. A number may hold commas, ``$ € £`` and a final ``%``.

    >>> chart_score("1,040", "1000"), chart_score("106", "100"), chart_score("106", "100", graded=True)
    (1.0, 0.0, 0.94)
    """
    value, right = plain_number(answer), plain_number(gold)
    if value is None or right is None:
        return float(same_short_answer(answer, gold))
    if graded and right != 0:
        return max(0.0, 1.0 - abs(value - right) / abs(right))
    return float(relatively_close(value, right, tolerance))
