"""Code in fenced blocks, and the SQL of a completion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from guerdon.text.tags import extract_tag
from guerdon.text.thinking import strip_thinking

_FENCE = re.compile(r"^[ \t]{0,12}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$", re.MULTILINE)
#: Fence labels under which SQL is found.
SQL_LABELS = frozenset("sql sqlite sqlite3 mysql postgres postgresql psql tsql duckdb bigquery".split())


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block, ``text[start:end]`` with its fences; ``language`` is the first word of its label in lower case."""

    language: str
    code: str
    start: int
    end: int
    closed: bool = True


def code_blocks(text: str) -> list[CodeBlock]:
    """Every fenced block of ``text``, in order, as Markdown reads them: fences stand on lines of their own.

    A block ends at a fence of the same character, at least as long and without a label, or at the end of the text
    (``closed`` is then False). Linear in the length of the text.

    >>> [(block.language, block.code) for block in code_blocks("So:\\n```python\\nprint(1)\\n```\\n")]
    [('python', 'print(1)')]
    """
    blocks: list[CodeBlock] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence["fence"].startswith(opened["fence"]) and not fence["info"].strip():
            blocks.append(_block(text, opened, fence.start(), fence.end(), closed=True))
            opened = None
    if opened is not None:
        blocks.append(_block(text, opened, len(text), len(text), closed=False))
    return blocks


def _block(text: str, opened: re.Match[str], stop: int, end: int, *, closed: bool) -> CodeBlock:
    language = opened["info"].strip().partition(" ")[0].lower()
    code = text[min(opened.end() + 1, stop) : stop]
    return CodeBlock(language, code[:-1] if code.endswith("\n") else code, opened.start(), end, closed)


def extract_code(text: str, language: str | None = None, which: Literal["last", "first"] = "last") -> str | None:
    """The code of the last (or first) fenced block, of this language if one is given; None if there is none.

    >>> extract_code("```python\\nx = 1\\n```\\n```\\nnote\\n```", "python")
    'x = 1'
    """
    if which not in ("last", "first"):
        raise ValueError(f"which={which!r} is unknown; choose 'last' or 'first'")
    wanted = None if language is None else language.lower()
    codes = [block.code for block in code_blocks(text) if wanted is None or block.language == wanted]
    return codes[0 if which == "first" else -1] if codes else None


def extract_sql(text: str, *, variant: Literal["default", "official"] = "default") -> str:
    """The SQL of a completion, stripped; "" if nothing is left.

    The thinking is left out; then the last block labelled as SQL counts, else the last block without a label, else
    what the ``<answer>`` tag holds, else all of the text. Fences may stand in the middle of a line, labels be of any
    case and the last block be unclosed.

    ``variant="official"`` (Reasoning-SQL, arXiv 2503.23157, released code): what stands between the last closed
    pair of "```sql", lower case, and "```" anywhere in the text, else all of it.

    >>> extract_sql("So:\\n```sql\\nSELECT 1\\n```")
    'SELECT 1'
    >>> extract_sql("<answer>SELECT 2</answer>"), extract_sql("<answer>SELECT 2</answer>", variant="official")
    ('SELECT 2', '<answer>SELECT 2</answer>')
    """
    if variant == "official":
        found = _between(text, "```sql", "```")
        return text if found is None else found.strip()
    if variant != "default":
        raise ValueError(f"variant={variant!r} is unknown; choose 'default' or 'official'")
    visible = strip_thinking(text)
    parts = visible.split("```")
    # Odd parts are inside a pair of fences; the last of them may be unclosed.
    labelled, unlabelled = "", ""
    for part in parts[1::2]:
        label, _, code = part.lstrip(" \t").partition("\n")
        first, _, rest = label.strip().partition(" ")
        if first.lower() in SQL_LABELS:
            labelled = f"{rest}\n{code}".strip() or labelled
        elif not first:
            unlabelled = code.strip() or unlabelled
    if labelled or unlabelled:
        return labelled or unlabelled
    tagged = extract_tag(visible, "answer", unclosed=True)
    return visible if tagged is None else tagged


def _between(text: str, opening: str, closing: str) -> str | None:
    """What stands in the last of the leftmost, non-overlapping pairs of ``opening`` and ``closing``."""
    found: str | None = None
    position = text.find(opening)
    while position >= 0:
        end = text.find(closing, position + len(opening))
        if end < 0:
            break
        found = text[position + len(opening) : end]
        position = text.find(opening, end + len(closing))
    return found
