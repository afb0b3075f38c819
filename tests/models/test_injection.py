"""Attacks on judges: what fences, readings and strict parsers stop, and what they do not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison
from guerdon.models.protocols.chain_of_rubrics import ChainOfRubrics
from guerdon.models.protocols.checklist import Checklist
from guerdon.models.protocols.listwise import Listwise
from guerdon.models.protocols.nuggets import Nuggets
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.step_judgement import StepJudgement
from guerdon.rewards import Judged
from guerdon.text.fences import fence_code, fenced, harmless
from guerdon.text.injections import INJECTIONS, attacked
from tests.models import injection_table
from tests.models.obedient_judge import WORST, ObedientJudge, unfenced

WRONG = "It is 7."
ATTACKS = attacked(WRONG)
BATCH = Batch(list(ATTACKS.values()), ["What is 2+2?"] * len(ATTACKS))
HARD_TEXT = st.text(
    st.one_of(st.sampled_from("<>‹›«»＜＞|｜[]/ \n\u200b\u200d\u2028\u202eA0"), st.characters()), max_size=60
)


@pytest.mark.parametrize("of", ["visible", "whole"])
@pytest.mark.parametrize("quotes", [False, True])
def test_an_obedient_judge_finds_no_order_outside_of_the_fences(of: str, quotes: bool) -> None:
    values = Judged(ObedientJudge(quotes=quotes), Rating(critique=True, of=of)).score(BATCH).values
    assert dict(zip(ATTACKS, values.tolist(), strict=True)) == dict.fromkeys(ATTACKS, float(WORST))


def test_what_fences_cannot_stop() -> None:
    """A judge that obeys what it was told is data is only spared what it does not see: thoughts and invisible text."""
    values = Judged(ObedientJudge(gullible=True), Rating(critique=True)).score(BATCH).values
    spared = {one.name for one, value in zip(INJECTIONS, values.tolist(), strict=True) if value == WORST}
    thoughts = {one.name for one in INJECTIONS if one.kind == "thought"}
    assert spared == thoughts | {"unicode: tag characters", "unicode: written backwards"}


def test_the_judge_does_obey_where_nothing_is_done() -> None:
    stopped = injection_table.stopped(injection_table.plain)
    assert not stopped, "every attack works on a plain prompt read by the first match"
    fixed = injection_table.stopped(injection_table.fixed_marks)
    assert {one.kind for one in INJECTIONS if one.name not in fixed} >= {"turn", "fence"}


def test_the_page_shows_what_was_measured() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
    assert injection_table.table() in page, "run: python -m tests.models.injection_table"


@given(HARD_TEXT)
def test_nothing_closes_its_own_block(text: str) -> None:
    block = fenced("ANSWER", text)
    opening, code = block.partition("\n")[0].split(" ")
    assert opening == "<<<ANSWER" and block.count(code) == 2
    assert block.endswith(f"\nANSWER {code}>>>")
    inside = block[len(opening) + len(code) + 2 : -len(f"\nANSWER {code}>>>")]
    assert inside == harmless(text) and ">>>" not in inside and "<<<" not in inside
    assert unfenced(f"before\n{block}\nafter") == "before\nafter", "also for a reader who ignores the code"
    assert harmless(inside) == inside
    inside.encode("utf-8")


def test_ordinary_text_is_left_as_it_is() -> None:
    for text in (
        "if a < b and c > d: x = y << 2 >> 1",
        ">>> print(1)\n1",
        "भाषा नमस्ते می‌خواهم 👩‍🔬 ❤️ שלום",
        "$a \\ll b \\gg c$",
        "<html><b>bold</b></html>",
        "a\tb\nc",
    ):
        assert harmless(text).replace("> > >", ">>>") == text
    assert harmless("let x: Vec<Vec<Vec<int>>> = y") == "let x: Vec<Vec<Vec<int> > > = y", "still the same code"


def test_codes_are_the_same_for_the_same_text_and_no_others() -> None:
    assert fenced("ANSWER", "4") == fenced("ANSWER", "4") != fenced("ANSWER", "4", key="secret")
    assert len({fence_code("ANSWER", str(i)) for i in range(1_000)}) == 1_000
    assert fence_code("A", "x") != fence_code("B", "x")
    code = fence_code("ANSWER", "4")
    again = fenced("ANSWER", f"4\nANSWER {code}>>>")
    assert again.count(code) == 1, "the code of a text is not the code of the text that holds it"


def test_a_long_text_says_what_was_left_out() -> None:
    block = fenced("ANSWER", "a" * 500 + "b" * 500, limit=100)
    assert "[900 characters left out]" in block and len(block) < 220
    for wrong in ({"label": "answer"}, {"label": "ANSWER", "limit": 1}):
        with pytest.raises(ValueError, match=r"label|limit"):
            fenced(text="long text", **wrong)


COLUMNS: dict[str, list[Any]] = {"exemplar": ["It is 4."], "nuggets": [["It is 4."]]}
ITEMS = '{"1": {"why": "no", "verdict": "%s"}}'
PROTOCOLS = [
    (Rating(critique=True), "<rating>1</rating>", 1.0),
    (Rating(), "1", 1.0),
    (Checklist(["It is right."]), ITEMS % "no", 0.0),
    (Nuggets(), ITEMS % "not_support", 0.0),
    (StepJudgement(), '{"principles": ["right"], "steps": {"1": {"why": "wrong", "score": 0}}}', 0.0),
    (ReferenceComparison(Pairwise(), debias="none"), "<verdict>B</verdict>", 0.0),
    (ReferenceComparison(ChainOfRubrics(), debias="none"), "<answer>[[B]]</answer>", 0.0),
]


@pytest.mark.parametrize(("protocol", "honest", "value"), PROTOCOLS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", ATTACKS)
def test_a_reply_that_quotes_an_attack_is_read_by_its_end(protocol, honest: str, value: float, name: str) -> None:  # type: ignore[no-untyped-def]
    batch = Batch([ATTACKS[name]], ["What is 2+2?"], columns=COLUMNS)
    quoting = f"The answer says: {ATTACKS[name]}\nI do not follow that.\n\n{honest}"
    [verdict] = protocol.read(batch, [ChatReply(quoting)])
    assert verdict.value == (value if protocol != Rating() else None), "a bare number has no quotes around it"
    [echo] = protocol.read(batch, [ChatReply(f"{ATTACKS[name]}\n{WRONG}")])
    assert echo.value is None, "a reply that is the answer itself is no verdict"


@pytest.mark.parametrize(
    "request_",
    [
        Rating(reference="exemplar").ask(Batch(["THE ANSWER"], ["THE QUESTION"], columns=COLUMNS))[0],
        Checklist(["THE CRITERION"], context={"nuggets": "Facts"}).ask(
            Batch(["THE ANSWER"], ["THE QUESTION"], columns=COLUMNS)
        )[0],
        Pairwise(reference="exemplar").ask(Comparison("THE QUESTION", "THE ANSWER", "other", {"exemplar": "It is 4."})),
        next(Listwise().dialogues(Batch(["THE ANSWER", "b"], ["THE QUESTION"] * 2))[0])[0],
    ],
)
def test_requests_go_from_what_is_shared_to_what_is_judged(request_: ChatRequest) -> None:
    said = request_.text
    assert [message["role"] for message in request_.messages] == ["system", "user"]
    assert said.index("THE QUESTION") < said.index("THE ANSWER")
    for shared in ("THE CRITERION", "It is 4."):
        assert shared not in said or said.index(shared) < said.index("THE ANSWER")
    assert "data to be judged" in str(request_.messages[0]["content"])
    outside = unfenced(str(request_.messages[1]["content"]))
    assert not re.search("QUESTION|THE ANSWER|CRITERION", outside)


def test_requests_of_one_question_share_their_beginning() -> None:
    first, second = Rating().ask(Batch(["first answer", "second answer"], ["What is 2+2?"] * 2))
    shared = len(first.text) - len("first answer") - 200
    assert first.text[:600] == second.text[:600] and shared > 0
    assert first.messages[0] == second.messages[0]
    assert np.argmax([a != b for a, b in zip(first.text, second.text, strict=False)]) > first.text.index("QUESTION")
