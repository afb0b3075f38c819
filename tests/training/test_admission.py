"""The demonstration data: complete, consistent, split as its card says, and reproducible."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from guerdon import Batch
from guerdon.data.items import SUBJECTS, Item, items
from guerdon.data.mixed_quality import mixed_quality, wrong_share
from guerdon.data.variants import FILE, LETTERS, ROWS, variants, write
from guerdon.rewards import Choice

LANGUAGES = ("en", "it")
QUESTIONS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def of(split: str, language: str = "en") -> list[dict]:
    return [row for row in QUESTIONS if row["split"] == split and row["language"] == language]


@pytest.mark.parametrize("item", items().values(), ids=lambda item: item.id)
def test_an_item_is_complete(item: Item) -> None:
    assert item.subject in SUBJECTS and item.language in LANGUAGES
    assert len(set(item.ask)) == 4
    assert len({option.casefold() for option in (item.right, *item.wrong)}) == 6
    assert 25 <= len(item.why.split()) <= 45
    assert not re.search(r"[\n\t<>]|  ", " ".join((*item.ask, item.right, *item.wrong, item.why)).replace("->", "to"))


def test_there_are_enough_items() -> None:
    languages = Counter(item.language for item in items().values())
    assert languages["en"] >= 150 and languages["it"] >= 40
    assert {(item.subject, item.language) for item in items().values()} == {
        (s, la) for s in SUBJECTS for la in LANGUAGES
    }


def test_the_file_is_what_the_generator_gives(tmp_path: Path) -> None:
    assert write(tmp_path / "again.jsonl") == len(QUESTIONS)
    assert (tmp_path / "again.jsonl").read_bytes() == FILE.read_bytes()
    assert FILE.stat().st_size < 1_600_000


def test_another_seed_gives_other_questions_of_the_same_facts() -> None:
    item = items()["bio-ribosome"]
    one, other = list(variants(item)), list(variants(item, seed=1))
    assert one != other and {row["answer"] for row in other} == set(LETTERS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_test_question_is_trained_on(language: str) -> None:
    known = of("train", language) + of("validation", language)
    shown = {(row["question"], *row["options"]) for row in known}
    sets = {(row["item"], frozenset(row["options"])) for row in known}
    for row in of("test", language) + of("rephrased", language):
        assert (row["question"], *row["options"]) not in shown
        assert (row["item"], frozenset(row["options"])) not in sets
    phrased = {row["question"] for row in known + of("test", language)}
    assert not phrased & {row["question"] for row in of("rephrased", language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_validation_has_options_of_its_own(language: str) -> None:
    trained = {(row["item"], frozenset(row["options"])) for row in of("train", language)}
    assert not trained & {(row["item"], frozenset(row["options"])) for row in of("validation", language)}


def test_every_item_is_in_every_split_and_ids_are_unique() -> None:
    counts = Counter((row["item"], row["split"]) for row in QUESTIONS)
    for item in items().values():
        assert {split: counts[item.id, split] for split in ROWS} == ROWS
    assert len({row["id"] for row in QUESTIONS}) == len(QUESTIONS)


def test_letters_do_not_give_the_answer_away() -> None:
    for language in LANGUAGES:
        counts = Counter(row["answer"] for row in of("train", language))
        assert len(set(counts.values())) == 1 and set(counts) == set(LETTERS)


def test_right_options_are_read_as_right_and_wrong_ones_as_wrong() -> None:
    choice = Choice(reference="answer", options="options")
    columns = {"answer": [row["answer"] for row in QUESTIONS], "options": [row["options"] for row in QUESTIONS]}
    for k, letter in enumerate(LETTERS):
        for said in ([row["options"][k] for row in QUESTIONS], [letter] * len(QUESTIONS)):
            scores = choice.score(Batch([f"<answer>{text}</answer>" for text in said], columns=columns))
            assert scores.values.tolist() == [float(row["answer"] == letter) for row in QUESTIONS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quarter_is_wrong_and_a_quarter_terse(language: str) -> None:
    rows = mixed_quality(of("train", language))
    shares = {quality: count / len(rows) for quality, count in Counter(row["quality"] for row in rows).items()}
    assert shares == pytest.approx({"expert": 0.5, "terse": 0.25, "wrong": 0.25}, abs=0.06)


def test_mixed_quality_argues_for_what_it_says() -> None:
    given = {row["id"]: row for row in of("train")}
    for row in mixed_quality(of("train")):
        right, before = row["answer"] == given[row["id"]]["answer"], given[row["id"]]["explanation"]
        chosen = row["options"][LETTERS.index(row["answer"])]
        assert right == (row["quality"] != "wrong")
        assert (row["explanation"] == before) == (row["quality"] == "expert")
        assert row["quality"] == "expert" or chosen in row["explanation"]
        assert {**row, "explanation": 0, "answer": 0, "quality": 0} == {
            **given[row["id"]],
            "explanation": 0,
            "answer": 0,
            "quality": 0,
        }


def test_mistakes_cluster_and_are_decided_row_by_row() -> None:
    rows = of("train")
    all_of_them = {row["id"]: row for row in mixed_quality(rows)}
    assert all(row == all_of_them[row["id"]] for row in mixed_quality(rows[::7]))
    assert mixed_quality(rows) != mixed_quality(rows, seed=1)
    wrong = defaultdict(list)
    for row in all_of_them.values():
        wrong[row["item"]].append(row["quality"] == "wrong")
    mostly = [item for item, found in wrong.items() if sum(found) > len(found) / 2]
    assert 0.08 < len(mostly) / len(wrong) < 0.25
    assert all(wrong_share(item) > 0.5 for item in mostly)
