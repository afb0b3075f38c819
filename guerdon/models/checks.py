"""What the descriptions of models check of their fields."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from guerdon.errors import UserError


def check_url(url: str) -> None:
    """Raise where ``url`` is not the address of a server, or carries a secret.

    Raises:
        UserError: what is wrong with it.

    >>> check_url("localhost:8000")
    Traceback (most recent call last):
    guerdon.errors.UserError: url='localhost:8000' must start with http:// or https:// and name a host
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UserError(f"url={url!r} must start with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise UserError(
            "url must not carry a password; put the key in an environment variable and name it in api_key_variable"
        )


def check_least(description: Any, **least: float) -> None:
    """Raise where a field is a number below its least; None is no number.

    Raises:
        UserError: naming the field.
    """
    for name, lowest in least.items():
        value = getattr(description, name)
        if value is not None and value < lowest:
            raise UserError(f"{name}={value} must be {lowest} or more")
