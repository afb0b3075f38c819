"""Tools that judges may use: one module per kind. Each answers a model's arguments, whatever they are, with a text."""

from __future__ import annotations

import importlib

HOMES = (
    "calculator",
    "calendar",
    "code_interpreter",
    "corpus_search",
    "document_pages",
    "image_crop",
    "instruction_check",
    "lookup",
    "translator",
)


def register_all() -> None:
    """Import every module of this room, so that all its tools are registered."""
    for home in HOMES:
        importlib.import_module(f"{__name__}.{home}")
