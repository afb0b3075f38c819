"""The OpenAI form of chat requests and replies. Pure: no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from guerdon.frozen import FrozenDict, plain
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.chats.structured import unwrapped
from guerdon.models.http_statuses import LONGEST_PAUSE, RETRYABLE
from guerdon.models.images import UnreadableImage, data_url, image_of_part, is_image_part, read_image
from guerdon.scores import Outcome

#: What an image takes, in characters of text.
IMAGE_CHARACTERS = 4000
_FILTERED = ("content_filter", "content_policy", "responsible_ai", "safety")
_SPENT = ("insufficient_quota", "billing")


@dataclass(frozen=True)
class Fault:
    """Why a call gave no reply.

    Attributes:
        outcome, message: as the reply will tell.
        again: whether asking again may help.
        busy: whether the server said that these are too many requests.
        refused: whether the server refused what the body says (status 400 and 422).
        pause: seconds the server asks to wait.
    """

    outcome: Outcome
    message: str
    again: bool = True
    busy: bool = False
    refused: bool = False
    pause: float = 0.0


def request_body(request: ChatRequest, model: str, limit_name: str = "max_tokens") -> dict[str, Any]:
    """What is sent, but for the form of the reply.

    >>> request_body(ChatRequest(({"role": "user", "content": "hi"},), seed=7, sample=2), "judge")["seed"]
    9
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [sendable(message) for message in request.messages],
        "temperature": request.temperature,
    }
    if request.max_tokens is not None:
        body[limit_name] = request.max_tokens
    if request.seed is not None or (request.sample is not None and request.temperature > 0):
        body["seed"] = (request.seed or 0) + (request.sample or 0)
    if request.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    return body


def sendable(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it is sent: images that are no address become data URLs, half surrogate pairs question marks.

    Raises:
        UnreadableImage: an image cannot be read.
    """
    content = message.get("content")
    if not isinstance(content, tuple):
        return {str(name): _speakable(plain(value)) for name, value in message.items()}
    return {**_speakable(plain({**message, "content": None})), "content": [_sendable_part(part) for part in content]}


def _sendable_part(part: Any) -> Any:
    if not is_image_part(part) or part.get("type") == "image_url":
        return _speakable(plain(part))
    return {"type": "image_url", "image_url": {"url": data_url(read_image(image_of_part(part)))}}


def _speakable(value: Any) -> Any:
    """Plain data whose text can be sent."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _speakable(item) for name, item in value.items()}
    return [_speakable(item) for item in value] if isinstance(value, list) else value


def characters(request: ChatRequest) -> int:
    """Characters of text that a request holds; an image counts for ``IMAGE_CHARACTERS``."""
    count = 0
    for message in request.messages:
        content = message.get("content")
        parts = content if isinstance(content, tuple) else (content,)
        count += sum(IMAGE_CHARACTERS if is_image_part(part) else len(_text(part)) for part in parts)
    return count


def _text(part: Any) -> str:
    return str(part.get("text", "") if isinstance(part, Mapping) else part or "")


def read_completion(request: ChatRequest, answer: Any) -> ChatReply | Fault:
    """The reply in a chat completion, or what is wrong with it.

    A filtered or refused reply is ``REFUSED``, one that reached its limit of tokens ``TRUNCATED``; one token that was asked for, or
    a whole choice, is a reply.
    """
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        finish, content = choice.get("finish_reason"), message.get("content")
        text = content if isinstance(content, str) else _joined(content)
        logprobs = _logprobs(choice.get("logprobs"))
        usage = _usage(answer.get("usage") or {})
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return Fault(Outcome.INSTRUMENT_ERROR, f"malformed answer: {str(answer)[:200]!r} is no chat completion")
    if message.get("refusal"):
        return ChatReply(text, Outcome.REFUSED, str(message["refusal"]), usage=usage)
    if finish == "content_filter":
        return ChatReply(text, Outcome.REFUSED, "stopped by a content filter", usage=usage)
    said = unwrapped(request, text)
    if finish == "length" and request.max_tokens != 1 and said not in request.choices:
        return ChatReply(text, Outcome.TRUNCATED, "reached its limit of tokens", logprobs, usage)
    return ChatReply(said, logprobs=logprobs, usage=usage)


def _joined(content: Any) -> str:
    """Text of content parts; no content is no text."""
    return "".join(str(part.get("text", "")) for part in content or ())


def _logprobs(said: Any) -> tuple[Mapping[str, float], ...] | None:
    content = said.get("content") if isinstance(said, Mapping) else None
    if not content:
        return None
    places = []
    for place in content:
        alternatives = {str(other["token"]): float(other["logprob"]) for other in place.get("top_logprobs") or ()}
        places.append(FrozenDict({**alternatives, str(place["token"]): float(place["logprob"])}))
    return tuple(places)


def _usage(said: Mapping[str, Any]) -> FrozenDict:
    details = said.get("prompt_tokens_details") or {}
    counts = {
        "tokens_in": said.get("prompt_tokens"),
        "tokens_out": said.get("completion_tokens"),
        "tokens_in_cached": details.get("cached_tokens"),
    }
    return FrozenDict({name: float(count) for name, count in counts.items() if count is not None})


def read_refusal(status: int, said: Any, text: str, headers: Mapping[str, str]) -> Fault:
    """What a status other than success means.

    ``said`` is the decoded body, if there is one, ``text`` the body as it came.

    >>> fault = read_refusal(429, {"error": {"message": "slow down"}}, "", {"retry-after": "2"})
    >>> fault.message, fault.busy, fault.pause
    ('429: slow down', True, 2.0)
    """
    error = said.get("error", said) if isinstance(said, Mapping) else said
    told = (error.get("message") or error.get("detail")) if isinstance(error, Mapping) else error
    code = f"{error.get('code')} {error.get('type')}" if isinstance(error, Mapping) else ""
    message = f"{status}: {' '.join(str(told or text or 'no message').split())[:400]}"
    if status in (400, 403) and any(word in code for word in _FILTERED):
        return Fault(Outcome.REFUSED, message, again=False)
    if status not in RETRYABLE or any(word in code for word in _SPENT):
        return Fault(Outcome.INSTRUMENT_ERROR, message, again=False, refused=status in (400, 422))
    return Fault(Outcome.TRANSPORT_ERROR, message, busy=status == 429, pause=pause_asked(headers))


def pause_asked(headers: Mapping[str, str]) -> float:
    """Seconds that ``retry-after-ms`` or ``retry-after`` (seconds or a date) ask for, at most a minute; 0 where nothing is asked.

    >>> (
    ...     pause_asked({"retry-after-ms": "250"}),
    ...     pause_asked({"retry-after": "soon"}),
    ...     pause_asked({"retry-after": "1e9"}),
    ... )
    (0.25, 0.0, 60.0)
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        asked = headers.get(name)
        if asked:
            try:
                seconds = float(asked) * scale
            except ValueError:
                seconds = _until(asked, headers.get("date"))
            return min(LONGEST_PAUSE, max(0.0, seconds)) if seconds == seconds else 0.0
    return 0.0


def _until(date: str, now: str | None) -> float:
    """Seconds from the server's own time to a date."""
    try:
        return (
            parsedate_to_datetime(date) - (parsedate_to_datetime(now) if now else datetime.now(UTC))
        ).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def request_key(request: ChatRequest, *asked_of: Any) -> bytes | None:
    """A hash of everything that decides a reply: the request, and what it is ``asked_of``.

    None for a request that is not repeatable, or holds an image that cannot be read.
    """
    if not request.repeatable:
        return None
    try:
        messages = [sendable(message) for message in request.messages]
    except UnreadableImage:
        return None
    said = {
        "asked_of": asked_of,
        "messages": messages,
        "sampling": [request.temperature, request.max_tokens, request.seed, request.sample or 0, request.top_logprobs],
        "schema": plain(request.schema),
        "choices": list(request.choices),
    }
    return sha256(json.dumps(said, sort_keys=True, default=repr).encode()).digest()
