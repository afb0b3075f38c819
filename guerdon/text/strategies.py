"""Solution strategies side by side in one completion: their blocks, their reasoning, and when an outcome is the gold answer."""

from __future__ import annotations

import re
from typing import Literal

from guerdon.text.normalize import normalize_multilingual
from guerdon.text.numbers import parse_number
from guerdon.text.tags import Block, extract_tag, tag_blocks, tags_in_order

Variant = Literal["default", "official"]
TOLERANCE = 1e-5

_ID = re.compile(r'id="\d+"')
_MONEY = str.maketrans("", "", "$£€%,")
_LAST_NUMBER = re.compile(r"-?\d++\.?\d*+")


def strategy_blocks(text: str) -> list[Block]:
    """The closed ``<strategy ...>`` blocks of a completion, in order, in any case; an unclosed one is none.

    >>> [block.content for block in strategy_blocks('<strategy id="1">a</strategy> <strategy id="2">b')]
    ['a']
    """
    return tag_blocks(text, "strategy", strict=False)


def strategy_reasoning(block: str) -> str:
    """The text by which a strategy is compared: its first ``<reasoning>`` with blanks collapsed, or all of it, stripped.

    Source: SD-E^2 (arXiv 2601.17982), released code.

    >>> strategy_reasoning("<reasoning> a  b\\n c </reasoning>"), strategy_reasoning(" as it is ")
    ('a b c', 'as it is')
    """
    reasoning = extract_tag(block, "reasoning", "first", strict=False)
    return block.strip() if reasoning is None else " ".join(reasoning.split())


def strategy_result(block: str) -> str:
    """The outcome a strategy comes to: its first ``<result>``, else its first ``<outcome>``, stripped; "" without either.

    >>> strategy_result("<reasoning>r</reasoning> <result> 4 </result>"), strategy_result("4")
    ('4', '')
    """
    result = extract_tag(block, "result", "first", strict=False)
    return result if result is not None else extract_tag(block, "outcome", "first", strict=False) or ""


def completion_results(text: str) -> list[str]:
    """Every ``<result>`` of a completion, stripped, wherever it stands.

    >>> completion_results("<result> 4 </result> and <result>5</result>")
    ['4', '5']
    """
    return [block.content.strip() for block in tag_blocks(text, "result", strict=False)]


def is_well_formed(block: Block) -> bool:
    """Whether a strategy has a numbered id and holds approach, reasoning and result, once each, in this order and alone.

    >>> said = "<approach>a</approach><reasoning>b</reasoning><result>c</result>"
    >>> [is_well_formed(b) for b in strategy_blocks(f'<strategy id="1">{said}</strategy><strategy>{said}</strategy>')]
    [True, False]
    """
    return bool(_ID.fullmatch(block.attributes)) and tags_in_order(block.content, ("approach", "reasoning", "result"))


def strategy_final_answer(text: str, *, variant: Variant = "default") -> str:
    """What the completion answers in the end: the last ``<final_answer>``, else the last ``<result>``, stripped; else "".

    ``variant="official"`` takes the first ``<final_answer>``.

    >>> strategy_final_answer("<result>1</result><result>2</result>"), strategy_final_answer("3")
    ('2', '')
    """
    answer = extract_tag(text, "final_answer", "first" if variant == "official" else "last", strict=False)
    return answer if answer is not None else extract_tag(text, "result", "last", strict=False) or ""


def normalize_last_number(text: str | None) -> str:
    """The last number of a text without currency, percent signs and commas; without a number the text in lower case.

    A fraction keeps its denominator only ("3/4" -> "4"), which is why :func:`same_outcome` reads numbers as a whole by default.

    Source: CoRe, released code.

    >>> normalize_last_number("$1,234.50"), normalize_last_number("Paris"), normalize_last_number(None)
    ('1234.50', 'paris', '')
    """
    plain = (text or "").strip().translate(_MONEY)
    numbers = _LAST_NUMBER.findall(plain)
    return numbers[-1] if numbers else plain.lower()


def same_outcome(
    said: str, gold: str | None, *, how: Literal["default", "string", "number-string", "number"] = "default"
) -> bool:
    """Whether what was said is the gold answer.

    Equal as normalised text, or both are one number each and |p - g| < 1e-5 max(1, |g|): "42.0" is 42, "12 or 42" is not.

    Args:
        said, gold: the answers.
        how: ``"string"``: equal up to case and outer blanks. ``"number-string"``: equal after :func:`normalize_last_number`.
            ``"number"``: that, or numerically equal after it.

    Source: SD-E^2 (arXiv 2601.17982) compares strings, its successor CoRe last numbers.

    >>> same_outcome("42.0", "42"), same_outcome("42.0", "42", how="string"), same_outcome("", "42")
    (True, False, False)
    """
    gold = gold or ""
    if how == "string":
        return said.strip().lower() == gold.strip().lower()
    if how in ("number-string", "number"):
        left, right = normalize_last_number(said), normalize_last_number(gold)
        return left == right or (how == "number" and _close(_float(left), _float(right)))
    if " ".join(said.lower().split()) == " ".join(gold.lower().split()):
        return bool(said.strip())
    if any(map(str.isdigit, gold)):
        return _close(parse_number(said), parse_number(gold))
    form = normalize_multilingual(said)
    return bool(form) and form == normalize_multilingual(gold)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _close(value: float | None, gold: float | None) -> bool:
    return value is not None and gold is not None and abs(value - gold) < TOLERANCE * max(1.0, abs(gold))
