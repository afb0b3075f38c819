"""The reward server: rewards over HTTP, in the dialects that trainers speak."""

from __future__ import annotations

from guerdon.server.app import create_app
from guerdon.server.settings import ServerSettings

__all__ = ["ServerSettings", "create_app"]
