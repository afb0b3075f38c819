"""The dialects of the reward server: how each trainer asks, and how it wants to be answered. Pure: no I/O.

A dialect reads the JSON of a request into samples, and writes their scores as the JSON that its clients expect. What these
cannot say ("not scored") is the server's fallback or an error, never a number made up here.
"""

from __future__ import annotations

import math
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.sample import Sample, SampleScores, columns_from_label, digest_of
from guerdon.scores import Note
from guerdon.server.desk import Desk
from guerdon.text.chat_template import response_after


class Dialect:
    """How one kind of client asks. ``path`` is where; a request names the reward in the path, or in the field ``names`` says."""

    path: ClassVar[str]
    names: ClassVar[str | None] = None

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        """The samples of a request.

        Raises:
            UserError: it does not have the form this dialect asks for.
        """
        raise TypeError(f"{type(self).__name__} has no read(body, desk); write it")

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        """The answer to a request.

        Raises:
            Unscored: a sample has no value, and neither the dialect nor the settings have a way to say so.
        """
        raise TypeError(f"{type(self).__name__} has no write(body, desk, results); write it")


@dataclass(frozen=True)
class OpenRLHF(Dialect):
    """``{"query", "prompts", "labels"}`` -> ``{"rewards", "scores", "extra_logs"}``; a query is a prompt with its response."""

    path = "/get_reward"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        queries = _texts(body, "query")
        prompts = _texts(body, "prompts", size=len(queries)) if body.get("prompts") else [""] * len(queries)
        labels = _listed(body, "labels", size=len(queries)) if body.get("labels") else [None] * len(queries)
        return [
            Sample(response_after(prompt, query), prompt or None, columns_from_label(desk.reward, label))
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        rewards = [desk.number(result) for result in results]
        return {
            "rewards": rewards,
            "scores": [desk.unit(value) for value in rewards],
            "extra_logs": {
                path: [_or_zero(result.parts[path]) for result in results] for path in desk.reward.part_owners
            }
            | {"unscored": [float(not result.scored) for result in results]},
        }


@dataclass(frozen=True)
class Slime(Dialect):
    """``{"prompt", "response", "label"}`` -> a number, or with ``"full": true`` an object with the parts."""

    path = "/remote_rm"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        if "response" not in body:
            raise UserError("the request has no 'response'; send {'prompt', 'response', 'label'}")
        metadata = body.get("metadata")
        others = metadata if isinstance(metadata, Mapping) else None
        return [
            Sample(body["response"], body.get("prompt"), columns_from_label(desk.reward, body.get("label"), others))
        ]

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        value = desk.number(results[0])
        return {"reward": value, **_finite(results[0].parts)} if body.get("full") else value


@dataclass(frozen=True)
class LlamaFactory(Dialect):
    """``{"model", "messages": [text]}`` -> ``{"scores"}``; texts are prompt and response in one, and carry no columns."""

    path = "/v1/score/evaluation"
    names = "model"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        return _bare(_texts(body, "messages"), desk)

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        scores = [desk.number(result) for result in results]
        return {
            "id": f"scoreval-{uuid.uuid4().hex}",
            "object": "score.evaluation",
            "model": desk.name,
            "scores": scores,
        }


@dataclass(frozen=True)
class Classify(Dialect):
    """vLLM's ``/classify``: ``{"model", "input"}`` -> ``{"data": [{"probs": [value]}]}``, as verl reads it."""

    path = "/classify"
    names = "model"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        texts = body.get("input")
        return _bare([texts] if isinstance(texts, str) else _texts(body, "input"), desk)

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        data = [
            {"index": i, "label": desk.name, "probs": [desk.number(result)], "num_classes": 1}
            for i, result in enumerate(results)
        ]
        return {
            "id": f"classify-{uuid.uuid4().hex}",
            "object": "list",
            "created": int(time.time()),
            "model": desk.name,
            "data": data,
            "usage": {"prompt_tokens": 0, "total_tokens": 0, "completion_tokens": 0},
        }


@dataclass(frozen=True)
class NeMoGym(Dialect):
    """``/verify``: a rollout in OpenAI's Responses format and its fields -> the same with ``reward`` and ``reward_components``.

    The components sum to the reward, as NeMo-RL asserts. What could not be scored is 0 with ``_ng_failure_class``, which NeMo
    Gym keeps aside for another try.
    """

    path = "/verify"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        response = body.get("response")
        if not isinstance(response, Mapping):
            raise UserError("the request has no 'response' object; send {'responses_create_params', 'response', ...}")
        parameters = body.get("responses_create_params")
        asked = parameters.get("input") if isinstance(parameters, Mapping) else None
        metadata = parameters.get("metadata") if isinstance(parameters, Mapping) else None
        given = {**(metadata or {}), **body} if isinstance(metadata, Mapping) else body
        columns = {name: given[name] for name in desk.reward.columns if name in given}
        return [Sample(_messages(response.get("output") or []), _prompt(asked), columns)]

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        result = results[0]
        value = result.value if result.scored else 0.0
        parts = {path.replace("/", "_"): part for path, part in _finite(result.parts).items()}
        answer = {**parts, **body, "reward": value, "reward_components": _components(desk, result, value)}
        if not result.scored:
            answer |= {"_ng_failure_class": "judge_failed", "_ng_failure_judge_error": result.note}
        return answer


@dataclass(frozen=True)
class Native(Dialect):
    """guerdon's own: ``{"samples": [...]}`` -> values with null for "not scored", parts, and on request notes, steps, tokens.

    A sample has ``completion``, and may have ``prompt``, ``columns``, ``group``, ``siblings``, ``id``, ``completion_ids``. With
    ``siblings`` it waits for that many of its group, from whatever requests; without, its siblings are those of its request.
    ``detail``: ``"values"``, ``"parts"`` (as is), ``"full"``. ``step`` is the training step.
    """

    path = "/v1/score"
    names = "reward"

    def read(self, body: Mapping[str, Any], desk: Desk) -> list[Sample]:
        rows = _listed(body, "samples")
        step = body.get("step")
        if step is not None and (not isinstance(step, int) or isinstance(step, bool)):
            raise UserError(f"step={step!r:.40} must be a whole number")
        if body.get("detail", "parts") not in ("values", "parts", "full"):
            raise UserError(f"detail={body['detail']!r:.40} is unknown; choose 'values', 'parts' or 'full'")
        samples = [_sample(row, i, step) for i, row in enumerate(rows)]
        tie = desk.reward.siblings
        if tie is None:
            return samples
        request = _scope(samples)
        for sample in samples:
            sample.check(desk.reward)
        sizes = Counter(sample.tie(tie) for sample in samples)
        return [
            sample if sample.siblings else replace(sample, siblings=sizes[sample.tie(tie)], scope=request)
            for sample in samples
        ]

    def write(self, body: Mapping[str, Any], desk: Desk, results: Sequence[SampleScores]) -> Any:
        detail = body.get("detail", "parts")
        answer: dict[str, Any] = {"reward": desk.name, "values": [_number(result.value) for result in results]}
        if detail != "values":
            paths = list(desk.reward.part_owners)
            answer["parts"] = {path: [_number(result.parts[path]) for result in results] for path in paths}
            answer["notes"] = [_noted(result.notes) for result in results]
        if detail == "full":
            answer["steps"] = [_steps(result) for result in results]
            answer["tokens"] = [None if r.tokens is None else [_number(v) for v in r.tokens.tolist()] for r in results]
            answer["uncertainty"] = [None if r.uncertainty is None else _number(r.uncertainty) for r in results]
        return answer


DIALECTS: tuple[Dialect, ...] = (Native(), OpenRLHF(), Slime(), LlamaFactory(), Classify(), NeMoGym())


# -- reading ----------------------------------------------------------------------------------------------------------


def _listed(body: Mapping[str, Any], name: str, *, size: int | None = None) -> list[Any]:
    values = body.get(name)
    if not isinstance(values, list):
        raise UserError(f"{name} must be a list; it is {type(values).__name__}")
    if size is not None and len(values) != size:
        raise UserError(f"{name} has {len(values)} items for {size} queries")
    return values


def _texts(body: Mapping[str, Any], name: str, *, size: int | None = None) -> list[str]:
    values = _listed(body, name, size=size)
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise UserError(f"{name}[{i}] must be text; it is {type(value).__name__}")
    return values


def _bare(texts: Sequence[str], desk: Desk) -> list[Sample]:
    if desk.reward.columns:
        raise UserError(
            f"reward {desk.name!r} reads the columns {sorted(desk.reward.columns)}, which this request cannot carry; "
            f"use {Native.path}, or a reward without columns"
        )
    return [Sample(text) for text in texts]


_FIELDS = {"completion", "prompt", "columns", "group", "siblings", "id", "completion_ids"}


def _scope(samples: Sequence[Sample]) -> str:
    """What the samples of a request have to themselves; the same where it is sent again under the same ids."""
    ids = [sample.id for sample in samples]
    if None in ids:
        return uuid.uuid4().hex
    return digest_of(ids).hex()


def _sample(row: Any, i: int, step: int | None) -> Sample:
    if not isinstance(row, Mapping) or "completion" not in row:
        raise UserError(f"samples[{i}] must be an object with a completion")
    unknown = row.keys() - _FIELDS
    if unknown:
        raise UserError(f"samples[{i}] has the unknown fields {sorted(unknown)}; columns go into 'columns'")
    columns, siblings = row.get("columns") or {}, row.get("siblings")
    if not isinstance(row["completion"], (str, list)):
        raise UserError(f"samples[{i}].completion must be text or a list of messages")
    if not isinstance(columns, Mapping):
        raise UserError(f"samples[{i}].columns must be an object")
    if siblings is not None and (not isinstance(siblings, int) or isinstance(siblings, bool) or siblings < 1):
        raise UserError(f"samples[{i}].siblings={siblings!r:.40} must be a whole number of at least 1")
    for name in ("group", "id"):
        if isinstance(row.get(name), (list, dict)):
            raise UserError(f"samples[{i}].{name} must be text or a number")
    ids = row.get("completion_ids")
    if ids is not None and not (isinstance(ids, list) and all(isinstance(n, int) for n in ids)):
        raise UserError(f"samples[{i}].completion_ids must be a list of token ids")
    named = {name: row.get(name) for name in ("prompt", "group", "id")}
    return Sample(row["completion"], columns=columns, siblings=siblings, completion_ids=ids, step=step, **named)


def _prompt(asked: Any) -> Any:
    return asked if asked is None or isinstance(asked, str) else _messages(asked)


def _messages(items: Any) -> list[dict[str, Any]]:
    """Chat messages from items of OpenAI's Responses format."""
    messages: list[dict[str, Any]] = []
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, Mapping):
            continue
        kind = item.get("type", "message")
        if kind == "message":
            messages.append({"role": item.get("role", "assistant"), "content": _said(item.get("content"))})
        elif kind == "function_call":
            called = {"name": item.get("name", ""), "arguments": item.get("arguments", "")}
            call = {"id": item.get("call_id", ""), "type": "function", "function": called}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        elif kind == "function_call_output":
            messages.append(
                {"role": "tool", "content": _said(item.get("output")), "tool_call_id": item.get("call_id", "")}
            )
        elif kind == "reasoning":
            messages.append({"role": "assistant", "content": "", "reasoning_content": _said(item.get("summary"))})
    return messages


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))


# -- writing ----------------------------------------------------------------------------------------------------------


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _finite(parts: Mapping[str, float]) -> dict[str, float]:
    """Parts as numbers; those that were not scored are 0, since the clients that get them must have the same keys always."""
    return {path: _or_zero(part) for path, part in parts.items()}


def _noted(notes: Mapping[str, Note | None]) -> dict[str, dict[str, str]]:
    return {
        path: {"outcome": note.outcome.value}
        | ({"message": note.message} if note.message else {})
        | ({"answer": note.answer} if note.answer else {})
        for path, note in notes.items()
        if note is not None
    }


def _steps(result: SampleScores) -> list[dict[str, Any]] | None:
    if result.steps is None:
        return None
    spans = [None] * len(result.steps) if result.steps.spans is None else result.steps.spans.tolist()
    return [
        {"value": _number(value), "span": span} for value, span in zip(result.steps.values.tolist(), spans, strict=True)
    ]


def _components(desk: Desk, result: SampleScores, value: float) -> dict[str, float]:
    """What sums to the reward, under the same keys always: the weighted terms of a sum, else the reward itself."""
    reward = desk.reward
    if isinstance(reward, Combine) and reward.rule == "weighted_sum":
        weights = reward.options["weights"]
        names = [term.name for term in reward.terms]
        if all(isinstance(weight, (int, float)) for weight in weights) and set(names) <= reward.part_owners.keys():
            if not result.scored:
                return dict.fromkeys(names, 0.0)
            terms = {name: weight * result.parts[name] for name, weight in zip(names, weights, strict=True)}
            there = {name: term for name, term in terms.items() if math.isfinite(term)}
            whole = sum(there.values())
            if len(there) < len(terms) and whole:  # the weights of the others count for those that are missing
                there = {name: term * value / whole for name, term in there.items()}
            if there:
                there[list(there)[-1]] += value - sum(there.values())
            return dict.fromkeys(names, 0.0) | there
    return {reward.name: value}
