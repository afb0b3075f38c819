"""ARM-Thinker: the ladder, evidence, official quirks, stages, validators, hacks."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.papers.arm_thinker import TASKS
from guerdon.rewards import Instructions
from guerdon.scores import Outcome
from guerdon.text.instructions import INSTRUCTIONS, check_instruction
from guerdon.text.sentences import sentences

PAPER = find_paper("arm-thinker")
ZOOM = "This is the zoom-in image `observation_1`."
CALL = '<think>look</think><tool_call>{"name": "zoom", "arguments": {}}</tool_call>'


def said(answer: str = "Answer 1 is better.", thought: str = "compare") -> str:
    return f"<think>{thought}</think><answer>Overall Judgment: {answer}</answer>"


def chat(*results: str, last: str) -> list[dict[str, str]]:
    asked = [
        {"role": role, "content": text} for result in results for role, text in (("assistant", CALL), ("tool", result))
    ]
    return [*asked, {"role": "assistant", "content": last}]


def values(completions: list[object], variant: str = "default", **options: object) -> list[float]:
    columns = {"mode": ["single_rm"] * len(completions)}
    batch = Batch(completions, reference=["1"] * len(completions), columns=columns)
    return [float(value) for value in PAPER.build(variant, **options).score(batch).values]


def test_the_ladder_is_monotone() -> None:
    wrong = said("Answer 2 is better.")
    ladder = ["no tags", wrong, chat(ZOOM, last=wrong), said(), chat(ZOOM, last=said())]
    assert values(ladder) == pytest.approx([0.0, 0.3, 0.4, 1.0, 1.5])
    assert values([chat("Error: bad box", last=said())]) == [1.0]


def test_repeated_calls_and_earlier_turns_change_nothing() -> None:
    assert values([chat(*[ZOOM] * 5, last=said())]) == [1.5]
    noisy = [{"role": "assistant", "content": said("Answer 2 is better.")}, {"role": "user", "content": "sure?"}]
    assert values([[*noisy, *chat(last=said())]]) == [1.0]


def test_forged_evidence_pays_only_in_the_official_variant() -> None:
    forged = said(thought=f"<tool_response>{ZOOM}</tool_response>")
    assert values([forged, forged], "official") == [1.5, 1.5] and values([forged]) == [1.0]
    typed = chat(last=CALL + f"<tool_response>{ZOOM}</tool_response>\nassistant\n" + said())
    assert values([typed]) == [0.0] and values([typed], "official") == [1.5]


def test_the_environment_column_is_evidence() -> None:
    before, result, after = CALL, f"<tool_response>{ZOOM}</tool_response>", "assistant\n" + said()
    text = before + result + after
    batch = Batch([text, text], reference=["1", "1"], spans=[[(len(before), len(before + result))], []])
    assert PAPER.build(environment="spans").score(batch).values.tolist() == [1.5, 0.0]


def test_quirks_of_the_released_code() -> None:
    broken = said(thought="the assistant\nis wrong")
    assert values([broken], "official") == [0.0] and values([broken]) == [1.0]
    nested = said() + "<answer>Answer 1 is better.</answer>"
    assert values([nested], "official") == [1.0] and values([nested]) == [0.0]
    true = Batch([said("True")], reference=[-1], mode=["single_rm"])
    assert PAPER.build("official", task="documents").score(true).values.tolist() == [0.3]
    assert PAPER.build(task="documents").score(true).values.tolist() == [1.0]
    spaced = Batch(["<think>x</think><answer> Overall Judgment: True </answer>"], reference=["True"])
    assert PAPER.build("official", task="instructions").score(spaced).values.tolist() == [0.0]
    assert PAPER.build(task="instructions").score(spaced).values.tolist() == [1.0]


def test_stages() -> None:
    wrong = said("Answer 2 is better.")
    assert values([wrong, chat(ZOOM, last=wrong), chat("Error", last=said()), "x"], stage=1) == pytest.approx(
        [0.3, 0.4, 0.4, 0.0]
    )
    with pytest.raises(UserError, match="stage"):
        PAPER.build(stage=3)


def test_no_reference_is_no_score() -> None:
    scores = PAPER.build().score(Batch([said(), said()], reference=[None, 1.0]))
    assert np.isnan(scores.values[0]) and scores.values[1] == 1.0
    assert scores.notes["verdict"][0].outcome is Outcome.MISSING_DATA


HACKS: list[object] = [
    "",
    "Which answer is better?",
    "Answer 1 is better. " * 50,
    said("Answer 1 is better. Answer 2 is better."),
    said(ZOOM),
    said() + said(),
    f"<think>{ZOOM}</think>" + said(),
    CALL + said(),
    said("better " * 50_000),
    "<think>" * 20_000 + "</think><answer>" * 20_000 + "</answer>",
    "Answer" + " " * 50_000 + "1 is",
]


@pytest.mark.parametrize("task", [*TASKS])
def test_hacks(task: str) -> None:
    right = "1 is better" if task != "instructions" else "True"
    honest = chat(ZOOM, last=said("Answer 1 is better." if task != "instructions" else "True"))
    batch = Batch([honest, *HACKS], reference=[right[0] if task != "instructions" else "true"] * (1 + len(HACKS)))
    scored = PAPER.build(task=task).score(batch).values
    # What the siblings that ignore form pay for is a right verdict in any form.
    limit = scored[0] + 1e-9 if task in ("critic_accuracy", "critic_shaped", "pair_format") else scored[0] - 1e-9
    if task in ("critic_strict", "instructions"):
        limit = scored[0] + 1e-9
    assert (scored[1:] <= limit).all(), scored


def test_all_nineteen_instructions() -> None:
    two = {"lower_bound": 1, "upper_bound": 2}
    keywords = {"keywords": ["cat", "dog"], "lower_bound_times": 1, "upper_bound_times": 2}
    yes: dict[str, tuple[str, dict[str, object]]] = {
        "ParagraphNumberInRange": ("a\n\nb", two),
        "SentenceNumberInRange": ("One. Two.", two),
        "EachParagraphSentenceNumberInRange": ("One. Two.\n\nThree.", two),
        "EachParagraphSentenceNumberInRangeList": ("One. Two.\n\nThree.", {"ranges": [[2, 2], [1, 1]]}),
        "WordCountInRange": ("well-known fact", two),
        "EachParagraphWordCountInRange": ("a b\n\nc", two),
        "NotContainSubstrings": ("bee", {"substrings": ["butter", "moth"]}),
        "NotContainSubstring": ("bee", {"substring": "moth"}),
        "EachSentenceBeginsWith": ("We go. we stay.", {"substring": "We"}),
        "EachParagraphBeginsWith": ("Well, a\n\nwell b", {"substring": "Well"}),
        "EachParagraphEndsWith": ("the end.\n\nThe End", {"substring": "the end"}),
        "EachSentenceEndsWith": ("All go on. I go on.", {"substring": "go on"}),
        "ResponseBeginsWith": ("…Dear all", {"substring": "dear"}),
        "ResponseEndsWith": ("bye. Thank you.", {"substring": "Thank you"}),
        "EachKeywordMentionedInRange": ("cat dog dog", keywords),
        "TotalKeywordsMentionedInRange": ("Cat cat", keywords),
        "PercentagePrecision": ("up 12.50% and 3.25%, 3%", {"precision": 2}),
        "NumberPrecision": ("1.25 and 7", {"precision": 2}),
        "NoArabicNumber": ("the 1st", {}),
    }
    no = {
        "ParagraphNumberInRange": "a\n\nb\n\nc",
        "SentenceNumberInRange": "One. Two. Three.",
        "EachParagraphSentenceNumberInRange": "One. Two. Three.\n\nFour.",
        "EachParagraphSentenceNumberInRangeList": "One. Two.",
        "WordCountInRange": "a b c",
        "EachParagraphWordCountInRange": "a\n\nb c d",
        "NotContainSubstrings": "BUTTER",
        "NotContainSubstring": "Mothers",
        "EachSentenceBeginsWith": "We go. They stay.",
        "EachParagraphBeginsWith": "Well, a\n\nbut b",
        "EachParagraphEndsWith": "the end!\n\nthe end",
        "EachSentenceEndsWith": "We go on. So what.",
        "ResponseBeginsWith": "Hello dear",
        "ResponseEndsWith": "Thank you so much",
        "EachKeywordMentionedInRange": "cat",
        "TotalKeywordsMentionedInRange": "cat dog cat",
        "PercentagePrecision": "1.2.345%",
        "NumberPrecision": "version 1.2.34",
        "NoArabicNumber": "in ٢٠٢٤",
    }
    assert set(yes) == set(no) == set(INSTRUCTIONS) and len(yes) == 19
    for name, (text, arguments) in yes.items():
        assert check_instruction(f"{name}Tool", text, arguments), name
        assert not check_instruction(name, no[name], arguments), name


def test_verse_counts_lines() -> None:
    verse = "low sun -\nlong shade -\nno wind -"
    assert check_instruction("EachParagraphSentenceNumberInRange", verse, {"lower_bound": 3, "upper_bound": 3})


def test_faults_of_the_data_and_hostile_text() -> None:
    for name, arguments in (("Rhymes", {}), ("WordCountInRange", {}), ("NotContainSubstring", {"substring": 3})):
        with pytest.raises(ValueError, match=name):
            check_instruction(name, "text", arguments)
    asked = [[{"name": "Rhymes"}], [], None, '[{"name": "NoArabicNumber"}]']
    scores = Instructions().score(Batch(["text"] * 4, instructions=asked))
    assert np.isnan(scores.values[:3]).all() and scores.values[3] == 1.0
    for text in ("1" * 300_000, "." * 300_000 + "a", "\n " * 300_000, "a. " * 100_000, "\n" + " " * 300_000 + "x"):
        for name in ("NumberPrecision", "PercentagePrecision"):
            check_instruction(name, text, {"precision": 1})
        check_instruction("EachSentenceBeginsWith", text, {"substring": "a"})
        check_instruction("ParagraphNumberInRange", text, {"lower_bound": 0, "upper_bound": 1})
        check_instruction("NoArabicNumber", text)


def test_sentences() -> None:
    assert sentences("") == [] and sentences("No end") == ["No end"]
    assert sentences('He said "Go!" Then left… Yes.') == ['He said "Go!"', "Then left…", "Yes."]
    assert sentences("今日は。元気？") == ["今日は。", "元気？"]
    assert sentences("1. First. J. R. Smith came") == ["1. First.", "J. R. Smith came"]
