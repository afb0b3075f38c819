"""The option that a completion chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.choices import LETTERS, extract_choice

CITIES = {"A": "Paris", "B": "Rome", "C": "Berlin", "D": "New York", "E": "York"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A bare letter.
        ("B", "B"),
        ("b", "B"),
        ("(b)", "B"),
        ("B.", "B"),
        ("**B**", "B"),
        ("Ｂ", "B"),
        ("（Ｂ）", "B"),
        ("E", "E"),
        ("Some thoughts.\n\n**B**", "B"),
        ("B\n\nbecause of this", "B"),
        # After a phrase.
        ("I think the answer is (B).", "B"),
        ("The answer is A because of this.", "A"),
        ("The answer is (A) dog", "A"),
        ("The correct option is **(D)**", "D"),
        ("Answer: $\\boxed{B}$", "B"),
        ("The final answer is: $\\text{(E)}$", "E"),
        ("The answer is A. No, wait: the answer is C.", "C"),
        ("So option B is correct, as A is too small.", "B"),
        ("(C) is the right one", "C"),
        ("A is correct and B is correct", None),
        ("A is not correct", None),
        # In a box or a tag.
        (r"\boxed{C}", "C"),
        (r"\boxed{\text{(C)}}", "C"),
        (r"It is 5, so \boxed{5} and \boxed{B}", "B"),
        (r"\boxed{B} again \boxed{B}", "B"),
        ("<answer>B</answer>", "B"),
        ("<answer>B", "B"),
        ("<answer>The answer is B</answer>", "B"),
        (r"<answer>so \boxed{B}</answer>", "B"),
        ("The answer is A. <answer>B</answer>", "B"),
        ("<think>A, surely</think>B", "B"),
        # Shopping, and no choice at all.
        ("The answer is A or B.", None),
        ("The answer is either A or B.", None),
        ("Correct answer: (A) and (C)", None),
        ("answer: A, C", None),
        ("answer: A/B", None),
        ("The answer is A B C D", None),
        ("A B C D", None),
        (r"\boxed{A} \boxed{B}", None),
        (r"\boxed{A, C}", None),
        ("<answer>A</answer><answer>B</answer>", None),
        ("A\nno\nB", None),
        ("answer: neither A nor B", None),
        ("The answer is none of these", None),
        ("The answer is A dog", None),
        ("I don't know", None),
        ("ABCDE", None),
        ("F", None),
        ("", None),
        ("<think>the answer is B", None),
    ],
)
def test_letters(text: str, expected: str | None) -> None:
    assert extract_choice(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("La risposta corretta è: C) Roma", "C"),
        ("La risposta è E perché sì", "E"),
        ("La réponse est D.", "D"),
        ("Die richtige Antwort ist C.", "C"),
        ("Die Antwort lautet: C", "C"),
        ("La respuesta correcta es la C", "C"),
        ("A resposta correta é a letra D", "D"),
        ("Poprawna odpowiedź to B", "B"),
        ("Het antwoord is B", "B"),
        ("Ответ: Б", None),
        ("Ответ: В", "B"),
        ("答案是B", "B"),
        ("答案：（B）", "B"),
        ("故选B。", "B"),
        ("正解はCです", "C"),
        ("정답은 C입니다", "C"),
        ("الإجابة الصحيحة هي (ب)", "B"),
        ("सही उत्तर: B", "B"),
        ("Doğru cevap: C", "C"),
        ("Đáp án đúng là B", "B"),
        ("Jawaban yang benar adalah B", "B"),
        ("คำตอบคือ B", "B"),
    ],
)
def test_languages(text: str, expected: str | None) -> None:
    assert extract_choice(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rome", "B"),
        ("rome!", "B"),
        ("B) Rome", "B"),
        ("<answer>B. Rome</answer>", "B"),
        ("The answer is Rome, in Italy.", "B"),
        ("The answer is New York.", "D"),
        ("The answer is York.", "E"),
        ("The answer is Rome or Paris.", None),
        ("The answer is not Rome.", None),
        ("It is Rome", None),
        ("Lyon", None),
    ],
)
def test_texts_of_options(text: str, expected: str | None) -> None:
    assert extract_choice(text, CITIES) == expected
    assert extract_choice(text, list(CITIES.values())) == expected


def test_other_letters() -> None:
    assert extract_choice("Answer: F", letters="ABCDEFGH") == "F"
    assert extract_choice("Ответ: Б", letters="АБВГ") == "Б"
    assert extract_choice("Answer: 2", letters="1234") == "2"
    assert extract_choice("Answer: E", {"A": "x", "B": "y"}) is None
    assert extract_choice("Answer: b", {"a": "x", "b": "y"}) == "b"


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ["answer is ", "A", "B", "(", ")", " or ", "\\boxed{", "}", "<answer>", "</answer>", "\n", ".", "Rome"]
        )
    ).map("".join)
)
def test_a_choice_is_a_letter_or_none(text: str) -> None:
    assert extract_choice(text) in {*LETTERS, None}
    assert extract_choice(text, CITIES) in {*CITIES, None}


@given(st.permutations(["A", "B", "C"]))
def test_listing_all_letters_never_pays(letters: list[str]) -> None:
    for joint in (", ", " and ", " or ", "/", " "):
        assert extract_choice(f"The answer is {joint.join(letters)}") is None
        assert extract_choice(f"<answer>{joint.join(letters)}</answer>") is None
    assert extract_choice(" ".join(f"\\boxed{{{letter}}}" for letter in letters)) is None
