"""Dialogues that a chat template has made one text: whose turn is what."""

from __future__ import annotations

from collections.abc import Sequence

#: How the template of Alpaca opens the turns of the user and of the model.
USER, ASSISTANT = "### Instruction:", "### Response:"
#: Where a response ends that goes on with another turn, or with what is no part of it.
STOPS = (USER, ASSISTANT, "\n\n\n\n", "\n\n--", "\n\n____")
_INPUT = "### Input:\n"
_ENDS = ("</s>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|im_end|>", "<eos>")
_TURN_ENDS = ("<end_of_turn>", "<turn|>", "<|return|>", "<|end|>", "<｜end▁of▁sentence｜>")
_TAIL = 64
_OPEN, _CLOSE = "<|im_start|>user", "<|im_end|>"


def user_turns(text: str, *, user: str = USER, assistant: str = ASSISTANT) -> str:
    """What the user said in a templated dialogue, all turns joined by spaces; a text without the user's header is all his.

    The template's own words before the first header, the model's turns and end-of-sequence marks are left out, whitespace is
    collapsed.

    Source: Kim & Seo 2024 (arXiv 2402.03469), the raw query of its reward.

    >>> user_turns(
    ...     "Below is a task.\\n\\n### Instruction: Hi\\n\\n### Response: Yes?</s>### Instruction: Tea?\\n\\n### Response:"
    ... )
    'Hi Tea?'
    """
    _, *turns = text.split(user)
    said = " ".join(turn.partition(assistant)[0] for turn in turns) if turns else text.partition(assistant)[0]
    said = said.replace(_INPUT, " ")
    for end in _ENDS:
        said = said.replace(end, "")
    return " ".join(said.split())


def response_after(prompt: str, query: str) -> str:
    """The response in a prompt and response that were decoded as one text, without the end marks that close it.

    Where the query does not begin with the prompt, because a trainer cut the beginning of a long one off, the response begins
    after the prompt's last ``64`` characters.

    >>> response_after("2+2? ", "2+2? 4<|im_end|>"), response_after("x" * 90 + "?", "x" * 80 + "? 4</s>")
    ('4', ' 4')
    """
    if query.startswith(prompt):
        said = query[len(prompt) :]
    else:
        _, found, after = query.partition(prompt[-_TAIL:])
        said = after if found else query
    while end := next((end for end in (*_ENDS, *_TURN_ENDS) if said.rstrip().endswith(end)), ""):
        said = said.rstrip().removesuffix(end)
    return said


def cut_at(text: str, stops: Sequence[str] = STOPS) -> str:
    """``text`` up to the first of the stop strings, without whitespace around it.

    >>> cut_at("Answer.\\n\\n-- signature"), cut_at("Answer.\\n\\n\\n\\nMore")
    ('Answer.', 'Answer.')
    """
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places, default=len(text))].strip()


def without_user_turns(text: str) -> str:
    """``text`` without the user's turns of ChatML that begin and end within one line, as released code takes them out.

    Source: VRAG-RL 2025 (arXiv 2505.22019), released code.

    >>> without_user_turns("<|im_start|>user a<|im_end|>b"), without_user_turns("<|im_start|>user\\na<|im_end|>b")
    ('b', '<|im_start|>user\\na<|im_end|>b')
    """
    return "\n".join(map(_line_without_user_turns, text.split("\n")))


def _line_without_user_turns(line: str) -> str:
    kept: list[str] = []
    position = 0
    while (start := line.find(_OPEN, position)) >= 0 and (end := line.find(_CLOSE, start)) >= 0:
        kept.append(line[position:start])
        position = end + len(_CLOSE)
    return "".join(kept) + line[position:]
