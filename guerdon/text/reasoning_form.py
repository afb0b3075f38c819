"""Whether a completion is a thought followed by an answer, by the rules of released rewards."""

from __future__ import annotations

from typing import Literal, get_args

from guerdon.text.tags import extract_tag, tags_in_order

Form = Literal["begun", "answered", "bare"]
FORMS: tuple[str, ...] = get_args(Form)


def has_form(text: str, form: Form = "begun") -> bool:
    """Whether the text has a form.

    * ``"begun"``: it begins with ``<think>``; that, ``</think>``, ``<answer>`` and ``</answer>`` stand once each, in this
      order; other text may stand between and after the blocks.
    * ``"answered"``: ``<answer>`` and ``</answer>`` stand once each, in this order, in any text.
    * ``"bare"``: white space aside, the text is its first thought and its first answer block and nothing else.

    Raises:
        ValueError: an unknown ``form``.

    Source: RLPR (arXiv 2506.18254), formats R1 and R1_nothink, and NOVER (arXiv 2505.16022), released code.

    >>> [has_form("<think>a</think> so <answer>b</answer>", form) for form in FORMS]
    [True, True, False]
    """
    if form == "begun":
        return text.startswith("<think>") and tags_in_order(text, ["think", "answer"], strict=False)
    if form == "answered":
        return tags_in_order(text, ["answer"], strict=False)
    if form == "bare":
        thought, answer = (extract_tag(text, tag, which="first") or "" for tag in ("think", "answer"))
        return "".join(text.split()) == "".join(f"<think>{thought}</think><answer>{answer}</answer>".split())
    raise ValueError(f"form={form!r} is unknown; choices: {', '.join(FORMS)}")
