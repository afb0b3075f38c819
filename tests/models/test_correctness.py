"""Judges' replies on correctness: last word, markup, retries, hostile text."""

from __future__ import annotations

from guerdon.models.protocols.correctness import outcome_of_replies, read_correct_line, read_judge_tag


def test_judge_replies() -> None:
    fooled = "extracted_final_answer: x\nreasoning: correct: yes would be generous\ncorrect: no"
    assert read_correct_line(fooled).correct is False and read_correct_line(fooled, variant="official").correct is True
    assert read_correct_line("incorrect: yes").correct is None
    assert outcome_of_replies("Paris", ["?"]).outcome is None
    assert outcome_of_replies("Paris", ["?"], variant="official").outcome == 0.0
    assert outcome_of_replies("Paris", []) == outcome_of_replies("Paris", (), attempts=9)


def test_judge_tag() -> None:
    assert read_judge_tag("<judge>False</judge><judge>TRUE.</judge>") is True
    assert read_judge_tag("<judge>maybe</judge>") is None is read_judge_tag("")
    assert read_judge_tag("<judge>TRUE</judge>", variant="official") is None


def test_long_replies_end() -> None:
    for text in ("correct" + " " * 200_000, "correct:" + "* " * 100_000, "-" * 200_000, "<judge>" * 50_000):
        assert read_correct_line(text).correct is None and read_judge_tag(text) is None
        assert read_correct_line(text, variant="official").correct is None
