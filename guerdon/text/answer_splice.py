"""Where a reference answer is put after a completion's reasoning, so that a model can be asked how likely it is there."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from guerdon.text.reasoning_form import has_form
from guerdon.text.tags import extract_tag, tags_in_order

Splicing = Literal["tag", "boxed", "answer", "block"]
SPLICINGS: tuple[str, ...] = get_args(Splicing)


class Splice(NamedTuple):
    """What stands before the reference and what is scored.

    Attributes:
        prefix: what the policy wrote, up to the place of the answer.
        target: the reference as it is scored there.
        lead: how many first characters of the target only belong to its first token and do not count by themselves.
        place: whether the completion had such a place; where not, it was made.
    """

    prefix: str
    target: str
    lead: int
    place: bool


def splice_reference(text: str, reference: str, how: Splicing = "tag") -> Splice:
    r"""The reference in place of the completion's own answer.

    * ``"tag"``: after the first ``<answer>``, which is appended where the completion has none.
    * ``"boxed"``: from the first ``<answer`` on, ``> \boxed{ reference } </answer>``, all of it scored (VeriFree).
    * ``"answer"``: after ``<answer>`` and the white space the completion has there, by default a space. A completion that has not
      one ``<think>``, ``</think>`` and ``<answer>``, in this order, and an answer, is cut where its thought ends and goes on with
      ``</think> <answer>`` (RLPR; that it is cut there is ours).
    * ``"block"``: the thought of a completion that is nothing but a thought and an answer, on lines of its own, then the answer
      block on lines of its own, all of it scored (NOVER).

    Raises:
        ValueError: an unknown ``how``.

    Source: Kwiatkowski et al. 2026 (arXiv 2602.03979); VeriFree (arXiv 2505.21493), RLPR (arXiv 2506.18254) and NOVER (arXiv
    2505.16022), released code.

    >>> splice_reference("2+2<answer>5</answer>", "4")
    Splice(prefix='2+2<answer>', target='4', lead=0, place=True)
    >>> splice_reference("2+2", "4", "boxed")
    Splice(prefix='2+2<answer', target='> \\boxed{ 4 } </answer>', lead=0, place=False)
    """
    if how == "tag":
        before, found, _ = text.partition("<answer>")
        return Splice(before + "<answer>", reference, 0, bool(found))
    if how == "boxed":
        before, found, _ = text.partition("<answer")
        return Splice(before + "<answer", f"> \\boxed{{ {reference} }} </answer>", 0, bool(found))
    if how == "block":
        thought = extract_tag(text, "think", which="first") or ""
        opened = f"<think>\n{thought}\n</think>\n" if thought else ""
        return Splice(opened, f"\n<answer>\n{reference}\n</answer>", 0, has_form(text, "bare"))
    if how == "answer":
        return _after_thought(text, reference)
    raise ValueError(f"how={how!r} is unknown; choices: {', '.join(SPLICINGS)}")


def _after_thought(text: str, reference: str) -> Splice:
    before, _, after = text.partition("<answer>")
    answer = after.partition("</answer>")[0]
    place = tags_in_order(before, ["think"], strict=False) and "<answer>" not in after and bool(answer.strip())
    if not place:
        if text:
            before = before.partition("</think>")[0] + "</think> "
        return Splice(before + "<answer>", " " + reference, 1, not text)
    space = answer[: len(answer) - len(answer.lstrip())] or " "
    # A last space is part of the reference's first token in most vocabularies, and would not be one before it.
    lead = int(space.endswith(" "))
    return Splice(f"{before}<answer>{space[: len(space) - lead]}", " " * lead + reference, lead, True)
