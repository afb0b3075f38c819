"""``python -m docs.tables``: write the tables of papers and rewards between the markers of each page."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path

import guerdon.rewards
from guerdon import Reward, all_papers
from guerdon.cli.papers import markdown_table

ROOT = Path(__file__).parents[1]


def papers_table() -> str:
    """Every paper, by slug."""
    return markdown_table(all_papers())


def short_papers_table() -> str:
    """Every paper, by slug, with its title and what it gives."""
    rows = ["| name | paper | gives |", "|---|---|---|"]
    for paper in all_papers():
        link = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv}), {paper.year}"
        rows.append(f"| `paper:{paper.slug}` | {link} | {paper.kind} |")
    return "\n".join(rows)


def rewards_table() -> str:
    """Every reward of guerdon.rewards: what it measures, its range and columns with the fields of its example."""
    rows = ["| reward | what it measures | range | columns |", "|---|---|---|---|"]
    for name in guerdon.rewards.__all__:
        cls: type[Reward] = getattr(guerdon.rewards, name)
        reward = cls.example_reward()
        low, high = (f"{edge:g}" if math.isfinite(edge) else "unbounded" for edge in reward.range)
        span = low if low == high else f"{low} to {high}"
        columns = ", ".join(f"`{column}`" for column in sorted(reward.columns)) or "none"
        rows.append(f"| `{name}` | {measures(cls)} | {span} | {columns} |")
    return "\n".join(rows)


def measures(cls: type[Reward]) -> str:
    """The first sentence of a reward's docstring, as a cell of a table."""
    said = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[a-z0-9)\"`])\.(?: |$)", said)[0]
    return re.sub(r"``|:\w+:", "`", sentence).replace("``", "`").replace("|", "\\|").rstrip(".")


TABLES: dict[str, Callable[[], str]] = {
    "papers": papers_table,
    "papers in short": short_papers_table,
    "rewards": rewards_table,
}
PAGES = {
    ROOT / "README.md": "papers in short",
    ROOT / "docs" / "papers.md": "papers",
    ROOT / "docs" / "rewards.md": "rewards",
}


def marks(name: str) -> tuple[str, str]:
    """The lines between which a table stands."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def with_table(page: str, name: str) -> str:
    """The page with the present table between its markers."""
    begin, end = marks(name)
    inside = f"{begin}\n{TABLES[name]()}\n{end}"
    return re.sub(f"{begin}.*?{end}", lambda _: inside, page, flags=re.DOTALL)


def main() -> None:
    """Bring every page up to date."""
    for path, name in PAGES.items():
        path.write_text(with_table(path.read_text(encoding="utf-8"), name), encoding="utf-8")


if __name__ == "__main__":
    main()
