"""ContrastThenSynthesis: each answer is diagnosed by itself with evidence, then rules are synthesised that separate the two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.models.protocols.orders import private_rng
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics.consistency import Consistency
from guerdon.rubrics.contrastive import without_leaks
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import Made, Method, Status, Unreadable, Work, tried, tried_all, writing
from guerdon.text.json_text import json_values
from guerdon.text.replies import own_words
from guerdon.text.rubric_text import item_text

RULE_TYPES = ("must", "forbid")

_DIAGNOSE = """You examine one response to a request, by itself. Say what it does well and what it does wrong, along the \
dimensions that matter here, such as: instruction following, content coverage, factual accuracy, format compliance, logical \
consistency, safety, conciseness, completeness. Each finding rests on a passage of the response and on what the request asks \
for."""
_DIAGNOSIS = """Reply with one JSON object: under "findings", a list of objects with "criterion" (the dimension), "status" \
(pass, fail, partial or not_applicable), "severity" (0 none to 3 grave), "claim" (one sentence), "evidence" (a quotation from \
the response) and "instruction_anchor" (the words of the request it refers to). An empty list is allowed."""
_SYNTHESISE = """You write rubrics. You are shown a request and what examiners found about two responses to it, A and B. \
Write the rules that tell the two apart. A rule is discriminative: one keeps it and the other breaks it; atomic: one \
condition; general: no detail of a response; minimal: as few as do it, none twice; checkable on one response alone. Write \
principles only where no hard rule separates the two."""
_RULES = """Reply with one JSON object: under "hard_rules", a list of objects with "rule_id", "type" (must or forbid), "criterion" \
(what a response must do, or must not), "rationale", "derived_from" and "test" (how to check it on one response); under \
"principles", a list of objects with "principle_id", "description" and "rationale"; under "pair_consistency_check", an object with \
"rubric_predicts": A, B or tie, the response that your rules prefer."""


@register("rubric_method", "contrast_then_synthesis")
@dataclass(frozen=True)
class ContrastThenSynthesis(Method):
    """Diagnose each answer separately, with evidence, blind to which is better; then synthesise the rules that separate them.

    The writer is asked for both diagnoses at once, then for rules, shown the diagnoses without labels and, if ``shuffled``, in an
    order that a seeded coin decides. ``consistency`` keeps a rubric only if an independent judge agrees with the label; with
    ``self_report`` instead the synthesiser's own prediction must. Rules with details of an answer are dropped unless ``leaks``.

    Source: CDRRM 2026 (arXiv 2603.08035); the prompts are ours. The released code does not shuffle.
    """

    consistency: Consistency | None = field(default_factory=Consistency)
    self_report: bool = False
    shuffled: bool = True
    leaks: bool = False
    attempts: int = 3
    temperature: float = 0.0
    max_tokens: int | None = 4096
    seed: int = 0

    def work(self, example: Example) -> Work:
        if example.chosen is None or example.rejected is None:
            return Made(Status.UNUSABLE, reason="no chosen and rejected answer")
        coin = private_rng(self.seed, example.prompt, example.answers)
        swapped = self.shuffled and bool(coin.integers(2))
        pair = (example.rejected, example.chosen) if swapped else (example.chosen, example.rejected)
        sampling: dict[str, Any] = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        requests = [
            writing(_DIAGNOSE, [("REQUEST", example.prompt), ("RESPONSE", answer)], _DIAGNOSIS, **sampling)
            for answer in pair
        ]
        diagnosed = yield from tried_all(requests, read_findings, attempts=self.attempts)
        if diagnosed.value is None:
            return diagnosed.failed
        findings = [json.dumps(found, ensure_ascii=False, indent=1) for found in diagnosed.value]
        blocks = [("REQUEST", example.prompt), ("FINDINGS A", findings[0]), ("FINDINGS B", findings[1])]
        request = writing(_SYNTHESISE, blocks, _RULES, **sampling)
        written = yield from tried(request, read_rules, attempts=self.attempts)
        if written.value is None:
            return written.failed
        rubric, predicted = written.value
        kept = rubric if self.leaks else without_leaks(rubric, example)
        if kept is None:
            return Made(Status.UNPARSEABLE, reason="every rule names something that only stands in a response")
        made = Made(Status.KEPT, kept, details={"predicts": predicted, "swapped": swapped})
        if self.self_report and predicted != ("B" if swapped else "A"):
            return Made(Status.INCONSISTENT, kept, "the synthesiser's own rules predict otherwise", made.details)
        if self.consistency is None or self.self_report:
            return made
        return (yield from self.consistency.checked(kept, example, made))


def read_findings(reply: str) -> list[dict[str, Any]]:
    """The findings of a diagnosis, each valid.

    Raises:
        Unreadable: no such object, or a finding lacks something.

    >>> read_findings('{"findings": []}')
    []
    """
    said = _object(reply, "findings")["findings"]
    for finding in said:
        faults = finding_faults(finding)
        if faults:
            raise Unreadable(f"a finding {', '.join(faults)}")
    return [dict(finding) for finding in said]


def read_rules(reply: str) -> tuple[Rubric, str]:
    """The rubric of a synthesis, and which response it says it prefers: A, B, tie or "".

    Raises:
        Unreadable: no such object, no hard rule, or a rule lacks something.

    >>> said = (
    ...     '{"hard_rules": [{"rule_id": "r", "type": "must", "criterion": "The response is short.", "test": "count"}]}'
    ... )
    >>> read_rules(said)[0].render()
    '1. The response is short. (must)'
    """
    said = _object(reply, "hard_rules")
    faults = rule_faults(said)
    if faults:
        raise Unreadable("; ".join(faults[:3]))
    hard = [_rule_text(rule) for rule in said["hard_rules"]]
    soft = [item_text(principle) for principle in said.get("principles") or ()]
    kinds = [(text, "hard") for text in dict.fromkeys(hard)] + [(text, "soft") for text in dict.fromkeys(soft)]
    criteria = [
        Criterion(f"c{k}", text, kind="hard" if kind == "hard" else "soft") for k, (text, kind) in enumerate(kinds, 1)
    ]
    check = said.get("pair_consistency_check")
    predicted = str(check.get("rubric_predicts", "")).strip().upper() if isinstance(check, Mapping) else ""
    return Rubric(tuple(criteria)), predicted if predicted in ("A", "B") else predicted.lower()


def finding_faults(finding: Any) -> list[str]:
    """What a finding lacks: a claim and an anchor always, evidence and a severity from 0 on where the status is fail or partial.

    >>> finding_faults({"status": "partial", "claim": "short", "instruction_anchor": "limit", "evidence": "e"})
    ['has no severity']
    """
    if not isinstance(finding, Mapping):
        return ["is not an object"]
    faults = [f"has no {name}" for name in ("claim", "instruction_anchor") if not _said(finding.get(name))]
    if finding.get("status") in ("fail", "partial"):
        faults += [] if _said(finding.get("evidence")) else ["has no evidence"]
        severity = finding.get("severity")
        known = isinstance(severity, (int, float)) and not isinstance(severity, bool) and severity >= 0
        faults += [] if known else ["has no severity"]
    return faults


def rule_faults(rubric: Mapping[str, Any]) -> list[str]:
    """What a synthesised rubric lacks: a hard rule; for each an id, a legal type, a criterion, a test; for principles id and text.

    >>> rule_faults({"hard_rules": [{"rule_id": "r", "type": "should", "criterion": "c", "test": "t"}]})
    ["hard_rules[0] has type 'should', not must or forbid"]
    """
    rules, principles = _list(rubric.get("hard_rules")), _list(rubric.get("principles"))
    faults = [] if rules else ["there is no hard rule"]
    for name, entries, wanted in (
        ("hard_rules", rules, ("rule_id", "criterion", "test")),
        ("principles", principles, ("principle_id", "description")),
    ):
        for k, entry in enumerate(entries):
            if not isinstance(entry, Mapping):
                faults.append(f"{name}[{k}] is not an object")
                continue
            faults += [f"{name}[{k}] has no {key}" for key in wanted if not _said(entry.get(key))]
            if name == "hard_rules" and entry.get("type") not in RULE_TYPES:
                faults.append(f"{name}[{k}] has type {entry.get('type')!r}, not must or forbid")
    return faults


def _rule_text(rule: Mapping[str, Any]) -> str:
    text = item_text(rule)
    return f"The response does not do this: {text}" if rule.get("type") == "forbid" else text


def _object(reply: str, key: str) -> dict[str, Any]:
    objects = [one.value for one in json_values(own_words(reply)) if isinstance(one.value, dict)]
    found = next((one for one in reversed(objects) if isinstance(one.get(key), list)), None)
    if found is None:
        raise Unreadable(f'it holds no JSON object with a list "{key}"')
    return found


def _said(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != [] and value != {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
