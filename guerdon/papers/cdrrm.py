"""CDRRM: rubrics synthesised from evidence-based diagnoses of each answer, as a generator of training data for rubric writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.rubrics.consistency import Consistency
from guerdon.rubrics.examples import WINNERS
from guerdon.rubrics.synthesis import ContrastThenSynthesis, finding_faults, rule_faults
from guerdon.text.json_text import NOT_JSON, parse_json
from guerdon.text.rubric_text import item_text

PAPER = Paper(
    slug="cdrrm",
    title="CDRRM: Contrast-Driven Rubric Generation for Reliable and Interpretable Reward Modeling",
    year=2026,
    arxiv="2603.08035",
    kind="data",
    parts={
        "diagnosis of each answer, then synthesis": PUBLISHED,
        "preference consistency by an independent judge": PUBLISHED,
        "validators, self-reported consistency": RELEASED,
        "rubric text, winner parsers, parse-aware accuracy": RELEASED,
        "prompts": OURS,
        "answers in random order": OURS,
    },
    variants=("default", "official"),
)

_SIDES = {"CHOSEN": "A", "REJECTED": "B"}
_RULE_KEYS = ("rule_id", "type", "criterion", "test", "rationale")
_PRINCIPLE_KEYS = ("principle_id", "description", "rationale")


def build(variant: str = "default", **options: Any) -> ContrastThenSynthesis:
    """The method that makes rubrics of preference pairs; run it with :func:`guerdon.rubrics.generate`.

    By default an independent judge, shown the pair in random order, must agree with the label. ``"official"``: the chosen answer is
    always A, and the synthesiser's own prediction is the check, which so gives the label away.
    """
    if variant == "official":
        return ContrastThenSynthesis(consistency=None, self_report=True, shuffled=False, **options)
    return ContrastThenSynthesis(**{"consistency": Consistency(), **options})


def normalise_pair(pair: Mapping[str, Any], index: int, *, variant: str = "default") -> dict[str, Any] | None:
    """A row as instruction, chosen, rejected and ids; None without an instruction or with an empty answer.

    An unknown winner raises; ``variant="official"`` takes it for A.

    >>> normalise_pair({"instruction": "i", "response_a": "x", "response_b": "y", "winner": "b"}, 0)["chosen"]
    'y'
    """
    chosen, rejected = pair.get("chosen"), pair.get("rejected")
    if chosen is None and rejected is None and "response_a" in pair:
        said = str(pair.get("winner", "")).strip().upper()
        if said not in WINNERS and variant != "official":
            raise UserError(f"winner={pair.get('winner')!r} of row {index} must be A or B")
        chosen, rejected = pair.get("response_a"), pair.get("response_b")
        chosen, rejected = (rejected, chosen) if WINNERS.get(said) == 1 else (chosen, rejected)
    instruction = pair.get("instruction")
    if any(not isinstance(text, str) or not text.strip() for text in (instruction, chosen, rejected)):
        return None
    return {
        "instruction": instruction,
        "chosen": chosen,
        "rejected": rejected,
        "instruction_id": pair.get("instruction_id") or f"inst_{index + 1}",
        "pair_id": pair.get("pair_id") or f"line_{index + 1}",
        "instruction_keypoints": pair.get("instruction_keypoints"),
    }


def diagnosis_errors(findings: Any, label: Any, instruction_id: Any) -> int:
    """How many requirements a diagnosis misses.

    >>> diagnosis_errors([{"status": "fail", "claim": "c", "instruction_anchor": ""}], "chosen", "i")
    3
    """
    errors = int(not instruction_id) + int(label not in ("chosen", "rejected"))
    if not isinstance(findings, (list, tuple)):
        return errors + 1
    return errors + sum(len(finding_faults(finding)) for finding in findings)


def rubric_errors(rubric: Any, instruction_id: Any, pair_id: Any) -> int:
    """How many requirements a synthesised rubric misses.

    >>> rubric_errors({"hard_rules": []}, "i", "p")
    1
    """
    errors = int(not instruction_id) + int(not pair_id)
    if not isinstance(rubric, Mapping):
        return errors + 1
    check = rubric.get("pair_consistency_check")
    expected = check.get("expected_winner") if isinstance(check, Mapping) else None
    legal = not expected or _side(expected) in ("A", "B")
    return errors + len(rule_faults(rubric)) + int(not legal)


def self_consistent(check: Any) -> bool:
    """Whether the synthesiser's own prediction is the winner it was told; nothing said counts as consistent, a tie or None not.

    >>> (
    ...     self_consistent({"expected_winner": "chosen", "rubric_predicts": " a"}),
    ...     self_consistent({}),
    ...     self_consistent(None),
    ... )
    (True, True, True)
    """
    if not isinstance(check, Mapping) or not {"expected_winner", "rubric_predicts"} <= check.keys():
        return True
    expected, predicted = _side(check["expected_winner"]), _side(check["rubric_predicts"])
    return expected == predicted and expected in ("A", "B")


def _side(value: Any) -> str:
    said = str(value).strip().upper()
    return _SIDES.get(said, said)


def clean_rubric(rubric: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The training target: rules and principles that are objects with an id and a text, each with its known keys only.

    >>> clean_rubric({"hard_rules": [{"rule_id": "r", "criterion": "c", "derived_from": 1}, "x"]})
    {'hard_rules': [{'rule_id': 'r', 'criterion': 'c'}], 'principles': []}
    """

    def cleaned(entries: Any, keys: Sequence[str], needed: Sequence[str]) -> list[dict[str, Any]]:
        objects = [one for one in entries if isinstance(one, Mapping)] if isinstance(entries, (list, tuple)) else []
        return [{key: one[key] for key in keys if key in one} for one in objects if all(one.get(key) for key in needed)]

    return {
        "hard_rules": cleaned(rubric.get("hard_rules"), _RULE_KEYS, ("rule_id", "criterion")),
        "principles": cleaned(rubric.get("principles"), _PRINCIPLE_KEYS, ("principle_id", "description")),
    }


def extract_json(text: str) -> Any:
    """The JSON that a reply is, or holds in a code fence, or between its first and last brace; None where none of these parses.

    >>> extract_json('so: {"a": 1} done'), extract_json("{} {}")
    ({'a': 1}, None)
    """
    fence, brace = text.find("```"), text.find("{")
    inner = text[fence + 3 :].partition("```")[0].removeprefix("json").strip() if fence >= 0 else ""
    between = text[brace : text.rfind("}") + 1] if brace >= 0 else ""
    tried = (text.strip(), inner if inner.startswith("{") else "", between)
    return next((value for one in tried if (value := parse_json(one)) is not NOT_JSON), None)


def format_rubric_text(completion: str) -> str:
    """A generated rubric as the judge is shown it; a completion without a readable object that holds ``hard_rules`` says so.

    >>> format_rubric_text('{"hard_rules": ["be short"], "principles": []}').splitlines()[-3:]
    ['', 'Principles:', 'None']
    """
    brace = completion.find("{")
    greedy = completion[brace : completion.rfind("}") + 1] if brace >= 0 else ""
    values = (parse_json(one) for one in [*_flat_objects(completion), greedy] if '"hard_rules"' in one)
    found = next((value for value in values if isinstance(value, dict) and "hard_rules" in value), None)
    if found is None:
        return "Hard Rules:\n1. (Failed to parse rubric)\n\nPrinciples:\nNone"
    hard = _numbered(found.get("hard_rules"), ("criterion", "rule"))
    soft = _numbered(found.get("principles"), ("description", "principle"))
    return f"--- Rubric Generation ---\nHard Rules:\n{hard}\n\nPrinciples:\n{soft}"


def _flat_objects(text: str) -> list[str]:
    """The parts of a text between an opening brace and a closing one with no brace between."""
    return [part.rpartition("{")[1] + part.rpartition("{")[2] + "}" for part in text.split("}")[:-1] if "{" in part]


def _numbered(entries: Any, keys: Sequence[str]) -> str:
    listed = entries if isinstance(entries, (list, tuple)) else []
    return "\n".join(f"{k}. {item_text(entry, keys)}" for k, entry in enumerate(listed, 1)) or "None"


def judge_metrics(predicted: Sequence[str | None], gold: Sequence[str]) -> dict[str, float]:
    """Accuracy over all (what is neither A nor B is wrong), accuracy over what could be read, and the share that could.

    >>> judge_metrics(["A", None], ["A", "B"])["acc_all"]
    0.5
    """
    right = sum(p == g and p in ("A", "B") for p, g in zip(predicted, gold, strict=True))
    read, n = sum(p in ("A", "B") for p in predicted), len(predicted)
    shares = {"acc_all": right / n if n else 0.0, "acc_parseable": right / read if read else 0.0}
    return {"num_samples": float(n), **shares, "parse_rate": read / n if n else 0.0}
