"""Co-Reward: the pseudo-label of a question is the vote of its paraphrase's rollouts, and the other way round."""

from __future__ import annotations

from guerdon.errors import UserError
from guerdon.paper import PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import CrossVote, MajorityVote
from guerdon.shaping.schedules import cosine

PAPER = Paper(
    slug="co-reward",
    title="Co-Reward: Self-Supervised Reinforcement Learning for Large Language Model Reasoning via Contrastive Agreement",
    year=2025,
    arxiv="2508.00410",
    kind="reward",
    parts={
        "cross vote": RELEASED,
        "boxed answer": RELEASED,
        "rewrite parser": RELEASED,
        "vote of an EMA teacher and its rate (Co-rewarding-II)": RELEASED,
        "majority vote (baseline)": PUBLISHED,
    },
    columns=("pair_id",),
    range=(0.0, 1.0),
    variants=("default", "official", "teacher", "majority"),
)

START, END, REWRITE, ORIGINAL = "### RESULT_START", "### RESULT_END", "REWRITE:", "ORIGINAL:"


def build(
    variant: str = "default",
    *,
    pair: str = "pair_id",
    view: str | None = None,
    voters: str = "teacher_rollouts",
    equivalence: str = "string",
) -> Reward:
    """1 for the answer that most rollouts of the paraphrase give, else 0; the batch must hold both questions' full groups.

    ``"official"`` reads boxes exactly as the released code does (nothing stripped). ``"teacher"`` is the successor's label: the
    vote of an EMA teacher's rollouts, column ``voters``. ``"majority"`` is the baseline that collapses: the own siblings' vote.

    Args:
        pair, view: columns of the pair's key and, where groups do not tell them apart, of the side.
        voters: column of the teacher's rollouts.
        equivalence: ``"string"``, ``"normalized"`` or ``"number"``.
    """
    answer = "official" if variant == "official" else "boxed"
    if variant == "teacher":
        return MajorityVote(voters=voters, answer=answer, equivalence=equivalence)
    if variant == "majority":
        return MajorityVote(answer=answer, equivalence=equivalence)
    return CrossVote(pair=pair, view=view, answer=answer, equivalence=equivalence)


def parse_rewrite(text: str) -> tuple[str, str]:
    """(original, rewrite) from a rewriter's reply between its two markers, trimmed; an empty rewrite passes.

    Raises:
        UserError: markers missing or reversed, or no rewrite between them. Drop the row from both sets, so that they stay aligned.

    >>> parse_rewrite("### RESULT_START ORIGINAL: a REWRITE: b ### RESULT_END")
    ('a', 'b')
    """
    start, end = text.find(START), text.find(END)
    if start < 0 or end < start:
        raise UserError(f"the reply {text!r:.80} has no {START} ... {END}")
    original, found, rewrite = text[start + len(START) : end].partition(REWRITE)
    if not found:
        raise UserError(f"the reply {text!r:.80} has no {REWRITE}")
    return original.replace(ORIGINAL, "", 1).strip(), rewrite.strip()


def teacher_rate(step: int, *, total_steps: int, start: float = 0.01, end: float = 1e-5) -> float:
    """alpha of teacher <- alpha policy + (1 - alpha) teacher: half a cosine from start to end over the run, from step 1.

    >>> teacher_rate(1, total_steps=100)
    0.01
    """
    return cosine(max(step - 1, 0), start=start, end=end, steps=total_steps)
