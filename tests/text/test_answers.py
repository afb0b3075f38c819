"""What a text announces as its answer, in many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.answers import answer_phrases, clean_answer, final_answer, first_sentence, last_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is 42.", "42"),
        ("Therefore, the final answer is: **42**", "42"),
        ("**Answer:** Rome", "Rome"),
        ("answer = 3.5", "3.5"),
        ("The answer is:\n\n  Rome\n\nBye.", "Rome"),
        ("The answer is 42. I am sure of it.", "42"),
        ("The answer is Dr. Smith of St. Louis. Yes.", "Dr. Smith of St. Louis"),
        ("First the answer is 3, no: the answer is 4.", "4"),
        ("So 5 + 5 = 10\n#### 10", "10"),
        ("#### 10\n\nQuestion: next", "10"),
        ("#### Notes\nThe answer is 5.", "5"),
        ("The answer is 5.\n#### Notes on this\nMore text.", "5"),
        ("La risposta corretta è: Roma", "Roma"),
        ("La risposta è Roma.", "Roma"),
        ("Die richtige Antwort lautet: Rom", "Rom"),
        ("Die Antwort ist Rom.", "Rom"),
        ("La réponse finale est Rome.", "Rome"),
        ("La respuesta correcta es Roma.", "Roma"),
        ("A resposta é Roma.", "Roma"),
        ("Het antwoord is Rome.", "Rome"),
        ("Poprawna odpowiedź to Rzym.", "Rzym"),
        ("Правильный ответ: Рим", "Рим"),
        ("Ответ — Рим.", "Рим"),
        ("Відповідь: Рим", "Рим"),
        ("答案是罗马。", "罗马"),
        ("答案：罗马", "罗马"),
        ("故选B", "B"),
        ("答えはローマ", "ローマ"),
        ("正解：ローマ", "ローマ"),
        ("정답은 로마", "로마"),
        ("정답: 로마", "로마"),
        ("الإجابة الصحيحة هي: روما", "روما"),
        ("الجواب: روما", "روما"),
        ("सही उत्तर: रोम", "रोम"),
        ("উত্তর: রোম", "রোম"),
        ("Doğru cevap: Roma", "Roma"),
        ("Đáp án là: Rome", "Rome"),
        ("Jawaban yang benar adalah Roma.", "Roma"),
        ("คำตอบคือ โรม", "โรม"),
        ("התשובה היא רומא", "רומא"),
        ("Η απάντηση είναι Ρώμη", "Ρώμη"),
        ("Svaret är Rom", "Rom"),
        ("Răspunsul este Roma", "Roma"),
        ("Jibu ni Roma", "Roma"),
        ("I have no idea.", None),
        ("Answers vary.", None),
        ("The answer is", None),
        ("The answering machine is broken", None),
        ("", None),
    ],
)
def test_the_last_answer_phrase(text: str, expected: str | None) -> None:
    assert last_answer(text) == expected
    phrases = answer_phrases(text)
    assert (phrases[-1].answer if phrases else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<answer>Rome</answer> The answer is Paris.", "Rome"),
        ("<answer>Paris</answer><answer>Rome</answer>", "Rome"),
        ("<answer>Paris</answer><answer>Rome", "Paris"),
        ("<answer>Rome", "Rome"),
        ("<ANSWER>Rome</ANSWER>", "Rome"),
        (r"<answer>$\boxed{7}$</answer>", "7"),
        (r"<answer>It is \boxed{7} m</answer>", r"It is \boxed{7} m"),
        ("<answer></answer> The answer is 5", ""),
        (r"The answer is 3, so \boxed{4}", "4"),
        (r"so \boxed{4", None),
        (r"The answer is \boxed{4", r"\boxed{4"),
        ("The answer is 7.", "7"),
        ("7", None),
        ("", None),
    ],
)
def test_the_final_answer(text: str, expected: str | None) -> None:
    assert final_answer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" **42**. ", "42"),
        ("$42$", "42"),
        (r"\(42\)", "42"),
        (r"\[ 42 \]", "42"),
        (r"$\boxed{42}$.", "42"),
        (r"\boxed{1} and \boxed{2}", r"\boxed{1} and \boxed{2}"),
        ("wait...", "wait..."),
        ("$", "$"),
        ("", ""),
    ],
)
def test_clean_answer(text: str, expected: str) -> None:
    assert clean_answer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5 m", "3.5 m"),
        ("A. Rome", "A. Rome"),
        ("Rome! Indeed", "Rome"),
        ("罗马。因为如此", "罗马"),
        ("e.g. this. That", "e.g. this"),
        ("no end", "no end"),
    ],
)
def test_first_sentence(text: str, expected: str) -> None:
    assert first_sentence(text) == expected


@given(
    st.text() | st.lists(st.sampled_from(["answer", " is ", ": ", "\n", "####", "4", ".", "*", "答案"])).map("".join)
)
def test_phrases_lie_in_the_text(text: str) -> None:
    for phrase in answer_phrases(text):
        assert 0 <= phrase.start < phrase.end <= phrase.answer_start <= len(text)
        assert phrase.answer and phrase.answer in text
