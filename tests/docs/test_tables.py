"""The tables of papers and rewards say what these say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.tables import PAGES, marks, with_table


@pytest.mark.parametrize(("path", "name"), PAGES.items(), ids=[path.name for path in PAGES])
def test_the_table_is_up_to_date(path: Path, name: str) -> None:
    page = path.read_text(encoding="utf-8")
    assert [page.count(mark) for mark in marks(name)] == [1, 1]
    assert with_table(page, name) == page, "run `make docs`, or python -m docs.tables"


def test_writing_it_twice_changes_nothing() -> None:
    begin, end = marks("papers")
    page = f"before\n{begin}\nold\n{end}\nafter\n"
    assert with_table(page, "papers").startswith(f"before\n{begin}\n| name |")
    assert with_table(with_table(page, "papers"), "papers") == with_table(page, "papers")
