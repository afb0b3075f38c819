"""A completion that is one thought and then a text, and nothing else."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


def thought_and_text(completion: str) -> tuple[str, str] | None:
    """The thought and the text behind it, stripped; None unless the completion is ``<think>thought</think>text``.

    Only blanks may stand before the thought; neither part may be blank, and the text holds no think tag. An opening tag inside
    the thought is part of it.

    Source: ExTrans 2025 (arXiv 2505.12996), format reward.

    >>> thought_and_text("<think>\\nSo.\\n</think>\\nGood night.")
    ('So.', 'Good night.')
    >>> thought_and_text("<think>a</think>b<think>c</think>d") is None
    True
    """
    said = completion.strip()
    if not said.startswith(_OPEN):
        return None
    thought, closed, text = said[len(_OPEN) :].partition(_CLOSE)
    thought, text = thought.strip(), text.strip()
    if not closed or not thought or not text or _OPEN in text or _CLOSE in text:
        return None
    return thought, text
