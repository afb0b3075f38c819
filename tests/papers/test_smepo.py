"""SMEPO: masks keep the plan and hide the answer, prefixes keep the budget, leaks are not shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import find_paper
from guerdon.errors import UserError
from guerdon.papers.smepo import gold_answers
from guerdon.text.guidance import inject_prefix, leaks, trace_prefix
from guerdon.text.masking import mask_code, mask_entities, mask_numbers, mask_trace

PAPER = find_paper("smepo")
PIECES = [
    "Step 1",
    "CASE 12",
    "\\frac{3}{4}",
    "\\sqrt[3]{8}",
    "-2.5",
    "15 %",
    "3 \\times 10^{-4}",
    "1e5",
    "x",
    "{",
    "\n",
    "½",
    "٣",
]
traces = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=12).map(" ".join)


@given(traces)
def test_masking_numbers_twice_changes_nothing(trace: str) -> None:
    once = mask_numbers(trace)
    assert mask_numbers(once) == once


@given(traces)
def test_no_digit_is_left_outside_labels(trace: str) -> None:
    masked = mask_numbers(trace)
    kept = mask_numbers("".join(c for c in masked), restore_structural=False).replace(
        "__STRUCTURAL_NUMBER_[NUMBER]__", ""
    )
    assert not any(character.isdecimal() for character in kept)


@pytest.mark.parametrize(
    ("trace", "masked"),
    [
        ("\\sqrt{2} + \\sqrt[3]{8} + \\sqrt{x}", "[NUMBER] + [NUMBER] + \\sqrt{x}"),
        ("\\frac{1}{\\sqrt{2}}", "\\frac{[NUMBER]}{[NUMBER]}"),
        ("6.02 \\times 10^{23} and 3e-5 and 10^8", "[NUMBER] and [NUMBER] and [NUMBER]^[NUMBER]"),
        ("1,234,567", "[NUMBER],[NUMBER],[NUMBER]"),
        ("5-3", "[NUMBER][NUMBER]"),
        ("\\frac{Step 1 + 2}{3}, Step 2", "[NUMBER], Step 2"),
        ("Step 1a, Step 3.", "Step [NUMBER]a, Step 3."),
        ("\ue000 1 Step 2", "\ue000 [NUMBER] Step 2"),
    ],
)
def test_numbers_by_hand(trace: str, masked: str) -> None:
    assert mask_numbers(trace) == masked


def test_code_by_hand() -> None:
    assert mask_code("a ```py\nx\n``` b ```\nunclosed") == "a ```py\n[CODE]\n``` b ```\nunclosed"
    assert mask_code("`x = 1`") == "`x = 1`"


def test_entities() -> None:
    trace = "<search>capital of Italy</search> The Treaty of Rome, signed on 25 March 1957 by J. R. Smith, names ローマ and rome."
    masked = mask_entities(trace, ["Rome", "ローマ"])
    assert masked.startswith("<search>capital of [ENTITY]</search> The [ENTITY], signed on [ENTITY] by [ENTITY]")
    assert "ローマ" not in masked and "rome" not in masked.lower().replace("entity", "")
    assert mask_entities(masked, ["Rome", "ローマ"]) == masked
    assert mask_entities("use WikiSearch now", keep=["WikiSearch"]) == "use WikiSearch now"
    assert mask_entities('{"name": "Search", "q": "Oslo"}') == '{"name": "Search", "q": "[ENTITY]"}'
    assert mask_entities("in oslo", finder=lambda text: [(3, 7)]) == "in [ENTITY]"
    assert mask_entities("nothing to hide, 意味がない") == "nothing to hide, 意味がない"
    with pytest.raises(ValueError, match="choices"):
        mask_trace("", "poetry")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bomb",
    ["1", "\\frac{", "\\sqrt[", "\\frac{1", "1 ", "```", "```a\n", "Aa ", "A.", "<", "Aa of ", "Step ", "-", "1/"],
)
def test_hostile_traces_are_masked_in_linear_time(bomb: str) -> None:
    text = bomb * (200_000 // len(bomb))
    assert all(isinstance(masked, str) for masked in (mask_numbers(text), mask_code(text), mask_entities(text, ["Aa"])))


@given(st.text(alphabet="ab\n1", max_size=40), st.floats(0, 1), st.integers(0, 60))
def test_a_prompt_keeps_its_budget(trace: str, ratio: float, budget: int) -> None:
    guided = inject_prefix("Question?", trace, ratio=ratio, max_prompt_tokens=budget, intro="I:\n", tail="<A>")
    assert len(guided.prompt) <= budget
    assert trace.startswith(guided.prefix) and len(guided.prefix) <= ratio * len(trace)
    assert guided.injected == ("I:\n" in guided.prompt) and guided.missing == (not trace)


def test_tokens_that_shift_at_the_cut_are_counted_anew() -> None:
    class Pairs:
        """Two characters a token."""

        def encode(self, text: str, add_special_tokens: bool = False) -> list[str]:
            return [text[i : i + 2] for i in range(0, len(text), 2)]

        def decode(self, tokens: list[str]) -> str:
            return "".join(tokens)

    pairs = Pairs()
    assert trace_prefix("ab\ncd", ratio=0.7, room=2, encode=pairs.encode, decode=pairs.decode) == "ab\n"
    guide = PAPER.build(domain="code", tokenizer=pairs, max_prompt_tokens=20, intro="", tail="")
    assert guide.inject("ask?", "line\nrest").prompt == "ask?line\n"


def test_leaks() -> None:
    assert leaks("the answer is seven", "seven") and leaks("so 0.5", "1/2") and leaks("50%", "1/2")
    assert (
        not leaks("Step 7: [NUMBER]", "7")
        and not leaks("a seventh", "seven")
        and not leaks("", "7")
        and not leaks("x", "")
    )
    assert leaks("is (B).", "B") and not leaks("a b c", "B")


def record(trace: str | None, gold: object, **more: object) -> dict[str, object]:
    return {"prompt": "What is 3 + 4? ", "teacher_ds": trace, "reward_model": gold, **more}


def test_a_guided_record_shows_the_plan_and_never_the_answer() -> None:
    guide = PAPER.build(domain="math", tail="<assistant>")
    out = guide(record("Step 1: add 3 and 4.\nSo 7.\n", {"ground_truth": "7"}, id=5))
    assert out["prompt"].endswith("Step 1: add [NUMBER] and [NUMBER].\nSo [NUMBER].\n<assistant>") and out["id"] == 5
    assert (out["injected"], out["missing"], out["leaked"]) == (True, False, False)
    told = guide(record("It is seven.\n", ["7", "seven"]))
    assert told["leaked"] and not told["injected"] and told["prompt"] == "What is 3 + 4? "
    assert "seven" in PAPER.build("official", domain="math")(record("It is seven.\n", ["7", "seven"]))["prompt"]
    nothing = guide(record(None, "7"))
    assert nothing["missing"] and not nothing["injected"] and nothing["prompt"] == "What is 3 + 4? "
    assert "__STRUCTURAL" in PAPER.build("official", domain="math")(record("Step 1: 3\n", "9"))["prompt"]


def test_messages_and_domains_by_record() -> None:
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "Where?"}]
    guide = PAPER.build()
    out = guide({"prompt": chat, "teacher_ds": "It is in Rome.\n", "reward_model": "Rome", "domain": "search"})
    assert out["prompt"][1]["content"] == "Where?\n\nHere is an example solution:\nIt is in [ENTITY].\n"
    assert chat[1]["content"] == "Where?", "what was given is not changed"
    with pytest.raises(UserError, match="domain"):
        guide({"prompt": "q", "teacher_ds": "t"})
    with pytest.raises(UserError, match="user message"):
        guide({"prompt": [], "teacher_ds": "t", "domain": "math"})
    with pytest.raises(UserError, match="ratio"):
        PAPER.build(ratio=2.0)
    with pytest.raises(UserError, match="choices"):
        PAPER.build(domain="poetry")
    assert gold_answers(None) == [] and gold_answers({"target": [1, None]}) == ["1"]
    assert len({guide, PAPER.build()}) == 1
