"""What protocols make of replies, by hand."""

from __future__ import annotations

import json
from math import log
from typing import Any, cast

import pytest

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison
from guerdon.models.protocols.chain_of_rubrics import ChainOfRubrics, read_trace
from guerdon.models.protocols.checklist import Checklist
from guerdon.models.protocols.criteria import weighed
from guerdon.models.protocols.critique_then_score import CritiqueThenScore
from guerdon.models.protocols.expected import expected_value
from guerdon.models.protocols.itemised import chunks, item_verdicts
from guerdon.models.protocols.listwise import Listwise, ranked_values
from guerdon.models.protocols.nuggets import Nuggets, best_label, text_blocks
from guerdon.models.protocols.pairwise import Pairwise
from guerdon.models.protocols.rating import Rating
from guerdon.models.protocols.reference_comparison import ReferenceComparison
from guerdon.models.protocols.step_judgement import StepJudgement
from guerdon.models.protocols.tournament import Tournament
from guerdon.rubric import Criterion
from guerdon.scores import Outcome
from guerdon.text.replies import final_json, final_line, final_tag, own_words, tagged_choice

ONE = Batch(["It is 4."], ["2+2?"])


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("<rating>4</rating>", "4"),
        ("Fine.\n\n**<rating>4</rating>**\n", "4"),
        ("<RATING> 4 </RATING>.", "4"),
        ("<rating>5</rating> is what it wants. <rating>2</rating>", "2"),
        ("<rating>5</rating> is what it wants.", None),
        ("<rating><rating>3</rating>", "3"),
        ("<think>maybe <rating>5</rating></think>", None),
        ("<think>maybe <rating>5</rating></think><rating>1</rating>", "1"),
        ("it says <think> and then <rating>1</rating>", "1"),
        ("", None),
    ],
)
def test_final_tag(reply: str, said: str | None) -> None:
    assert final_tag(reply, "rating") == said


def test_final_line_and_json() -> None:
    assert final_line("verdict: A\n\n**Verdict: B**\n", "verdict") == "B"
    assert final_line("the verdict: A", "verdict") is None and final_line("", "verdict") is None
    assert final_json('{"a": 1}\n{"a": 2}') == {"a": 2}
    assert final_json("[1, 2]") is None and final_json('{"a": 1') is None
    assert final_json('<think>{"a": 1}</think>') is None
    assert own_words("analysis weighs Aassistantfinal B") == "B"
    assert tagged_choice(" b.", "verdict", ("A", "B")) == "B" and tagged_choice("A B", "verdict", ("A", "B")) is None


# -- ratings ----------------------------------------------------------------------------------------------------------


def test_expected_value_by_hand() -> None:
    scale = {str(k): float(k) for k in range(1, 6)}

    def of(*places: dict[str, float], text: str = "4") -> float | None:
        return expected_value(
            ChatReply(text, logprobs=tuple({t: log(p) for t, p in one.items()} for one in places)), scale
        )

    assert of({"4": 0.5, "5": 0.25, "3": 0.25}) == pytest.approx(4.0)
    assert of({" 4": 0.5, "5": 0.5}, text=" 4") == pytest.approx(4.5), "blanks of a token do not matter"
    assert of({"4": 0.6, "four": 0.4}) == pytest.approx(4.0), "what is no rating is left out"
    assert of({"4": 0.2, "well": 0.8}) is None, "too little of the probability is on ratings"
    assert of({"I": 1.0}, {" 4": 1.0}, text="I 4") == pytest.approx(4.0)
    assert of({"2": 1.0}, {"then": 1.0}, {"4": 0.5, "5": 0.5}, text="2then4") == pytest.approx(4.5), (
        "the last one counts"
    )
    assert expected_value(ChatReply("4"), scale) is None
    assert expected_value(ChatReply("so", logprobs=({"so": 0.0},)), scale) is None


def test_a_number_that_begins_another_cannot_be_shared_out() -> None:
    ten = {str(k): float(k) for k in range(1, 11)}
    split = ({"1": log(0.6), "9": log(0.4)}, {"0": 0.0})
    assert expected_value(ChatReply("10", logprobs=split), ten) is None
    whole = ({"10": log(0.6), "9": log(0.399), "1": log(0.001)},)
    assert expected_value(ChatReply("10", logprobs=whole), ten) == pytest.approx((6.0 + 9 * 0.399) / 0.999)


def test_rating() -> None:
    rating = Rating(low=0, high=10)
    assert rating.bounds == (0.0, 10.0)
    replies = ("10", "0", "11", "-1", "7.5", "seven", "<rating>7</rating>")
    values = [v.value for v in rating.read(ONE, [ChatReply(s) for s in replies])]
    assert values == [10.0, 0.0, None, None, None, None, 7.0]
    assert rating.ask(ONE)[0].choices[-1] == "10" and rating.ask(ONE)[0].top_logprobs == 20
    assert Rating(critique=True, expected=False).ask(ONE)[0].choices == ()
    with pytest.raises(UserError, match="low"):
        Rating(low=3, high=3)
    with pytest.raises(UserError, match="of"):
        Rating(of="nothing")


def test_critique_then_score() -> None:
    dialogue = CritiqueThenScore(Rating(low=1, high=3)).dialogues(ONE)[0]
    [first] = cast(list[ChatRequest], next(dialogue))
    assert first.choices == () and "no number" in first.text
    [second] = cast(list[ChatRequest], dialogue.send([ChatReply("<think>hm</think>It is right.")]))
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert second.messages[:2] == first.messages and second.messages[2]["content"] == "It is right."
    with pytest.raises(StopIteration) as end:
        dialogue.send([ChatReply("3", logprobs=({"3": log(0.5), "2": log(0.5)},))])
    assert end.value.value[0].value == pytest.approx(2.5) and end.value.value[0].critique == "It is right."
    silent = CritiqueThenScore().dialogues(ONE)[0]
    next(silent)
    with pytest.raises(StopIteration) as end:
        silent.send([ChatReply(outcome=Outcome.TIMED_OUT)])
    assert end.value.value[0].outcome == Outcome.TIMED_OUT
    with pytest.raises(UserError, match="critique"):
        CritiqueThenScore(Rating(critique=True))


# -- comparisons ------------------------------------------------------------------------------------------------------


def test_pairwise() -> None:
    graded = Pairwise(graded=True, equal=False)
    words = ("A much better", "A better", "b better", "B much better", "tie")
    assert [graded.read(ChatReply(f"<verdict>{w}</verdict>")).value for w in words] == [1.0, 0.75, 0.25, 0.0, None]
    bare = Pairwise(critique=False)
    soft = ChatReply("A", logprobs=({"A": log(0.75), "B": log(0.25)},))
    assert bare.read(soft).value == pytest.approx(0.75) and bare.read(ChatReply("tie")).value == 0.5
    assert bare.ask(Comparison("q", "x", "y")).choices == ("A", "tie", "B")
    assert Pairwise().read(ChatReply(outcome=Outcome.REFUSED)).outcome == Outcome.REFUSED


def test_chain_of_rubrics() -> None:
    chain = ChainOfRubrics()
    assert chain.read(ChatReply("<eval>x</eval> <answer>[[B]]</answer>")).value == 0.0
    for said in (
        "<answer>[[A]]</answer> or <answer>[[B]]",
        "[[A]] it is",
        "<answer>[[A]][[B]]</answer>",
        "<answer>tie</answer>",
    ):
        assert chain.read(ChatReply(said)).value is None
    assert read_trace("<type>Reasoning</type><solution>4</solution>").solution == "4"
    assert "<rubric>" in chain.ask(Comparison("q", "x", "y")).text
    assert "<rubric>" not in ChainOfRubrics(rubrics=False).ask(Comparison("q", "x", "y")).text


def test_reference_comparison() -> None:
    batch = Batch(["one", "two", "three"], ["q"] * 3, exemplar=["ref", None, "  "])
    compared = ReferenceComparison(Pairwise())
    requests = compared.ask(batch)
    assert len(requests) == 2, "rows without an exemplar are not asked about"
    assert requests[0].text.index("\none\n") < requests[0].text.index("\nref\n")
    assert requests[1].text.index("\nref\n") < requests[1].text.index("\none\n")
    verdicts = compared.read(batch, [ChatReply("<verdict>A</verdict>"), ChatReply("<verdict>tie</verdict>")])
    assert [v.value for v in verdicts] == [0.75, None, None] and verdicts[1].outcome == Outcome.MISSING_DATA
    assert verdicts[0].parts["consistent"] == 0.0
    strict = ReferenceComparison(Pairwise(), debias="consistent")
    both_first = [ChatReply("<verdict>A</verdict>")] * 2
    assert strict.read(batch, both_first)[0].value == 0.5
    assert strict.read(batch, [ChatReply("<verdict>A</verdict>"), ChatReply("<verdict>B</verdict>")])[0].value == 1.0
    half = compared.read(batch, [ChatReply("<verdict>A</verdict>"), ChatReply(outcome=Outcome.TIMED_OUT)])
    assert half[0].outcome == Outcome.TIMED_OUT, "one order alone would be biased"
    with pytest.raises(UserError, match="debias"):
        ReferenceComparison(debias="swapped")  # type: ignore[arg-type]


# -- many items -------------------------------------------------------------------------------------------------------


def items(*words: str) -> ChatReply:
    return ChatReply(json.dumps({str(k): {"why": "so", "verdict": word} for k, word in enumerate(words, 1)}))


def test_chunks_and_items() -> None:
    assert [len(part) for part in chunks(11, 4)] == [4, 4, 3] and len(chunks(11, 0)) == 1
    assert [i for part in chunks(11, 4) for i in part] == list(range(11))
    read = item_verdicts(ChatReply('{"2": "no", "1": {"verdict": "YES"}, "9": "yes"}'), [("yes", "no")] * 3)
    assert read == ["yes", "no", Outcome.UNPARSEABLE]
    assert item_verdicts(ChatReply(outcome=Outcome.REFUSED), [("yes",)]) == [Outcome.REFUSED]


HARD, LIGHT, HEAVY = (
    Criterion("h", "hard", kind="hard"),
    Criterion("l", "light", 1.0),
    Criterion("w", "heavy", 3.0),
)
FAULT = Criterion("f", "fault", -2.0)


@pytest.mark.parametrize(
    ("criteria", "met", "value"),
    [
        ([HARD, LIGHT, HEAVY], [1.0, 1.0, 0.0], 0.25),
        ([HARD, LIGHT, HEAVY], [1.0, 0.5, 1.0], 0.875),
        ([HARD, LIGHT, HEAVY], [0.0, 1.0, 1.0], 0.0),
        ([HARD], [1.0], 1.0),
        ([HARD, LIGHT], [0.0, None], 0.0),
        ([HARD, LIGHT], [None, 1.0], None),
        ([LIGHT, HEAVY], [None, 1.0], None),
        ([LIGHT, HEAVY, FAULT], [1.0, 1.0, 1.0], 0.5),
        ([LIGHT, FAULT], [0.0, 1.0], 0.0),
        ([FAULT], [0.0], 1.0),
        ([FAULT], [1.0], 0.0),
    ],
)
def test_weighed(criteria: list[Criterion], met: list[float | None], value: float | None) -> None:
    assert weighed(criteria, met).value == value


def test_open_criteria_may_be_dropped() -> None:
    assert weighed([LIGHT, HEAVY], [None, 1.0], dropped=True).value == 1.0
    assert weighed([LIGHT], [None], dropped=True).value is None
    assert weighed([HARD, LIGHT], [None, 1.0], dropped=True).value is None


def test_checklist() -> None:
    fixed = Checklist([{"id": "h", "text": "hard", "kind": "hard"}, {"id": "s", "text": "soft"}], chunk=1, failed=-1.0)
    assert fixed.subparts == ("gate", "share", "h", "s") and fixed.bounds == (-1.0, 1.0)
    assert len(fixed.ask(ONE)) == 2
    assert fixed.read(ONE, [items("no"), ChatReply(outcome=Outcome.TIMED_OUT)])[0].value == -1.0, (
        "a failed gate is known"
    )
    late = fixed.read(ONE, [items("yes"), ChatReply(outcome=Outcome.TIMED_OUT)])[0]
    assert late.value is None and late.outcome == Outcome.TIMED_OUT and late.parts["gate"] == 1.0
    unsure = fixed.read(ONE, [items("yes"), items("unsure")])[0]
    assert unsure.value is None and unsure.outcome == Outcome.UNDECIDED
    batch = Batch(["a", "b"], ["q"] * 2, rubric=[["one", "two"], None], kind=["x", "y"])
    by_row = Checklist(levels=5)
    assert len(by_row.ask(batch)) == 1 and by_row.subparts == ("gate", "share")
    verdicts = by_row.read(batch, [items("5", "2")])
    assert verdicts[0].value == pytest.approx((1.0 + 0.25) / 2) and verdicts[1].outcome == Outcome.MISSING_DATA
    scoped = Checklist([{"text": "for all"}, {"text": "for x", "scope": "x"}], scope="kind")
    assert [len(c) for c in scoped.criteria_by_row(batch)] == [2, 1]
    assert set(scoped.own_columns) == {"kind"} and set(by_row.own_columns) == {"rubric"}
    faults: tuple[dict[str, Any], ...] = (
        {"levels": 1},
        {"chunk": -1},
        {"missing": "zero"},
        {"rubric": []},
        {"rubric": [{"id": "gate", "text": "x"}]},
    )
    for wrong in faults:
        with pytest.raises(UserError):
            Checklist(**wrong)


def test_nuggets() -> None:
    batch = Batch(["a"], nuggets=[[{"text": "vital"}, {"text": "fine", "weight": 0.5}]])
    [judged] = Nuggets().read(batch, [items("support", "partial_support")])
    assert judged.value == pytest.approx((1.0 + 0.25) / 1.5)
    assert dict(judged.parts) == {"supported": 0.5, "partly": 0.5, "unsupported": 0.0}
    assert Nuggets(partial=0.0).read(batch, [items("support", "partial_support")])[0].value == pytest.approx(1 / 1.5)
    [short] = Nuggets().read(batch, [items("support")])
    assert short.value is None and short.outcome == Outcome.UNPARSEABLE
    assert Nuggets().read(Batch(["a"], nuggets=[[]]), [])[0].outcome == Outcome.MISSING_DATA


def test_a_nugget_counts_with_its_best_block() -> None:
    batch = Batch(["first part\n\nsecond part"], nuggets=[["n1", "n2"]])
    nuggets = Nuggets(blocks=14)
    assert len(nuggets.ask(batch)) == 2
    best = nuggets.read(batch, [items("not_support", "partial_support"), items("support", "not_support")])[0]
    assert best.value == 0.75
    assert best_label([Outcome.TIMED_OUT, "support"]) == "support"
    assert best_label([Outcome.TIMED_OUT, "partial_support"]) == Outcome.TIMED_OUT
    for text in ("", "abc", "a b " * 50, "x" * 100, "a\n\nb\n\nc" * 20, " " * 40):
        pieces = text_blocks(text, 16)
        assert "".join(pieces) == text and all(len(piece) <= 16 for piece in pieces)


# -- steps ------------------------------------------------------------------------------------------------------------


def test_step_judgement_of_a_conversation() -> None:
    completion = [
        {"role": "assistant", "content": "I look it up."},
        {"role": "tool", "content": "Paris"},
        {"role": "assistant", "content": "It is Paris."},
    ]
    batch = Batch([completion], ["Capital?"])
    protocol = StepJudgement(reduction="min")
    [request] = protocol.ask(batch)
    assert "RETURNED BEFORE STEP 2" in request.text and "STEP 3" not in request.text
    reply = ChatReply(
        '{"principles": ["ask first"], "steps": {"1": {"why": "", "score": 10}, "2": {"why": "", "score": 3}}}'
    )
    [verdict] = protocol.read(batch, [reply])
    assert verdict.value == pytest.approx(0.3) and verdict.steps is not None
    assert verdict.steps.values.tolist() == [1.0, 0.3] and verdict.steps.spans is not None
    [partial] = protocol.read(batch, [ChatReply('{"steps": {"1": {"score": 10}}}')])
    assert partial.value is None and partial.outcome == Outcome.UNPARSEABLE and partial.steps is not None
    with pytest.raises(UserError, match="reduction"):
        StepJudgement(reduction="most")


# -- groups -----------------------------------------------------------------------------------------------------------


def test_ranked_values() -> None:
    names = ("1", "2", "3")
    assert ranked_values(["3", "1", "2"], names) == {"3": 1.0, "1": 0.5, "2": 0.0}
    assert ranked_values([["1", "2", "3"]], names) == {"1": 0.5, "2": 0.5, "3": 0.5}
    for wrong in (
        ["3", "1"],
        ["3", "1", "1"],
        ["3", "1", "4"],
        "312",
        None,
        {"1": 1},
        [["3", ["1"]], "2"],
        [1, 2, 3.0],
    ):
        assert ranked_values(wrong, names) == {}


def test_groups_of_one_and_of_equals_are_not_asked_about() -> None:
    batch = Batch(["same", "same", "other"], ["q", "q", "p"])
    for protocol in (Listwise(), Tournament()):
        for dialogue in protocol.dialogues(batch):
            with pytest.raises(StopIteration) as end:
                next(dialogue)
            assert all(verdict.value == 0.5 for verdict in end.value.value.values())
    assert len(next(Listwise(asks="scores").dialogues(batch)[1])) == 1, "a score needs no rival"


def test_a_tournament_says_what_it_cannot_do() -> None:
    faults: tuple[dict[str, Any], ...] = (
        {"schedule": "swiss"},
        {"aggregate": "mean"},
        {"aggregate": "standing"},
        {"debias": "both"},
        {"budget": 0},
    )
    for wrong in faults:
        with pytest.raises(UserError):
            Tournament(**wrong)
