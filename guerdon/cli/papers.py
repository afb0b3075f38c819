"""``guerdon papers``: what is implemented, by paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from guerdon.paper import Paper

HEAD = "| name | paper | gives | columns | parts by source |\n|---|---|---|---|---|"


def papers(
    slug: Annotated[str | None, typer.Argument(metavar="[SLUG]", help="One paper in full.", show_default=False)] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table of the documentation.")] = False,
) -> None:
    """List the papers that are implemented: source and status of each part, columns, range."""
    from guerdon.cli.tables import console
    from guerdon.paper import all_papers as implemented
    from guerdon.paper import find_paper

    found = list(implemented()) if slug is None else [find_paper(slug)]
    if markdown:
        typer.echo(markdown_table(found))
    else:
        console().print(_table(found) if slug is None else _card(found[0]))


def by_source(paper: Paper) -> dict[str, list[str]]:
    """What is implemented, by where it comes from."""
    sources = dict.fromkeys(paper.parts.values())
    return {source: [part for part, given in paper.parts.items() if given == source] for source in sources}


def markdown_row(paper: Paper) -> str:
    """One line of the table in Markdown."""
    title = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})" if paper.arxiv else paper.title
    columns = ", ".join(f"`{name}`" for name in paper.columns) or "none"
    parts = "; ".join(f"{source}: {', '.join(parts)}" for source, parts in by_source(paper).items())
    return f"| `paper:{paper.slug}` | {title}, {paper.year} | {paper.kind} | {columns} | {parts} |"


def markdown_table(papers: Iterable[Paper]) -> str:
    """Papers as a table in Markdown."""
    return "\n".join([HEAD, *(markdown_row(paper) for paper in papers)])


def range_text(paper: Paper) -> str:
    """The range of the default build.

    >>> from guerdon import find_paper
    >>> range_text(find_paper("shaping-explanations"))
    '[-1, 2.5]'
    """
    return "" if paper.range is None else "[{:g}, {:g}]".format(*paper.range)


def _table(papers: list[Paper]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"{len(papers)} papers" if len(papers) != 1 else "1 paper", title_justify="left", show_lines=True
    )
    for name in ("name", "paper", "gives", "range", "columns", "parts by source"):
        table.add_column(name, overflow="fold")
    for paper in papers:
        parts = "\n".join(f"{source}: {', '.join(parts)}" for source, parts in by_source(paper).items())
        cells = (
            f"paper:{paper.slug}",
            f"{paper.title}, {paper.year}",
            paper.kind,
            range_text(paper),
            "\n".join(paper.columns),
        )
        table.add_row(*map(Text, cells), Text(parts))
    return table


def _card(paper: Paper) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    said = {
        "in a specification": f"paper:{paper.slug}",
        "year": str(paper.year),
        "source": f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else "",
        "gives": paper.kind,
        "range": range_text(paper),
        "columns": ", ".join(paper.columns) or "none",
        "variants": ", ".join(paper.variants),
    }
    for name, text in said.items():
        if text:
            facts.add_row(Text(name, style="dim"), Text(text))
    parts = Table(title="what is implemented", title_justify="left")
    parts.add_column("part", overflow="fold")
    parts.add_column("from")
    for part, source in paper.parts.items():
        parts.add_row(Text(part), Text(source))
    return Group(Text(paper.title, style="bold"), facts, parts)
