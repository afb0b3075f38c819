"""Guided prompts: the beginning of a masked trace behind the task, within a token budget; and what it gives away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from guerdon.text.masking import phrase_spans, structural_labels
from guerdon.text.numbers import extract_numbers, parse_number

INTRO = "Here is an example solution:\n"
Encode = Callable[[str], Sequence[Any]]
Decode = Callable[[Sequence[Any]], str]


@dataclass(frozen=True, slots=True)
class Guided:
    """A prompt and what of the trace it shows; ``missing``: there was no trace, ``injected``: some of it is shown."""

    prompt: str
    prefix: str = ""
    missing: bool = False

    @property
    def injected(self) -> bool:
        """Whether the prompt shows some of the trace."""
        return bool(self.prefix)


def trace_prefix(trace: str, *, ratio: float, room: int, encode: Encode = list, decode: Decode = "".join) -> str:
    """The first min(floor(n ratio), room) of the trace's n tokens, cut behind their last line break if they have one.

    The rest is encoded anew, since tokens shift at the cut, and cut to ``room`` again.

    >>> trace_prefix("ab\\ncd\\nef", ratio=1.0, room=5)
    'ab\\n'
    """
    tokens = encode(trace)
    text = decode(tokens[: max(0, min(floor(len(tokens) * ratio), room))])
    if "\n" in text:
        text = text[: text.rindex("\n") + 1]
    again = encode(text)
    return text if len(again) <= room else decode(again[:room])


def inject_prefix(
    prompt: str,
    trace: str,
    *,
    ratio: float = 1.0,
    max_prompt_tokens: int = 4096,
    intro: str = INTRO,
    tail: str = "",
    encode: Encode = list,
    decode: Decode = "".join,
) -> Guided:
    """prompt + intro + prefix of the trace + tail; the prompt alone where there is no trace, no room, or nothing of it left.

    A prompt longer than ``max_prompt_tokens`` loses its end. Without ``encode`` and ``decode`` a token is a character.

    Args:
        prompt: the task, up to where the user's turn goes on.
        trace: the masked trace.
        ratio: share of the trace's tokens that may be shown, in [0, 1].
        max_prompt_tokens: what all of it may take.
        intro: what leads to the trace.
        tail: what closes the user's turn and opens the assistant's, from the model's chat template.
        encode, decode: the tokenizer, without special tokens.

    Raises:
        ValueError: a ratio outside [0, 1], or a negative budget.

    Source: SMEPO (arXiv 2605.25198), released code.

    >>> inject_prefix("Q?\\n", "first\\nsecond\\nthird", tail="A:").prompt
    'Q?\\nHere is an example solution:\\nfirst\\nsecond\\nA:'
    """
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"ratio={ratio} must lie in [0, 1]")
    if max_prompt_tokens < 0:
        raise ValueError(f"max_prompt_tokens={max_prompt_tokens} must be at least 0")
    asked = encode(prompt)
    if len(asked) > max_prompt_tokens:
        return Guided(decode(asked[:max_prompt_tokens]), missing=not trace)
    room = max_prompt_tokens - len(asked) - len(encode(intro)) - len(encode(tail))
    prefix = trace_prefix(trace, ratio=ratio, room=room, encode=encode, decode=decode) if trace and room > 0 else ""
    return Guided(prompt + intro + prefix + tail if prefix else prompt, prefix, missing=not trace)


def leaks(masked: str, gold: str) -> list[tuple[int, int]]:
    """Where a masked trace still shows the gold answer: as a phrase, or a number as a number of the same value.

    Numbers of structural labels ("Step 4") are no leak. An answer of one letter is looked for in its own case.

    >>> leaks("Step 4: [NUMBER], so x is 0.50", "1/2")
    [(26, 30)]
    >>> leaks("so it is (B)", "B"), leaks("Step 4: [NUMBER]", "4")
    ([(10, 11)], [])
    """
    labels = structural_labels(masked)
    said = gold.strip()
    spans = [span for span in phrase_spans(masked, said) if len(said) > 1 or masked[span[0] : span[1]] == said]
    value = parse_number(said, percent="fraction")
    if value is not None:
        spans += [
            (n.start, n.end) for n in extract_numbers(masked) if abs(n.value / (100 if n.percent else 1) - value) < 1e-9
        ]
    return sorted({span for span in spans if not any(start <= span[0] and span[1] <= end for start, end in labels)})
