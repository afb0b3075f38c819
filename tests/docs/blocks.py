"""The code blocks of the documentation, as they are run by the tests."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL
)
LANGUAGES = {"bash", "console", "python", "pycon", "yaml", "json", "text", "html", "mermaid"}


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text without indentation, and the line of its first line on the page."""

    language: str
    text: str
    line: int

    @property
    def script(self) -> str:
        """What a shell is given: all of a bash block, the lines after ``$`` and ``>`` of a console block."""
        if self.language != "console":
            return self.text
        return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith(("$ ", "> ")))

    def as_dict(self) -> dict[str, Any]:
        """The block as JSON has it."""
        return asdict(self)


def pages() -> list[Path]:
    """Every page whose commands are promised to work."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return sorted([*found, *(ROOT / "examples").rglob("*.md")])


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in FENCE.finditer(page):
        indent = len(match["indent"])
        text = "".join(line[indent:] if line.strip() else "\n" for line in match["text"].splitlines(keepends=True))
        found.append(Block(match["language"], text, page.count("\n", 0, match.start("text")) + 1))
    return found
