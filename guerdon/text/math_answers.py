"""Final answers of mathematics problems: where a text states one, and a normal form in which equal spellings are equal."""

from __future__ import annotations

import re

from guerdon.text.answers import clean_answer, final_answer
from guerdon.text.boxed import boxed_spans
from guerdon.text.normalize import ascii_digits
from guerdon.text.tags import extract_tag

_LONGEST, _DEEPEST = 4_000, 40
_LONGEST_BARE = 200  # characters of a text that is taken for an answer as a whole

# What between two boxes makes one answer of them, "\boxed{1} and \boxed{2}", once what only sets them apart is taken out.
_SETS_APART = re.compile(r"\\(?:text|mathrm|quad|qquad|[,;: ])|[\s$,;.&*{}~]")
_JOINTS = ("", "and", "or")
_LONGEST_JOINT = 40

_SPELLINGS = str.maketrans(
    {
        "−": "-", "–": "-", "﹣": "-", "－": "-", "＋": "+", "＝": "=", "／": "/", "，": ",", "．": ".", "（": "(", "）": ")",
        "％": "%", "×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ", "÷": "/", "π": "\\pi ", "∞": "\\infty ", "°": "^\\circ ",
        "≤": "\\le ", "≥": "\\ge ", "≠": "\\ne ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "~": " ",
    }
)  # fmt: skip
# Commands that say how an answer looks, and commands with two names.
_LOOKS = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])|\\(?:displaystyle|textstyle|limits)(?![A-Za-z])|\\!|\{,\}|(?<!\\)\$|\\\$"
    r"|\\(?P<space>quad|qquad|[,;: ])|\\(?P<frac>[dtc]frac)(?![A-Za-z])"
    r"|\\(?P<text>(?:math(?:rm|bf|it)|text(?:rm|bf|it|normal)|mbox))\s?(?=\{)"
    r"|\\(?P<comparison>leq|geq|neq)(?![A-Za-z])|\^\s?\{\s?\\circ\s?\}|\\(?P<percent>%)|\\degree(?![A-Za-z])"
)
_NARROW = re.compile(r"\s+")
# A space says something between words, and in "1, 000", which is not "1,000".
_USELESS_SPACE = re.compile(r"(?<![0-9A-Za-z]) (?!(?<=\d, )\d{3}(?!\d))| (?![0-9A-Za-z])")
_SPACED_GROUPS = re.compile(r"(?<![\d.,A-Za-z])\d{1,3}(?: \d{3})+(?![\d])")
_BARE_OPERANDS = re.compile(r"\\frac ?(?:(?P<over>\d)|\{(?P<over2>[^{}]*)\}) ?(?:(?P<under>\d)|\{(?P<under2>[^{}]*)\})")
_BARE_ROOT = re.compile(r"\\sqrt ?(\d)")
_SHORT_BRACES = re.compile(r"([\^_])\{([0-9A-Za-z])\}")
_LONE_MATH = re.compile(r"([^$\\\d]*)\$([^$]+)\$([^$\\\d]*)")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")


def stated_answer(text: str) -> str | None:
    r"""The final answer that ``text`` states to a mathematics problem, None if it states none.

    The last ``<answer>`` block, else the last box, else what follows the last answer phrase or ``####``, else a text of one
    line that is nothing but an answer (a number or a formula). Boxes that follow each other with no more than "and", "or" or a
    comma between them are one answer of several parts, joined by commas, as math-verify reads them. Linear in the length of
    the text; thinking is not removed.

    >>> (
    ...     stated_answer(r"So $x = \boxed{3}$."),
    ...     stated_answer(r"\boxed{1} or \boxed{2}"),
    ...     stated_answer("The answer is $7$."),
    ... )
    ('3', '1,2', '7')
    >>> stated_answer(r"$\frac12$"), stated_answer("I do not know")
    ('\\frac12', None)
    """
    tagged = extract_tag(text, "answer", strict=False, unclosed=True) if "<" in text else None
    if "\\boxed" in text or "\\fbox" in text:
        boxed = last_boxes(text if tagged is None else tagged)
        if boxed is not None:
            return boxed or None
    found = final_answer(text)
    if found is None:
        line = text.strip()
        found = line if _is_bare_answer(line) else ""
    if "$" in found:
        if f"${found}$" in text:
            return f"${found}$"  # "$x=1$ and $y=2$"
        lone = _LONE_MATH.fullmatch(found)
        found = lone[2] if lone else found
    return clean_answer(found) or None


def _is_bare_answer(line: str) -> bool:
    """Whether a text is one line with a number or a command, and no words."""
    if not 0 < len(line) <= _LONGEST_BARE or "\n" in line or not any(c.isdigit() or c == "\\" for c in line):
        return False
    return "boxed" not in line and not _WORD.search(_COMMAND.sub("", line))


def right_answer(reference: str) -> str:
    r"""The answer in a reference: what its box, its ``<answer>`` block or its ``####`` holds, else all of it.

    >>> right_answer(r"Adding, $x = \boxed{3}$."), right_answer("6 * 7 = 42\n#### 42"), right_answer("$x^2$")
    ('3', '42', 'x^2')
    """
    marked = any(mark in reference for mark in ("\\boxed", "\\fbox", "####", "<answer>"))
    return (stated_answer(reference) if marked else None) or clean_answer(reference) or reference


def last_boxes(text: str) -> str | None:
    r"""The content of the last box, together with the boxes that lead up to it; None where there is none or it is never closed.

    >>> last_boxes(r"\boxed{1}. No: \boxed{2}, \boxed{3}")
    '2,3'
    """
    spans = boxed_spans(text)
    if not spans or spans[-1][1] < 0:
        return None
    answers = [text[spans[-1][0] : spans[-1][1]].strip()]
    begin = text.rfind("\\", 0, spans[-1][0])
    for start, end in reversed(spans[:-1]):
        between = text[end + 1 : begin] if 0 <= end < begin else "?"
        if len(between) > _LONGEST_JOINT or _SETS_APART.sub("", between) not in _JOINTS:
            break
        content = text[start:end].strip()
        if content != answers[-1]:
            answers.append(content)
        begin = text.rfind("\\", 0, start)
    return ",".join(reversed(answers))


def normalize_math(answer: str) -> str:
    r"""A normal form of a final answer: how it looks is taken away, what it says is kept.

    Dollar signs, markup, sizes of brackets, spaces that mean nothing and a final full stop go; ``\dfrac``, ``\frac12``,
    ``\mathrm``, ``\leq``, ``x^{2}``, "−", "π" and digits of other scripts get one spelling; digits in groups of three set apart by
    spaces are one number. Case and the order of terms are kept.

    >>> normalize_math(r"$\left( \dfrac12, x^{2} \right)$."), normalize_math(r"1\,000 \text{ cm}")
    ('(\\frac{1}{2},x^2)', '1000\\text{cm}')
    """
    text = ascii_digits(clean_answer(answer)).translate(_SPELLINGS)
    text = _LOOKS.sub(_plainer, text)
    text = _NARROW.sub(" ", text).strip()
    text = _SPACED_GROUPS.sub(lambda match: match[0].replace(" ", ""), text)
    text = _USELESS_SPACE.sub("", text)
    if "\\frac" in text:
        text = _BARE_OPERANDS.sub(_braced, text)
    if "\\sqrt" in text:
        text = _BARE_ROOT.sub(r"\\sqrt{\1}", text)
    if "{" in text:
        text = _SHORT_BRACES.sub(r"\1\2", text)
    return text.removesuffix(".") if not text.endswith("..") else text


def _plainer(match: re.Match[str]) -> str:
    if match["space"]:
        return " "
    if match["frac"]:
        return "\\frac"
    if match["text"]:
        return "\\text"
    if match["comparison"]:
        return "\\" + match["comparison"][:2]
    if match["percent"]:
        return "%"
    if match[0] == "{,}":
        return ","
    if "circ" in match[0] or "degree" in match[0]:
        return "^\\circ"
    return ""


def _braced(match: re.Match[str]) -> str:
    over = match["over"] if match["over2"] is None else match["over2"]
    under = match["under"] if match["under2"] is None else match["under2"]
    return f"\\frac{{{over}}}{{{under}}}"


def unreadable(answer: str) -> str:
    """Why no sensible reader would take this for an answer: too long, or too deeply nested; "" if neither.

    >>> unreadable("((1))"), unreadable("(" * 50 + "1" + ")" * 50)
    ('', 'nested more than 40 deep')
    """
    if len(answer) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    depth = deepest = 0
    for mark in re.findall(r"[()\[\]{}]", answer):
        depth += 1 if mark in "([{" else -1
        deepest = max(deepest, depth)
    return f"nested more than {_DEEPEST} deep" if deepest > _DEEPEST else ""
