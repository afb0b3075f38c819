"""Search in a given corpus, by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from guerdon.frozen import FrozenDict, freeze
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.text.bm25 import BM25
from guerdon.text.fences import shortened


@register("tool")
@dataclass(frozen=True)
class CorpusSearch(Tool):
    """The passages of a corpus that fit a query best, by BM25, each shortened to ``characters``.

    The corpus: ``documents``, texts or mappings with ``title`` and ``text``; or what the judged sample holds in ``column``.

    >>> search = CorpusSearch(["Alba is led by Ann Lee.", {"title": "Tower", "text": "Built in 1889."}], top=1)
    >>> print(search.run({"query": "when was the tower built"}).text)
    1. Tower: Built in 1889.
    """

    documents: Sequence[Any] = ()
    column: str | None = None
    top: int = 3
    characters: int = 600

    purpose = "Searches a collection of documents and returns the passages that fit best."
    parameters = FrozenDict(
        {
            "properties": {"query": {"type": "string", "description": "what to search for", "maxLength": 2000}},
            "required": ["query"],
        }
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", freeze(list(self.documents)))

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.column: "the documents to search in"} if self.column else {}

    def answer(self, arguments: Mapping[str, Any]) -> str:
        given = arguments.get(self.column) if self.column else self.documents
        texts = document_texts(given)
        found = (_index(texts) if not self.column else BM25(texts)).search(arguments["query"], self.top)
        lines = [f"{k}. {shortened(texts[i], self.characters)}" for k, (i, _) in enumerate(found, 1)]
        return "\n".join(lines) or "Nothing was found."


def document_texts(documents: Any) -> tuple[str, ...]:
    """Documents as texts, a title before the text.

    >>> document_texts([{"title": "A", "text": "b"}, "c"]), document_texts(None)
    (('A: b', 'c'), ())
    """
    if documents is None:
        return ()
    listed = [documents] if isinstance(documents, (str, Mapping)) else list(documents)
    return tuple(_text(one) for one in listed)


def _text(document: Any) -> str:
    if not isinstance(document, Mapping):
        return str(document)
    said = [document.get(key) for key in ("title", "text", "contents", "content")]
    return ": ".join(str(part) for part in said if part)


@lru_cache(maxsize=8)
def _index(texts: tuple[str, ...]) -> BM25:
    return BM25(texts)
