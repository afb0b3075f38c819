"""Fenced code and SQL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.code import code_blocks, extract_code, extract_sql

TWO = "Text\n```python\na = 1\n\nb = 2\n```\nmore\n~~~SQL title\nSELECT 1\n~~~\n"


def test_code_blocks() -> None:
    blocks = code_blocks(TWO)
    assert [(block.language, block.code, block.closed) for block in blocks] == [
        ("python", "a = 1\n\nb = 2", True),
        ("sql", "SELECT 1", True),
    ]
    assert TWO[blocks[0].start : blocks[0].end] == "```python\na = 1\n\nb = 2\n```"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\nx\n```", ["x"]),
        ("````\n```\nx\n```\n````", ["```\nx\n```"]),
        ("  ```py\n  x\n  ```", ["  x"]),
        ("```\n\n```", [""]),
        ("```\n```", [""]),
        ("```py\nunclosed", ["unclosed"]),
        ("```", [""]),
        ("inline ```x``` code", []),
        ("", []),
    ],
)
def test_odd_fences(text: str, expected: list[str]) -> None:
    assert [block.code for block in code_blocks(text)] == expected


def test_extract_code() -> None:
    assert extract_code(TWO) == "SELECT 1"
    assert extract_code(TWO, which="first") == "a = 1\n\nb = 2"
    assert extract_code(TWO, "PYTHON") == "a = 1\n\nb = 2"
    assert extract_code(TWO, "rust") is None
    with pytest.raises(ValueError, match="which='all'"):
        extract_code("", which="all")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "default", "official"),
    [
        ("```sql\nSELECT 1\n```", "SELECT 1", "SELECT 1"),
        ("```sql SELECT 1```", "SELECT 1", "SELECT 1"),
        ("```SQL\nSELECT 4\n```", "SELECT 4", "```SQL\nSELECT 4\n```"),
        ("```sql\nSELECT 5", "SELECT 5", "```sql\nSELECT 5"),
        ("```sql\nSELECT 1\n```\nor\n```sql\nSELECT 2\n```", "SELECT 2", "SELECT 2"),
        ("```sqlite\nSELECT 1\n```", "SELECT 1", "ite\nSELECT 1"),
        ("```\nSELECT 1\n```", "SELECT 1", "```\nSELECT 1\n```"),
        ("```python\nx\n```", "```python\nx\n```", "```python\nx\n```"),
        ("<answer>\n```sql\nSELECT a,\n  b\n```\n</answer>", "SELECT a,\n  b", "SELECT a,\n  b"),
        ("<answer> SELECT 3 </answer>", "SELECT 3", "<answer> SELECT 3 </answer>"),
        ("SELECT 3", "SELECT 3", "SELECT 3"),
        ("<think>```sql\nSELECT 0\n```</think>SELECT 3", "SELECT 3", "SELECT 0"),
        ("```sql\n```", "```sql\n```", ""),
        ("", "", ""),
    ],
)
def test_extract_sql(text: str, default: str, official: str) -> None:
    assert extract_sql(text) == default
    assert extract_sql(text, variant="official") == official


@given(st.lists(st.sampled_from(["```sql", "```", "\n", " ", "SELECT 1", "x"]), max_size=12).map("".join))
def test_official_sql_is_the_regular_expression(text: str) -> None:
    found = re.findall(r"```sql\s*(.*?)\s*```", text, re.DOTALL)
    assert extract_sql(text, variant="official") == (found[-1].strip() if found else text)
    assert isinstance(extract_sql(text), str)


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match="variant='mine'"):
        extract_sql("", variant="mine")  # type: ignore[arg-type]
