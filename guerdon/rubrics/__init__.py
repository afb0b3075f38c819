"""Making rubrics: generated from examples by a chat model, checked by an independent one, pruned by what they are worth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guerdon.rubrics.contrastive import Contrastive, PromptOnly
    from guerdon.rubrics.examples import Example, example_of
    from guerdon.rubrics.externalised import Externalised
    from guerdon.rubrics.method import Made, Method
    from guerdon.rubrics.nugget_extraction import NuggetExtraction
    from guerdon.rubrics.run import Summary, generate, generated
    from guerdon.rubrics.synthesis import ContrastThenSynthesis
    from guerdon.rubrics.themes import Themes
    from guerdon.rubrics.verdicts import CriteriaReport, PairVerdicts, criteria_report, prune

_HOMES = {
    "ContrastThenSynthesis": "synthesis",
    "Contrastive": "contrastive",
    "CriteriaReport": "verdicts",
    "Example": "examples",
    "Externalised": "externalised",
    "Made": "method",
    "Method": "method",
    "NuggetExtraction": "nugget_extraction",
    "PairVerdicts": "verdicts",
    "PromptOnly": "contrastive",
    "Summary": "run",
    "Themes": "themes",
    "criteria_report": "verdicts",
    "example_of": "examples",
    "generate": "run",
    "generated": "run",
    "prune": "verdicts",
}

__all__ = [
    "ContrastThenSynthesis",
    "Contrastive",
    "CriteriaReport",
    "Example",
    "Externalised",
    "Made",
    "Method",
    "NuggetExtraction",
    "PairVerdicts",
    "PromptOnly",
    "Summary",
    "Themes",
    "criteria_report",
    "example_of",
    "generate",
    "generated",
    "prune",
]


def register_all() -> None:
    """Import every module that holds a method, so that all are registered."""
    for home in sorted(set(_HOMES.values())):
        importlib.import_module(f"{__name__}.{home}")


def __getattr__(name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
