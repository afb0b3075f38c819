"""The chat models guerdon brings, and how a string names one."""

from __future__ import annotations

from typing import Any

from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ScriptedChat
from guerdon.models.chats.openai_chat import OpenAIChat
from guerdon.models.chats.transformers_chat import TransformersChat

__all__ = ["OpenAIChat", "ScriptedChat", "TransformersChat", "as_chat"]


def as_chat(chat: str | ChatModel, **options: Any) -> ChatModel:
    """The description a string stands for; a description is returned as it is.

    ``"http://host:8000/v1#model"`` is a model of a server, ``"organisation/model"`` or a folder one on this machine. ``options``
    are fields of the description.

    Raises:
        UserError: a name that is none of these, or an option the description does not have.

    >>> as_chat("http://127.0.0.1:8000/v1#judge", requests_per_minute=600).model
    'judge'
    """
    if isinstance(chat, ChatModel):
        if options:
            raise UserError(
                f"options {sorted(options)} go with a name; {chat} is described already: use dataclasses.replace"
            )
        return chat
    if not isinstance(chat, str):
        raise UserError(f"chat={chat!r:.80} is {type(chat).__name__}; give a ChatModel or its name")
    if chat.startswith(("http://", "https://")):
        url, _, model = chat.partition("#")
        if not model:
            raise UserError(f"chat={chat!r} names no model; write {chat}#MODEL, as the server calls it")
        return _made(OpenAIChat, {"model": model, "url": url, **options})
    if "/" in chat or "\\" in chat:
        return _made(TransformersChat, {"model": chat, **options})
    raise UserError(
        f"chat={chat!r} is unknown; give http://host:port/v1#model for a server, or organisation/model or ./folder"
    )


def _made(kind: type[ChatModel], options: dict[str, Any]) -> ChatModel:
    try:
        return kind(**options)
    except TypeError as error:
        raise UserError(f"{kind.__name__} cannot be made from {options!r:.200}: {error}") from error
