"""Rewards on the tool calls a completion makes, compared with those it should make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.shaping.assignment import best_assignment
from guerdon.text.json_text import parse_json
from guerdon.text.tool_calls import extract_tool_calls, json_line_calls, message_tool_calls
from guerdon.text.trajectory import POLICY, messages_of

Credit = Literal["parts", "lists", "calls", "all"]
Matching = Literal["greedy", "optimal"]
Call = Mapping[str, Any]
CREDITS, MATCHINGS = ("parts", "lists", "calls", "all"), ("greedy", "optimal")
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_EXPECTS = "the right completion, tagged, with one JSON call a line, or a list of calls (empty: none is wanted)"


def multiset_jaccard(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """Shared items over all items, counted with repetition: i / (|A| + |B| - i); 1 where both are empty, 0 where one is.

    >>> multiset_jaccard(["a", "a", "b"], ["a", "b", "b"])
    0.5
    """
    shared = sum((Counter(left) & Counter(right)).values())
    whole = len(left) + len(right) - shared
    return shared / whole if whole else 1.0


def tool_call_score(
    gold: Sequence[Call],
    predicted: Sequence[Call],
    *,
    low: float = -3.0,
    high: float = 3.0,
    credit: Credit = "parts",
    matching: Matching = "greedy",
) -> float:
    """How well predicted calls match the gold ones: low + (high - low) s / c; ``high`` where the lists are equal.

    s = J(names) + sum over gold calls of the value v of the prediction matched to it, c = 1 + sum over gold calls of
    (1 + number of parameters); v = J(parameter names) + number of equal parameter values, among predictions of the same name,
    each used once. J is the multiset Jaccard. Values compare as in Python: 3 equals 3.0 and not "3". A call maps ``name`` and
    ``parameters``.

    ``credit="lists"`` replaces J by equality of the lists, ``"calls"`` gives 1 for an equal call and c = 1 + number of calls,
    ``"all"`` gives ``high`` for equal lists and else ``low``. ``matching="greedy"`` serves gold calls in order, as the released
    code does; ``"optimal"`` maximises the sum, as the paper says.

    Source: Qian et al. 2025, ToolRL (arXiv 2504.13958), section 3.3.

    >>> gold = [{"name": "add", "parameters": {"a": 1, "b": 2}}]
    >>> tool_call_score(gold, gold), tool_call_score(gold, [{"name": "add", "parameters": {"a": 1, "b": 3}}])
    (3.0, 1.5)
    """
    if list(predicted) == list(gold):
        return high
    if credit == "all":
        return low
    alike = equal_lists if credit == "lists" else multiset_jaccard
    names = alike([call["name"] for call in gold], [call["name"] for call in predicted])
    cap = 1 + sum(1 if credit == "calls" else 1 + len(call["parameters"]) for call in gold)
    values = np.array([[_call_value(g, p, credit) for p in predicted] for g in gold]).reshape(len(gold), len(predicted))
    matched = float(values[best_assignment(values)].sum()) if matching == "optimal" else _greedy_total(values)
    return low + (high - low) * (names + matched) / cap


def equal_lists(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """1 where two lists are equal, order included, else 0.

    >>> equal_lists(["a", "b"], ["b", "a"])
    0.0
    """
    return float(left == right)


def _call_value(gold: Call, predicted: Call, credit: Credit) -> float:
    if gold["name"] != predicted["name"]:
        return 0.0
    wanted, given = gold["parameters"], predicted["parameters"]
    if credit == "calls":
        return float(wanted == given)
    alike = equal_lists if credit == "lists" else multiset_jaccard
    equal = sum(key in given and given[key] == wanted[key] for key in wanted)
    return float(alike(list(wanted), list(given)) + equal)


def _greedy_total(values: Any) -> float:
    total = 0.0
    free = np.ones(values.shape[1], dtype=bool)
    for row in values:
        open_values = np.where(free, row, 0.0)
        if open_values.size and (best := int(open_values.argmax())) >= 0 and open_values[best] > 0:
            total += float(open_values[best])
            free[best] = False
    return total


def has_tool_form(text: str, gold: str) -> bool:
    """Whether ``text`` has the shape that the gold text asks for, a thought first and nothing around it.

    The gold text holds ``<response>``, ``<tool_call>``, both or neither; then so must the text: ``<think>..</think>``, a newline
    and ``<tool_call>``, newline, calls, newline, ``</tool_call>``, a newline and ``<response>..</response>``, with exactly one
    of each asked tag. Outer whitespace is ignored.

    Source: ToolRL, released code.

    >>> has_tool_form("<think>hm</think>\\n<response>Hi</response>", "<response>Hello</response>")
    True
    >>> has_tool_form("<response>Hi</response>", "<response>Hello</response>")
    False
    """
    rest = text.strip()
    calls, response = _OPEN in gold, "<response>" in gold
    asked = [tag for tag, wanted in (("tool_call", calls), ("response", response)) if wanted]
    if any(rest.count(mark) != 1 for tag in asked for mark in (f"<{tag}>", f"</{tag}>")):
        return False
    if response:
        rest, _, said = rest.partition("<response>")
        if not said.endswith("</response>") or not rest.endswith("\n"):
            return False
        rest = rest[:-1]
    if calls:
        rest, _, block = rest.partition(_OPEN)
        inner = block.removesuffix(_CLOSE)
        if inner == block or len(inner) < 2 or inner[0] != "\n" or inner[-1] != "\n" or not rest.endswith("\n"):
            return False
        rest = rest[:-1]
    return rest.startswith("<think>") and rest[len("<think>") :].endswith("</think>")


@register("reward")
@dataclass(frozen=True, repr=False)
class ToolCalls(Textual):
    """How well the tool calls of the completion match the wanted ones, see :func:`tool_call_score`.

    Read is the first ``<tool_call>`` block, one JSON object a line with ``name`` and ``parameters``; anything else scores ``low``,
    noted. ``lenient`` reads calls as models write them otherwise too, and the ``tool_calls`` of chat messages. Where no call is
    wanted the value is 0, whatever is called; with ``unasked="punish"`` a call is then worth ``low``. Range ``low`` to ``high``.
    Column ``reference``. NaN: no reference (``missing_data``), or one whose calls do not parse (``unparseable``).

    Source: ToolRL (arXiv 2504.13958), section 3.3.

    >>> gold = '<tool_call>\\n{"name": "now", "parameters": {"zone": "UTC"}}\\n</tool_call>'
    >>> ToolCalls().score(Batch([gold, gold.replace("UTC", "CET"), "noon"], reference=[gold] * 3)).values.round(
    ...     2
    ... ).tolist()
    [1.0, 0.33, -1.0]
    """

    reference: str = column("reference", expects=_EXPECTS)
    low: float = -1.0
    high: float = 1.0
    credit: Credit = "parts"
    matching: Matching = "greedy"
    lenient: bool = False
    unasked: Literal["ignore", "punish"] = "ignore"
    of: str = field(default="whole", kw_only=True)

    @property
    def range(self) -> tuple[float, float]:
        return (min(self.low, 0.0), max(self.high, 0.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise UserError(f"low={self.low} must be less than high={self.high}")
        for field_name, choices in {"credit": CREDITS, "matching": MATCHINGS, "unasked": ("ignore", "punish")}.items():
            if getattr(self, field_name) not in choices:
                raise UserError(
                    f"{field_name}={getattr(self, field_name)!r}: {closest(getattr(self, field_name), choices)}"
                )

    def _score(self, batch: Batch) -> Scores:
        known: dict[Any, list[Call] | Note] = {}
        values, notes = np.empty(len(batch)), list[Note | None]()
        rows = zip(batch.completions, batch.texts(self.of), self.read(batch, self.reference), strict=True)
        for i, (completion, text, reference) in enumerate(rows):
            key = reference if isinstance(reference, str) else id(reference)
            if key not in known:
                known[key] = wanted_calls(reference)
            value, note = self._value(known[key], completion, text or "")
            values[i] = value
            notes.append(note)
        return Scores(values, notes={"": tuple(notes)})

    def _value(self, gold: list[Call] | Note, completion: Any, text: str) -> tuple[float, Note | None]:
        if isinstance(gold, Note):
            return np.nan, gold
        if not gold and self.unasked == "ignore":
            return 0.0, None
        calls = _lenient_calls(completion, text) if self.lenient else json_line_calls(text)
        if not gold:
            called = bool(calls) or _OPEN in text
            return (self.low, Note(message="calls a tool where none is wanted")) if called else (0.0, None)
        if not calls or not all(map(_is_call, calls)):
            fault = "one JSON call a line" if _OPEN in text else "tool call"
            return self.low, Note(Outcome.MALFORMED if text.strip() else Outcome.EMPTY, f"no {fault} in the completion")
        score = tool_call_score(gold, calls, low=self.low, high=self.high, credit=self.credit, matching=self.matching)
        return score, None

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


@register("reward")
@dataclass(frozen=True, repr=False)
class ToolForm(Textual):
    """Whether the completion has the shape that the reference has, see :func:`has_tool_form`: 1 or 0.

    Range [0, 1]. Column ``reference``, the right completion, tagged. NaN without one (``missing_data``).

    Source: ToolRL, released code.

    >>> gold = "<response>Which city?</response>"
    >>> ToolForm().score(
    ...     Batch(["<think>hm</think>\\n<response>Where?</response>", "Where?"], reference=[gold] * 2)
    ... ).values.tolist()
    [1.0, 0.0]
    """

    reference: str = column("reference", expects="the right completion, tagged")
    of: str = field(default="whole", kw_only=True)

    bounds = (0.0, 1.0)

    def _score(self, batch: Batch) -> Scores:
        texts, notes = self.legible(batch)
        values = np.zeros(len(batch))
        for i, gold in enumerate(self.read(batch, self.reference)):
            if not isinstance(gold, str) or not gold.strip():
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no tagged text in {self.reference}")
            elif notes[i] is None:
                values[i] = has_tool_form(texts[i], gold)
        return Scores(values, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(_HONEST, _HACKS)


def wanted_calls(reference: Any) -> list[Call] | Note:
    """The calls a reference asks for, none where it holds no call block; a note where there is no telling.

    >>> wanted_calls("<response>Hi</response>"), wanted_calls([{"name": "now", "arguments": {}}])
    ([], [{'name': 'now', 'parameters': {}}])
    """
    if isinstance(reference, str) and reference.strip():
        calls: Any = json_line_calls(reference) if _OPEN in reference else []
    elif isinstance(reference, (list, tuple)):
        calls = [_named(call) for call in reference]
    else:
        return Note(Outcome.MISSING_DATA, "no reference")
    if calls is None or not all(map(_is_call, calls)):
        return Note(Outcome.UNPARSEABLE, "the calls of the reference are no JSON objects with name and parameters")
    return list(calls)


def _named(call: Any) -> Any:
    """A reference call under the keys ``name`` and ``parameters``."""
    if isinstance(call, str):
        call = parse_json(call)
    if not isinstance(call, Mapping) or "parameters" in call or "arguments" not in call:
        return call
    return {"name": call.get("name"), "parameters": call["arguments"]}


def _is_call(call: Any) -> bool:
    return (
        isinstance(call, Mapping) and isinstance(call.get("name"), str) and isinstance(call.get("parameters"), Mapping)
    )


def _lenient_calls(completion: Any, text: str) -> list[Call]:
    messages = [] if isinstance(completion, str) else messages_of(completion)
    made = [
        call
        for message in messages
        if message.get("role", POLICY) == POLICY and message.get("tool_calls")
        for call in message_tool_calls(message)
    ]
    return [{"name": call.name, "parameters": call.arguments} for call in made or extract_tool_calls(text)]


_CALL = '<tool_call>\n{"name": "weather", "parameters": {"city": "Paris", "unit": "C"}}\n</tool_call>'
_THOUGHT = "<think>The user asks for the weather.</think>\n"
_HONEST = Batch(
    [_THOUGHT + _CALL, "<think>No city is named.</think>\n<response>Which city?</response>"],
    ["How warm is Paris?", "How warm is it?"],
    reference=["<think> </think>\n" + _CALL, "<think> </think>\n<response>For which city?</response>"],
)
_HACKS = {
    "empty": ["", ""],
    "question": ["How warm is Paris?", "How warm is it?"],
    "a call in the thought": [f"<think>{_CALL}</think>", f"<think>{_CALL}</think>"],
    "every tag": ["<think></think><tool_call></tool_call><response></response>"] * 2,
    "twice": [_THOUGHT + _CALL + _CALL, _THOUGHT + "<response>a</response><response>b</response>"],
    "shopping": [
        _THOUGHT + _CALL.replace("}}\n", '}}\n{"name": "weather", "parameters": {"city": "Rome", "unit": "C"}}\n'),
        _THOUGHT + _CALL,
    ],
}
