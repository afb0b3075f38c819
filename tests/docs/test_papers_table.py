"""The tables of papers say what the papers' metadata say."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.papers_table import BEGIN, END, PAGES, with_table


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_table_is_up_to_date(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert with_table(page) == page, "run `make docs`, or python -m docs.papers_table"


def test_writing_it_twice_changes_nothing() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_table(page).startswith(f"before\n{BEGIN}\n| name |")
    assert with_table(page).endswith(f"|\n{END}\nafter\n")
    assert with_table(with_table(page)) == with_table(page)
