"""The pages of a document: found by words, or by number; as text or as images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.models.images import UnreadableImage, data_url, read_image
from guerdon.models.tool import Observation, Tool
from guerdon.models.tools.corpus_search import document_texts
from guerdon.registry import register
from guerdon.text.bm25 import BM25
from guerdon.text.fences import shortened


@register("tool")
@dataclass(frozen=True)
class DocumentPages(Tool):
    """Pages of the judged sample's document: those that fit a query best, or the one of a number (from 1).

    Column ``pages`` holds the pages' texts; where ``images`` names a column of page images, they are shown beside.

    Source: ARM-Thinker 2025 (arXiv 2512.05111), document tools; the search is ours.

    >>> pages = ["Contents", "Costs were 4 million."]
    >>> print(DocumentPages().run({"query": "what were the costs", "pages": pages}).text)
    Page 2 of 2:
    Costs were 4 million.
    """

    pages: str = "pages"
    images: str | None = None
    top: int = 2
    characters: int = 4000

    purpose = "Returns pages of the document: those that fit a query best, or the page of a given number."
    parameters = FrozenDict(
        {
            "properties": {
                "query": {"type": "string", "description": "what to look for", "maxLength": 2000},
                "page": {"type": "integer", "description": "the number of a page, from 1", "minimum": 1},
            }
        }
    )

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.pages: "the texts of the pages"} | ({self.images: "the pages' images"} if self.images else {})

    def answer(self, arguments: Mapping[str, Any]) -> ChatReply:
        texts = document_texts(arguments.get(self.pages))
        if not texts:
            raise ValueError("the document has no pages")
        if "page" in arguments:
            number = int(arguments["page"])
            if number > len(texts):
                raise ValueError(f"there is no page {str(number)[:20]}; the document has {len(texts)}")
            wanted = [number - 1]
        elif "query" in arguments:
            wanted = [i for i, _ in BM25(texts).search(arguments["query"], self.top)]
        else:
            raise ValueError("give a query or the number of a page")
        said = [f"Page {i + 1} of {len(texts)}:\n{shortened(texts[i], self.characters)}" for i in wanted]
        return Observation("\n\n".join(said) or "No page fits.", images=self._shown(arguments, wanted))

    def _shown(self, arguments: Mapping[str, Any], wanted: list[int]) -> tuple[str, ...]:
        if self.images is None:
            return ()
        given = list(arguments.get(self.images) or ())
        try:
            return tuple(data_url(read_image(given[i])) for i in wanted if i < len(given))
        except UnreadableImage:
            return ()
