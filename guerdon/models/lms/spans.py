"""From a request to token ids: context, target and closing tokens, each tokenised by itself, so that every boundary is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import UserError
from guerdon.frozen import plain
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.models.lms.templates import ChatTemplate
from guerdon.scores import Outcome

Integers = NDArray[np.int64]
Masks = dict[str, NDArray[np.bool_]]

_SURROGATES = re.compile("[\ud800-\udfff]")
_REMEMBERED = 4096


@dataclass(frozen=True, eq=False)
class RequestTokens:
    """The tokens of one request.

    Attributes:
        context_ids: everything before the target: prompt, the header of the turn, prefix. At least one token.
        target_ids: (T,) the tokens that are scored, those that close the turn included.
        prompt_length: how many of ``context_ids`` come before the prefix: what requests of one prompt share.
        offsets: (T, 2) where each token stands in the target text (closing tokens: at its end), None where unknown.
        masks: ``"target"`` and ``"closing"``, (T,) bool, which together cover every token once.
    """

    context_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    prompt_length: int
    offsets: Integers | None
    masks: Masks

    @property
    def ids(self) -> tuple[int, ...]:
        """Context and target."""
        return self.context_ids + self.target_ids

    def scores(
        self, logprobs: NDArray[np.float64], logsumexp: NDArray[np.float64] | None = None, **options: Any
    ) -> TokenScores:
        """The request's scores from the log-probabilities of ``target_ids``."""
        ids = np.asarray(self.target_ids, dtype=np.int64)
        return TokenScores(ids, logprobs, logsumexp, offsets=self.offsets, masks=self.masks, **options)


class RequestTokenizer:
    """Turns requests into tokens for one tokenizer.

    Text is never joined and tokenised again: the header that the chat template writes, the prefix and the target are tokenised
    one by one and their ids put in a row, so a target's first token begins exactly where the target does. A prompt of messages
    whose last one is of the request's role is continued, otherwise a new turn of that role is opened. A prompt of plain text
    gets the tokenizer's beginning-of-text token unless it begins with it; messages get what the template writes.

    Args:
        tokenizer: a transformers tokenizer.
        limit: tokens the model takes, context and target together.
        vocabulary: how many token ids the model knows.
        template_options: variables for the chat template, such as ``{"enable_thinking": False}``.
        template: how messages are rendered; by default the tokenizer's chat template.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        limit: int | None = None,
        vocabulary: int | None = None,
        template_options: Mapping[str, Any] | None = None,
        template: ChatTemplate | None = None,
    ) -> None:
        self.tokenizer, self.limit, self.vocabulary = tokenizer, limit, vocabulary
        self.template = template or ChatTemplate(tokenizer, template_options)
        plain, whole = self._ids("a"), self._ids("a", special=True)
        at = next((i for i in range(len(whole)) if whole[i : i + len(plain)] == plain), 0)
        self._opening = whole[:at]
        # SentencePiece and some BPE tokenizers put a space before any text; within a turn that space must not appear.
        self._adds_space = _begins_with_space(tokenizer, plain)
        self._contexts: dict[tuple[Any, str], tuple[tuple[int, ...], bool]] = {}

    def tokens(self, request: LogprobRequest) -> RequestTokens | TokenScores:
        """The request's tokens, or a typed failure: nothing to score or before it, an id out of the vocabulary, too long.

        An empty target is nothing to score unless it is closed: then the end of the turn is.

        Raises:
            UserError: messages without a chat template, or that the template refuses, or a role whose turn cannot be located.
        """
        if len(request.target) == 0 and not request.closed:
            return TokenScores.failed(Outcome.MISSING_DATA, "the target is empty")
        prompt, inside = self._prompt(request)
        prefix, _ = self._segment(request.prefix, inside)
        context = (*prompt, *prefix)
        target, offsets = self._segment(request.target, inside or len(prefix) > 0)
        if not target and len(request.target) > 0:
            return TokenScores.failed(Outcome.MISSING_DATA, f"the target {request.target!r:.60} has no tokens")
        closing = self._closing(request) if request.closed else ()
        fault = self._fault(request, context, target, closing)
        if fault is not None:
            return fault
        is_target = np.arange(len(target) + len(closing)) < len(target)
        if offsets is not None:
            offsets = np.concatenate([offsets, np.full((len(closing), 2), len(request.target), dtype=np.int64)])
        masks = {"target": is_target, "closing": ~is_target}
        return RequestTokens(context, (*target, *closing), len(prompt), offsets, masks)

    def _prompt(self, request: LogprobRequest) -> tuple[tuple[int, ...], bool]:
        """The ids before the prefix, and whether what follows continues a text, so that no space is put before it."""
        role = "" if isinstance(request.prompt, str) else request.role
        key = (request.prompt, role)
        found = self._contexts.get(key)
        if found is None:
            found = self._read_prompt(request)
            if len(self._contexts) >= _REMEMBERED:
                self._contexts.clear()
            self._contexts[key] = found
        return found

    def _read_prompt(self, request: LogprobRequest) -> tuple[tuple[int, ...], bool]:
        if isinstance(request.prompt, str):
            ids = self._ids(request.prompt)
            if ids[: len(self._opening)] != self._opening:
                ids = self._opening + ids
            start = getattr(self.tokenizer, "bos_token_id", None)
            return ids or (() if start is None else (start,)), bool(request.prompt)
        turn = self.template.turn(messages(request.prompt), request.role)
        header = self._ids(turn.header)
        inside = self._adds_space and self._ids(turn.header + turn.gap + "a") != header + self._ids("a")
        begun, _ = self._segment(turn.begun, inside)
        return header + begun, inside or bool(turn.begun)

    def _closing(self, request: LogprobRequest) -> tuple[int, ...]:
        """The tokens that end the turn: what the template writes after it, up to its first special token; else end-of-text."""
        end = getattr(self.tokenizer, "eos_token_id", None)
        if not isinstance(request.prompt, str):
            text = self.template.closing(messages(request.prompt), request.role)
            ids, _ = self._segment(text, True) if text.strip() else ((), None)
            special = {*self.tokenizer.all_special_ids, *getattr(self.tokenizer, "added_tokens_decoder", {})}
            last = next((i for i, token in enumerate(ids) if token in special), len(ids) - 1)
            if ids:
                return ids[: last + 1]
        if end is None:
            raise UserError("closed=True: the tokenizer has no end-of-text token, and no chat template ends the turn")
        return (int(end),)

    def _fault(
        self, request: LogprobRequest, context: Sequence[int], target: Sequence[int], closing: Sequence[int]
    ) -> TokenScores | None:
        length = len(context) + len(target) + len(closing)
        if not context:
            return TokenScores.failed(Outcome.MISSING_DATA, "no token stands before the target: the prompt is empty")
        if self.limit is not None and length > self.limit:
            said = f"prompt and target have {length} tokens, the model takes {self.limit}"
            return TokenScores.failed(Outcome.TRUNCATED, said)
        known = self.vocabulary
        strange = [i for i in (*context, *target, *closing) if i < 0 or (known is not None and i >= known)]
        if strange:
            return TokenScores.failed(
                Outcome.MISSING_DATA, f"token id {strange[0]} is not in the vocabulary of {known}"
            )
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        if isinstance(request.target, str) and unknown in target and self.tokenizer.unk_token not in request.target:
            return TokenScores.failed(
                Outcome.MISSING_DATA, f"the vocabulary lacks a part of the target {request.target!r:.60}"
            )
        return None

    def _segment(self, text: str | Sequence[int], inside: bool) -> tuple[tuple[int, ...], Integers | None]:
        """Ids and offsets of a text by itself (ids stay as they are); ``inside``: it goes on where a text stands already."""
        if not isinstance(text, str):
            return tuple(int(i) for i in text), None
        if not text:
            return (), np.zeros((0, 2), dtype=np.int64)
        if inside and self._adds_space:
            for anchor in (*self._anchors(), "\n"):
                before, (ids, offsets) = self._ids(anchor), self._encoded(anchor + text)
                if ids[: len(before)] == before and not _begins_with_space(
                    self.tokenizer, ids[len(before) :], unless=text
                ):
                    rest = None if offsets is None else np.maximum(offsets[len(before) :] - len(anchor), 0)
                    return ids[len(before) :], rest
        return self._encoded(text)

    def _anchors(self) -> tuple[str, ...]:
        named = (getattr(self.tokenizer, name, None) for name in ("eos_token", "bos_token"))
        return tuple(dict.fromkeys(str(token) for token in named if token))

    def _ids(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        return self._encoded(text, special=special)[0]

    def _encoded(self, text: str, *, special: bool = False) -> tuple[tuple[int, ...], Integers | None]:
        fast = bool(getattr(self.tokenizer, "is_fast", False))
        whole = _SURROGATES.sub("�", text)
        found = self.tokenizer(
            whole,
            add_special_tokens=special,
            padding=False,
            truncation=False,
            return_attention_mask=False,
            verbose=False,
            **({"return_offsets_mapping": True} if fast else {}),
        )
        offsets = np.asarray(found["offset_mapping"], dtype=np.int64).reshape(-1, 2) if fast else None
        return tuple(int(i) for i in found["input_ids"]), offsets


def messages(prompt: Any) -> list[dict[str, Any]]:
    """Chat messages as plain lists and dicts.

    Raises:
        UserError: ``prompt`` is neither text nor messages.

    >>> messages(({"role": "user", "content": "hi"},))
    [{'role': 'user', 'content': 'hi'}]
    """
    if not isinstance(prompt, Sequence) or not all(isinstance(m, Mapping) and "role" in m for m in prompt):
        raise UserError(f"prompt={prompt!r:.80} is neither text nor a list of messages with role and content")
    return [plain(message) for message in prompt]


def _begins_with_space(tokenizer: Any, ids: Sequence[int], unless: str = "") -> bool:
    """Whether the first token carries a space that is not the text's own."""
    if not ids or unless[:1].isspace():
        return False
    token = tokenizer.convert_ids_to_tokens([ids[0]])[0]
    return isinstance(token, str) and token[:1] in ("▁", "Ġ")
