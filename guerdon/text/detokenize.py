"""Text that was written out token by token, joined again."""

from __future__ import annotations

#: What is replaced by what, in this order.
_JOINS = (
    *((f" {mark}", mark) for mark in ",.?!;'"),
    (" ’ ", "'"),
    (" :", ":"),
    ("<newline>", "\n"),
    ("`` ", '"'),
    (" ''", '"'),
    ("''", '"'),
    (".. ", "... "),
    (" )", ")"),
    ("( ", "("),
    (" n't", "n't"),
    (" i ", " I "),
    (" i'", " I'"),
    ("\\'", "'"),
    ("\n ", "\n"),
)


def detokenized(text: str) -> str:
    """The text with the spaces around punctuation taken out, quotes and line breaks restored, and a lone i raised; stripped.

    A fixed list of replacements, one after the other, as corpora of tokenised English (WritingPrompts, HC3) are commonly
    cleaned; it also joins what it should not, such as an opening single quote to the word before it.

    Source: the cleaning of DetectGPT and of ReMoDetect's released code (arXiv 2405.17382).

    >>> detokenized("he did n't go ; i 'm ok ( so far ) .")
    "he didn't go; I'm ok (so far)."
    """
    for written, meant in _JOINS:
        text = text.replace(written, meant)
    return text.strip()
