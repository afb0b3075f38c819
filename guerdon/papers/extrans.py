"""ExTrans: translations rewarded by how they compare with a much stronger model's, and a light reward for other languages."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Gate, Router, Sum
from guerdon.errors import UserError
from guerdon.models.protocols.level_comparison import LevelComparison
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.retried import Retried
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Given, Judged, TargetLanguage, ThoughtForm
from guerdon.text.thought_split import thought_and_text

PAPER = Paper(
    slug="extrans",
    title="ExTrans: Multilingual Deep Reasoning Translation via Exemplar-Enhanced Reinforcement Learning",
    year=2025,
    arxiv="2505.12996",
    kind="reward",
    parts={
        "comparison with an exemplar on five levels": PUBLISHED,
        "thought, quality estimate, format": PUBLISHED,
        "how they are added, and their weights": OURS,
        "light reward: form and language": PUBLISHED,
        "judge prompts, both orders averaged": OURS,
        "language told by script and common words": OURS,
    },
    columns=("comparison_level", "qe_score", "thought_level"),
    range=(0.0, 2.5),
    variants=("default", "light", "routed"),
)

_THOUGHT = """The answer shown is the thinking that went before a translation of the question. Rate the thinking only: 0 none, or \
of no use for the translation; 1 shallow, such as word for word notes; 2 it works out what the source means, its tone, and how \
to say it in the target language."""


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    comparison: Reward | None = None,
    thought: Reward | None = None,
    quality: Reward | None = None,
    language: Reward | None = None,
    alpha_thought: float = 0.5,
    beta_qe: float = 1.0,
    debias: Any = "swap",
    attempts: int = 3,
    exemplar: str = "exemplar",
    source: str | None = None,
    mode: str = "reward_mode",
    target_language: str = "target_language",
    detected_language: str | None = None,
) -> Reward:
    """0 without a thought and a translation, else (level - 1) / 4 + alpha_thought * thought / 2 + beta_qe * quality.

    As good as the exemplar is level 3, worth 0.5. ``"light"`` is 1 where form and language are right, and never asks a judge;
    ``"routed"`` takes the light reward where column ``mode`` says ``light``, the full one where it says ``full``. Light pay is
    safe only in a short training, since any fluent sentence in the language earns it: watch a quality estimate.

    A judgement that cannot be read is asked for again up to ``attempts`` times and then leaves the sample unscored; it is never
    the lowest level. Never show the exemplar to the policy.

    Args:
        chat: the judge of translation and thought; without one the columns ``comparison_level`` (1 to 5) and ``thought_level``
            (0 to 2) hold what it said.
        comparison, thought, quality, language: rewards in [0, 1] to use instead; by default the column ``qe_score`` holds the
            estimate of a reference-free model, and the language is told by :class:`~guerdon.rewards.TargetLanguage`.
        alpha_thought, beta_qe: weights; 0 leaves the term out.
        debias: in which orders translation and exemplar are shown.
        exemplar, source, mode, target_language, detected_language: columns; the source is the prompt unless named.

    Raises:
        UserError: a negative weight.
    """
    if alpha_thought < 0 or beta_qe < 0:
        raise UserError(f"alpha_thought={alpha_thought} and beta_qe={beta_qe} must not be negative")
    spoken = language or TargetLanguage(target=target_language, detected=detected_language, name="language")
    light = Gate(ThoughtForm(name="form"), spoken, name="light")
    if variant == "light":
        return light
    compared, deep = comparison, thought
    if compared is None and chat is None:
        compared = Given("comparison_level", low=1.0, high=5.0, name="comparison").then(
            "affine", scale=0.25, shift=-0.25
        )
    elif compared is None:
        comparing = ReferenceComparison(LevelComparison(question=source), exemplar=exemplar, debias=debias)
        compared = Judged(chat, Retried(comparing, attempts), name="comparison")
    if deep is None and chat is None:
        deep = Given("thought_level", low=0.0, high=2.0, name="thought").then("affine", scale=0.5)
    elif deep is None:
        rating = Rating(low=0, high=2, of="thinking", question=source, instructions=_THOUGHT)
        deep = Judged(chat, Retried(rating, attempts), name="thought").then("affine", scale=0.5)
    terms = [
        (compared, 1.0),
        (deep, alpha_thought),
        (quality or Given("qe_score", low=0.0, high=1.0, name="quality"), beta_qe),
    ]
    kept = [(term, weight) for term, weight in terms if weight]
    total = Sum(*(term for term, _ in kept), weights=tuple(weight for _, weight in kept))
    full = Gate(ThoughtForm(name="form"), total, name="full")
    return full if variant == "default" else Router(mode, {"full": full, "light": light})


def format_split(completion: str) -> dict[str, Any]:
    """What the format reward reads: ``format`` 1 or 0, ``thought`` and ``translation``, None where there is no such form.

    >>> format_split("<think>So.</think>Good night.")
    {'format': 1, 'thought': 'So.', 'translation': 'Good night.'}
    """
    thought, translation = thought_and_text(completion) or (None, None)
    return {"format": int(thought is not None), "thought": thought, "translation": translation}
