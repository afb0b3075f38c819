"""``python -m docs.papers_table``: write the table of papers, from their metadata, between the markers of each page."""

from __future__ import annotations

import re
from pathlib import Path

from guerdon import all_papers
from guerdon.cli.papers import markdown_table

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "papers.md")
BEGIN, END = "<!-- papers: begin -->", "<!-- papers: end -->"


def with_table(page: str) -> str:
    """The page with the present table between its markers."""
    inside = f"{BEGIN}\n{markdown_table(all_papers())}\n{END}"
    return re.sub(f"{BEGIN}.*?{END}", lambda _: inside, page, flags=re.DOTALL)


def main() -> None:
    """Bring every page up to date."""
    for path in PAGES:
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
