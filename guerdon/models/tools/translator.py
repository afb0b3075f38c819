"""Translation: by a phrase book, which says what it does not know; or by a chat model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guerdon.frozen import FrozenDict, freeze
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest
from guerdon.models.tool import Tool
from guerdon.registry import register
from guerdon.runtime import run_blocking
from guerdon.text.fences import FENCE_RULE, fenced
from guerdon.text.languages import base_language
from guerdon.text.replies import own_words
from guerdon.text.tokens import word_tokens

_LANGUAGE = {"type": "string", "description": "a language code, such as de", "maxLength": 20}
_PARAMETERS = {
    "properties": {
        "text": {"type": "string", "description": "the text to translate", "maxLength": 20_000},
        "source": {**_LANGUAGE, "description": "the code of the language it is in"},
        "target": {**_LANGUAGE, "description": "the code of the language wanted"},
    },
    "required": ["text", "source", "target"],
}


@register("tool")
@dataclass(frozen=True)
class PhraseBook(Tool):
    """Words and phrases of a table, put into another language one by one, the longest first; no grammar, and it says so.

    ``phrases``: ``"en-de"`` -> {phrase: translation}. A word that the table does not have stays as it is and is named.

    >>> book = PhraseBook({"en-de": {"good night": "gute Nacht", "good": "gut"}})
    >>> book.run({"text": "Good night, moon", "source": "en", "target": "de"}).text
    'Word by word: gute Nacht moon. Not in the phrase book: moon.'
    """

    phrases: Mapping[str, Mapping[str, str]] = field(default_factory=FrozenDict)

    purpose = "Translates words and phrases one by one by a phrase book, without grammar; unknown words are named."
    parameters = _PARAMETERS

    def __post_init__(self) -> None:
        object.__setattr__(self, "phrases", freeze({pair: dict(table) for pair, table in self.phrases.items()}))

    @property
    def called(self) -> str:
        """The name under which a model calls it."""
        return "translate"

    def answer(self, arguments: Mapping[str, Any]) -> str:
        pair = f"{base_language(arguments['source'])}-{base_language(arguments['target'])}"
        if pair not in self.phrases:
            raise ValueError(f"there is no phrase book for {pair!r:.40}; there are {', '.join(self.phrases) or 'none'}")
        table = {tuple(word_tokens(phrase)): said for phrase, said in self.phrases[pair].items()}
        longest = max(map(len, table), default=1)
        words, out, unknown, i = word_tokens(arguments["text"]), [], [], 0
        while i < len(words):
            size = next((n for n in range(min(longest, len(words) - i), 0, -1) if tuple(words[i : i + n]) in table), 0)
            out.append(table[tuple(words[i : i + size])] if size else words[i])
            unknown += [] if size else [words[i]]
            i += size or 1
        missing = f" Not in the phrase book: {', '.join(dict.fromkeys(unknown))}." if unknown else ""
        return f"Word by word: {' '.join(out)}.{missing}"


@register("tool")
@dataclass(frozen=True)
class ChatTranslator(Tool):
    """A translation by a chat model. The text is fenced: what stands in it is translated, never obeyed.

    >>> from guerdon.models.chat import ScriptedChat
    >>> tool = ChatTranslator(ScriptedChat({"Nacht": "night"}))
    >>> tool.run({"text": "Nacht", "source": "de", "target": "en"}).text
    'night'
    """

    translator: ChatModel
    max_tokens: int | None = None

    purpose = "Translates a text from one language into another."
    parameters = _PARAMETERS

    @property
    def called(self) -> str:
        """The name under which a model calls it."""
        return "translate"

    def answer(self, arguments: Mapping[str, Any]) -> ChatReply:
        task = f"You translate from {arguments['source']!r} into {arguments['target']!r}. Reply with the translation alone."
        system = {"role": "system", "content": f"{task}\n\n{FENCE_RULE}"}
        user = {"role": "user", "content": fenced("TEXT", arguments["text"])}
        [reply] = run_blocking(self.translator.complete([ChatRequest((system, user), max_tokens=self.max_tokens)]))
        return ChatReply(own_words(reply.text)) if reply.arrived else reply
