"""Rollouts of search agents as trainers decode them: prompt and response in one text, all of it taken at its word.

Who wrote what cannot be told from such a text. It is read here as released reward code reads it; what should be trusted is in
:mod:`guerdon.text.search_trace`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from guerdon.text.search_trace import split_documents, split_queries
from guerdon.text.tag_grammar import SEARCH_GRAMMAR, Grammar, follows_grammar
from guerdon.text.tags import tag_blocks
from guerdon.text.trajectory import POLICY, content_text, messages_of

#: What the chat template of Qwen puts before a response.
MARKER = "<|im_start|>assistant"
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def decoded_text(completion: str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None, prompt: str = "") -> str:
    """A rollout as one text: prompt, marker, response. A marker that is there already is not written again.

    Messages of tools stand in ``<information>`` blocks. Without a prompt it is the response as it is.

    >>> decoded_text([{"role": "assistant", "content": "<search>q</search>"}, {"role": "tool", "content": "d"}])
    '<search>q</search>\\n<information>d</information>'
    >>> decoded_text("hi", "Hello.")
    'Hello.\\n<|im_start|>assistant\\nhi'
    """
    response = completion if isinstance(completion, str) else "\n".join(map(_tagged, messages_of(completion)))
    if not prompt or MARKER in response:
        return prompt + response
    return prompt + response if MARKER in prompt else f"{prompt}\n{MARKER}\n{response}"


def _tagged(message: Mapping[str, Any]) -> str:
    said = content_text(message.get("content"))
    if message.get("role", POLICY) == POLICY or "<information>" in said:
        return said
    return f"<information>{said}</information>"


def after_marker(text: str) -> str | None:
    """What follows the first assistant marker; None without one.

    >>> after_marker("<|im_start|>user\\nhi<|im_start|>assistant\\nyes"), after_marker("yes")
    ('\\nyes', None)
    """
    _, found, response = text.partition(MARKER)
    return response if found else None


def decoded_answer(text: str, *, examples: int | None = None) -> str | None:
    """The content of the last ``<answer>`` block of the response, stripped; None where there is none.

    The response is what follows the marker (all of the text without one). With ``examples`` the whole text is read instead, and
    that many blocks are taken for the prompt's: with no more than these there is no answer.

    >>> text = "e.g. <answer>Rome</answer><|im_start|>assistant<answer> Paris </answer>"
    >>> decoded_answer(text), decoded_answer(text, examples=1), decoded_answer("e.g. <answer>Rome</answer>", examples=1)
    ('Paris', 'Paris', None)
    """
    response = after_marker(text) if examples is None else None
    blocks = tag_blocks(text if response is None else response, "answer")
    return blocks[-1].content.strip() if len(blocks) > (examples or 0) else None


def decoded_queries(text: str) -> list[list[str]]:
    """The sub-queries of every search block that is not blank, wherever in the text it stands.

    >>> decoded_queries("e.g. <search> query </search> <search>a ## b</search><search> </search>")
    [['query'], ['a', 'b']]
    """
    return [split_queries(block.content) for block in tag_blocks(text, "search") if block.content.strip()]


def queries_before_answer(text: str) -> list[str]:
    """The content of every search block, in any case, up to the end of the last ``<answer>`` block (of the text without one).

    >>> queries_before_answer("<Search> a </SEARCH><answer>b</answer><search>c</search>")
    ['a']
    """
    answers = tag_blocks(text, "answer")
    said = text[: answers[-1].end] if answers else text
    blocks = tag_blocks(said.translate(_LOWER), "search")
    return [said[block.content_start : block.content_end].strip() for block in blocks]


def decoded_documents(text: str) -> list[list[list[str]]]:
    """Step by step, the documents per sub-query of every information block that is not blank.

    >>> decoded_documents(
    ...     "<information>Doc 1(Title: A) a Doc 2(Title: B) b ## c</information><information> </information>"
    ... )
    [[['Doc 1(Title: A) a', 'Doc 2(Title: B) b'], ['c']]]
    """
    blocks = [block.content for block in tag_blocks(text, "information") if block.content.strip()]
    return [[split_documents(share) for share in split_queries(block)] for block in blocks]


def decoded_question(text: str) -> str:
    """What follows the first ``Question:`` up to the end of its line; "" where there is none.

    >>> decoded_question("Answer it. Question: Who?\\nQuestion: Why?"), decoded_question("Who?")
    ('Who?', '')
    """
    return text.partition("Question:")[2].lstrip().partition("\n")[0].strip()


def is_decoded_form(text: str, grammar: Grammar = SEARCH_GRAMMAR) -> bool:
    """Whether the response, what follows the marker, is a chain of blocks that ``grammar`` permits; False without a marker.

    >>> (
    ...     is_decoded_form("<|im_start|>assistant\\n<think>a</think><answer>b</answer>\\n"),
    ...     is_decoded_form("<answer>b</answer>"),
    ... )
    (True, False)
    """
    response = after_marker(text)
    return response is not None and follows_grammar(response, grammar)
