"""SMEPO: ``restore_structural`` false is the released code; everything else is the default."""

from __future__ import annotations

from typing import Any

from guerdon import find_paper
from guerdon.text.guidance import leaks
from guerdon.text.masking import mask_code, mask_entities, mask_numbers

PAPER = find_paper("smepo")


def _inject(
    prompt: str,
    trace: str,
    prefix_ratio: float,
    max_prompt_tokens: int,
    intro: str,
    tail: str,
    tokenizer: Any = None,
) -> str:
    return (
        PAPER.build("official", ratio=prefix_ratio, max_prompt_tokens=max_prompt_tokens, intro=intro, tail=tail)
        .inject(prompt, trace)
        .prompt
    )


PARTS = {
    "mask_math": lambda trace, restore_structural=True: mask_numbers(trace, restore_structural=restore_structural),
    "mask_code": lambda trace: mask_code(trace),
    "mask_search": lambda trace, gold=(): mask_entities(trace, gold),
    "inject_prefix": _inject,
    "leak_report": lambda masked, gold: bool(leaks(masked, gold)),
}
