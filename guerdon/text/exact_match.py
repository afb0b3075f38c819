"""Whether an answer is one of the accepted ones, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from guerdon.text.tokens import Tokenizer, find_tokenizer


def exact_match(
    answer: str,
    accepted: str | Iterable[str],
    *,
    tokenizer: str | Tokenizer = "squad",
    variant: Literal["default", "official"] = "default",
) -> bool:
    """Whether ``answer`` has the tokens of any of the ``accepted`` answers, in order.

    With the default tokenizer: equality of SQuAD's normal forms (Rajpurkar et al. 2016). An answer of nothing but articles
    and punctuation has no tokens: it is then compared as it is written, case aside. ``variant="official"`` calls all such
    answers equal, as the code that search agents copy does.

    Raises:
        ValueError: an unknown ``tokenizer`` or ``variant``.

    >>> exact_match("The  Eiffel Tower.", ["eiffel tower", "Tour Eiffel"]), exact_match("", "the")
    (True, False)
    >>> exact_match("the", ["a"]), exact_match("the", ["a"], variant="official")
    (False, True)
    """
    if variant not in ("default", "official"):
        raise ValueError(f"variant={variant!r} is unknown; choose 'default' or 'official'")
    cut = find_tokenizer(tokenizer)
    tokens, written = cut(answer), answer.strip().casefold()
    for one in [accepted] if isinstance(accepted, str) else accepted:
        if cut(one) == tokens and (tokens or variant == "official" or (written and one.strip().casefold() == written)):
            return True
    return False


def contains_phrase(text: str, phrase: str, *, tokenizer: str | Tokenizer = "words") -> bool:
    """Whether the tokens of ``phrase`` stand in ``text`` one after the other; a phrase without tokens stands nowhere.

    >>> contains_phrase("It was built by Ann Lee.", "ann lee"), contains_phrase("We cannot say.", "Ann")
    (True, False)
    >>> contains_phrase("他在北京大学读书", "北京")
    True
    """
    cut = find_tokenizer(tokenizer)
    wanted = "\x1f".join(cut(phrase))
    return bool(wanted) and f"\x1f{wanted}\x1f" in f"\x1f{chr(31).join(cut(text))}\x1f"


def matches_written_form(answer: str, accepted: Iterable[str]) -> bool:
    """Whether ``answer``, in lower, upper or sentence case, or without dots around it, is one of ``accepted``, letter by letter.

    Source: R3-RAG (arXiv 2505.23794), released code; :func:`exact_match` is kinder.

    >>> matches_written_form("PARIS.", ["paris"]), matches_written_form("new york", ["New York"])
    (True, False)
    """
    golds = [accepted] if isinstance(accepted, str) else list(accepted)
    forms = [
        form for text in (answer, answer.strip(".")) for form in (text, text.lower(), text.upper(), text.capitalize())
    ]
    return any(form in golds for form in forms)
