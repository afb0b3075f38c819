"""Lists of scores with a ranking, as listwise judges write them: ``{"scores": {name: 1..5}, "best-to-worst": [names]}``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from guerdon.text.json_repair import repaired, tolerant_json, without_fences
from guerdon.text.json_text import NOT_JSON, parse_json
from guerdon.text.thinking import strip_thinking

Variant = Literal["default", "official"]
RANKING, MISSPELT = "best-to-worst", "best-to-worse"


@dataclass(frozen=True, slots=True)
class ScoreList:
    """What a listwise judge said: scores as they were written, the ranking, best first, and the reasoning before them."""

    reasoning: str
    scores: Mapping[str, Any]
    ranking: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Masked:
    """Responses under names that tell nothing, and the real name of each."""

    responses: dict[str, str]
    real: dict[str, str]


def masked_names(responses: Mapping[str, str], *, seed: int = 42) -> Masked:
    """The responses shuffled and called model-1 to model-N, by a generator of its own.

    Source: RewardAnything 2025 (arXiv 2506.03637), released code: the same order for every call with a seed.

    >>> masked_names({"a": "text of a", "b": "text of b"}).real
    {'model-1': 'b', 'model-2': 'a'}
    """
    items = list(responses.items())
    Random(seed).shuffle(items)
    names = [f"model-{k}" for k in range(1, len(items) + 1)]
    return Masked(
        {name: text for name, (_, text) in zip(names, items, strict=True)},
        {name: real for name, (real, _) in zip(names, items, strict=True)},
    )


def visible_reply(text: str, variant: Variant = "default") -> str:
    """A reply without its thought; in ``"official"`` only closed think blocks are one."""
    return strip_thinking(text) if variant == "default" else without_thoughts(text)


def without_thoughts(text: str) -> str:
    """The text without its closed ``<think>`` blocks.

    >>> without_thoughts("<think>a</think>b<think>c")
    'b<think>c'
    """
    kept, position = [], 0
    while (start := text.find("<think>", position)) >= 0 and (end := text.find("</think>", start)) >= 0:
        kept.append(text[position:start])
        position = end + len("</think>")
    return "".join(kept) + text[position:]


def first_thought(text: str) -> str:
    """The stripped content of the first closed think block, "" without one.

    >>> first_thought("<think> a </think><think>b</think>")
    'a'
    """
    start = text.find("<think>")
    end = text.find("</think>", start)
    return text[start + len("<think>") : end].strip() if 0 <= start < end else ""


def read_score_list(text: str, real: Mapping[str, str] | None = None, *, variant: Variant = "default") -> ScoreList:
    """The scores and the ranking of a reply, JSON read tolerantly, names mapped back by ``real``; unknown names stay.

    Nothing in a thought counts. ``variant="official"`` takes an unclosed thought for the reply, and repairs what stands between
    the braces only if the whole text can be repaired. Without scores they are empty and the ranking stays, unless it goes by its
    misspelt name in JSON that needed no repair. What is no object gives nothing.

    Source: RewardAnything 2025 (arXiv 2506.03637), released parser.

    >>> said = "<think>short</think>{'scores': {'model-1': 4}, 'best-to-worst': ['model-1']}"
    >>> read_score_list(said, {"model-1": "x"})
    ScoreList(reasoning='short', scores={'x': 4}, ranking=('x',))
    """
    found = tolerant_json(visible_reply(text, variant), repair_rescued=variant == "default")
    data = found.value if isinstance(found.value, dict) else {}
    ranking = data.get(RANKING)
    if ranking is None and ("scores" in data or found.how == "repaired"):
        ranking = data.get(MISSPELT)
    scores = data.get("scores")
    names = real or {}
    return ScoreList(
        first_thought(text),
        {names.get(name, name): value for name, value in (scores if isinstance(scores, dict) else {}).items()},
        tuple(
            names.get(name, name) if isinstance(name, str) else name
            for name in (ranking if isinstance(ranking, list) else ())
        ),
    )


def numbers_of(scores: Mapping[str, Any]) -> dict[str, float]:
    """Name -> number, for the values that are finite numbers or read as one.

    >>> numbers_of({"a": "1.5", "b": None, "c": True})
    {'a': 1.5, 'c': 1.0}
    """
    found: dict[str, float] = {}
    for name, value in scores.items():
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(number):
            found[name] = number
    return found


def ranking_consistency(ranking: Sequence[Any], scores: Mapping[str, Any]) -> float:
    """Share of the pairs of names in a ranking, earlier before later, that the scores do not contradict; 0 without a pair.

    Names need a score that is a number; a repeated name counts at its first place; equal scores contradict nothing.

    >>> ranking_consistency(["a", "b", "c"], {"a": 3, "b": 1, "c": 2})
    0.6666666666666666
    """
    numbers = numbers_of(scores)
    names = [name for name in dict.fromkeys(n for n in ranking if isinstance(n, str)) if name in numbers]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return sum(numbers[a] >= numbers[b] for a, b in pairs) / len(pairs) if pairs else 0.0


@dataclass(frozen=True, slots=True)
class ListForm:
    """How well a reply keeps the form: ``value`` in [0, 1], and the two shares that it holds."""

    value: float
    coverage: float
    consistency: float


def list_form(text: str, names: Sequence[str], *, variant: Variant = "default") -> ListForm:
    """0.15 for a thought (+0.05 if longer than 50 characters; 0.05 for one of its tags), 0.2 for JSON (0.15 if it had to be cut
    out), 0.1 for scores, 0.1 for the ranking, 0.2 times the share of ``names`` scored, 0.2 times the ranking's consistency.

    Source: RewardAnything 2025 (arXiv 2506.03637), released format reward, with our reading of its missing consistency check.

    >>> list_form('{"scores": {"a": 5}}', ["a", "b"])
    ListForm(value=0.4, coverage=0.5, consistency=0.0)
    """
    opened, closed = "<think>" in text, "</think>" in text
    value = 0.0
    if opened and closed:
        value += 0.15 + (0.05 if len(first_thought(text)) > 50 else 0.0)
    elif opened or closed:
        value += 0.05
    found = tolerant_json(visible_reply(text, variant), repair=False)
    if found.value is not NOT_JSON:
        value += 0.2 if found.how == "strict" else 0.15
    data = found.value if isinstance(found.value, dict) else {}
    ranked = next((data[key] for key in (RANKING, MISSPELT) if key in data), None)
    scores = data.get("scores")
    named = scores if isinstance(scores, dict) else {}
    coverage = sum(name in named for name in names) / len(names) if names else 0.0
    consistency = ranking_consistency(ranked, named) if isinstance(ranked, list) else 0.0
    value += 0.1 * ("scores" in data) + 0.1 * (RANKING in data or MISSPELT in data)
    return ListForm(value + 0.2 * coverage + 0.2 * consistency, coverage, consistency)


def gold_scores(gold: Any) -> dict[str, float]:
    """The numbers of a gold verdict: a mapping name -> score, one under ``scores``, or the JSON text of either; {} if unusable.

    >>> gold_scores('{"scores": {"a": 4}}'), gold_scores({"a": 4}), gold_scores(None)
    ({'a': 4.0}, {'a': 4.0}, {})
    """
    value = parse_json(gold) if isinstance(gold, str) else gold
    if value is NOT_JSON and isinstance(gold, str):
        value = parse_json(repaired(without_fences(gold)))
    if isinstance(value, Mapping) and isinstance(value.get("scores"), Mapping):
        value = value["scores"]
    return numbers_of(value) if isinstance(value, Mapping) else {}
