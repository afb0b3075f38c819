"""``python -m docs.papers_table``: write the table of papers, from their metadata, between the markers of each page."""

from __future__ import annotations

import re
from pathlib import Path

from guerdon.paper import Paper, papers

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "papers.md")
BEGIN, END = "<!-- papers: begin -->", "<!-- papers: end -->"


def row(paper: Paper) -> str:
    """One line of the table."""
    title = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})" if paper.arxiv else paper.title
    columns = ", ".join(f"`{name}`" for name in paper.columns) or "none"
    sources = dict.fromkeys(paper.parts.values())
    parts = "; ".join(f"{source}: {', '.join(p for p, s in paper.parts.items() if s == source)}" for source in sources)
    return f"| `paper:{paper.slug}` | {title}, {paper.year} | {paper.kind} | {columns} | {parts} |"


def table() -> str:
    """All papers as a Markdown table."""
    head = "| name | paper | gives | columns | parts by source |\n|---|---|---|---|---|"
    return "\n".join([head, *(row(paper) for paper in papers())])


def with_table(page: str) -> str:
    """The page with the present table between its markers."""
    inside = f"{BEGIN}\n{table()}\n{END}"
    return re.sub(f"{BEGIN}.*?{END}", lambda _: inside, page, flags=re.DOTALL)


def main() -> None:
    """Bring every page up to date."""
    for path in PAGES:
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
