"""The answer in a LaTeX box, ``\\boxed{...}``."""

from __future__ import annotations

import re
from typing import Literal

_BOX = re.compile(r"\\boxed(?![A-Za-z])")
_FRAMED_BOX = re.compile(r"\\fbox(?![A-Za-z])")
_BRACE = re.compile(r"[{}]")


def extract_boxed(
    text: str,
    which: Literal["last", "first"] = "last",
    *,
    strip: bool = True,
    variant: Literal["default", "official"] = "default",
) -> str | None:
    r"""The content of the last (or first) box in ``text``, braces matched; None if there is none or it is never closed.

    ``\boxed{x}`` counts, ``\fbox{x}`` where there is no other; ``\boxed x`` reads up to the next ``$`` or line end.
    An escaped brace (``\{``) is not a brace. Of nested boxes the innermost is the last one. Nothing is normalised but
    outer whitespace.

    ``variant="official"`` is the widely copied routine that Co-Reward (arXiv 2508.00410) uses: escaped braces count,
    the content is not stripped, ``\boxed x`` anywhere comes before any braced box and reads up to ``$`` across lines,
    and an ``\fbox`` is never unwrapped. It reads the last box only.

    Raises:
        ValueError: an unknown ``which`` or ``variant``.

    >>> extract_boxed(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    >>> extract_boxed(r"\boxed{1} and \boxed{2") is None
    True
    """
    if which not in ("last", "first"):
        raise ValueError(f"which={which!r} is unknown; choose 'last' or 'first'")
    if variant == "official":
        return _official_boxed(text)
    if variant != "default":
        raise ValueError(f"variant={variant!r} is unknown; choose 'default' or 'official'")
    spans = boxed_spans(text)
    if not spans:
        return None
    start, end = spans[0 if which == "first" else -1]
    if end < 0:
        return None
    return text[start:end].strip() if strip else text[start:end]


def boxed_spans(text: str) -> list[tuple[int, int]]:
    r"""Character span of the content of every ``\boxed``, or ``\fbox`` if there is no other, in order of appearance.

    A box never closed ends at -1. Linear in the length of the text.

    >>> boxed_spans(r"\boxed{a} \boxed{b")
    [(7, 8), (17, -1)]
    """
    boxes = list(_BOX.finditer(text)) or list(_FRAMED_BOX.finditer(text))
    if not boxes:
        return []
    closing = _matching_braces(text)
    line_ends = _LineEnds(text)
    spans: list[tuple[int, int]] = []
    for box in boxes:
        start = box.end()
        while text[start : start + 1] in (" ", "\t"):
            start += 1
        if text[start : start + 1] == "{":
            spans.append((start + 1, closing.get(start, -1)))
        elif start > box.end():
            end = line_ends.after(start)
            if text[start : start + 1] not in ("", "$", "\n") and not _BOX.match(text, start):
                spans.append((start, end))
    return spans


class _LineEnds:
    """The next ``$`` or newline after a position that only moves forward, each character looked at once."""

    def __init__(self, text: str) -> None:
        self.text, self.dollar, self.newline = text, -1, -1

    def after(self, start: int) -> int:
        if self.dollar < start:
            self.dollar = self._find("$", start)
        if self.newline < start:
            self.newline = self._find("\n", start)
        return min(self.dollar, self.newline)

    def _find(self, mark: str, start: int) -> int:
        at = self.text.find(mark, start)
        return len(self.text) if at < 0 else at


def _matching_braces(text: str) -> dict[int, int]:
    """The position of the closing brace of every matched opening brace, escaped braces aside."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    run_end = backslashes = 0
    for mark in re.finditer(r"\\+|[{}]", text):
        if mark.group()[0] == "\\":
            run_end, backslashes = mark.end(), mark.end() - mark.start()
            continue
        at = mark.start()
        if at == run_end and backslashes % 2:
            continue
        if text[at] == "{":
            stack.append(at)
        elif stack:
            pairs[stack.pop()] = at
    return pairs


def _official_boxed(text: str) -> str | None:
    if "\\boxed " in text:
        return text.rpartition("\\boxed ")[2].partition("$")[0]
    start = text.rfind("\\boxed")
    if start < 0:
        return None
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start + 7 : brace.start()] if text.startswith("\\boxed{", start) else None
    return None
