"""Small questions with a right and a wrong answer, and an unreliable teacher's judgement of them: a tiny judge's first lessons.

``answer_pairs`` asks which of two answers is right, ``answer_checks`` whether one is. Both are made on the spot, the same rows for
a seed. What a judge is fine-tuned on is the teacher's, whose reasons are right but whose verdict is wrong for a share of the
rows; ``answer`` is the truth that reinforcement learning verifies against. No pair of a test row stands in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from guerdon.data.balanced_order import balanced_order

SPLITS = {"test": 0.2, "validation": 0.05, "train": 0.75}
#: How many teachers judge each row of training.
TEACHERS = 4
NUMBERS = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split()
)
KINDS = ("even", "odd")
Asked = tuple[str, str, str]


def answer_pairs(seed: int = 0, *, wrong_share: float = 0.25) -> list[dict[str, Any]]:
    """Rows that show two answers, A and B, of which one is right.

    ``answer`` is the right letter, ``explanation`` says of both whether they are. The teacher's ``verdict`` is a letter too, its
    ``critique`` decisive for half of the rows and empty talk for the others; half of the rows have a ``human_critique``, the others
    "". In training each pair stands in both orders and has several teachers, elsewhere orders take turns.

    >>> row = answer_pairs()[0]
    >>> row["question"], row["options"], row["answer"], row["explanation"]
    ('Name an odd number.', ['seven', 'two'], 'A', 'seven right, two wrong')
    """
    rows: list[dict[str, Any]] = []
    for split, pairs in _split(seed):
        shown = [pair for pair in pairs for _ in range(2 * TEACHERS)] if split == "train" else pairs
        asked = [{"question": question, "chosen": right, "rejected": wrong} for question, right, wrong in shown]
        for number, row in enumerate(balanced_order(asked, labels=("A", "B"))):
            rows.append(_judged_pair(row, split, number, seed, wrong_share))
    return rows


def answer_checks(seed: int = 0, *, wrong_share: float = 0.25) -> list[dict[str, Any]]:
    """Rows that show one answer; ``answer`` is "1" if it is right, "0" if not, as often the one as the other.

    >>> row = answer_checks()[0]
    >>> row["question"], row["options"], row["answer"], row["explanation"]
    ('Name an odd number.', ['seven'], '1', 'seven right')
    """
    rows: list[dict[str, Any]] = []
    for split, pairs in _split(seed):
        for question, right, wrong in pairs:
            for answer, said in (("1", right), ("0", wrong)):
                name = f"{split}/{len(rows)}"
                row = {"id": name, "split": split, "language": "en", "subject": question.split()[2]}
                truth = "right" if answer == "1" else "wrong"
                asked = {"question": question, "options": [said], "answer": answer, "explanation": f"{said} {truth}"}
                rows.append({**row, **asked, "verdict": _teacher(name, seed, answer, "10", wrong_share)})
    return rows


def _split(seed: int) -> Iterator[tuple[str, Sequence[Asked]]]:
    even, odd = NUMBERS[::2], NUMBERS[1::2]
    pairs = [(f"Name an {KINDS[0]} number.", right, wrong) for right in even for wrong in odd]
    pairs += [(f"Name an {KINDS[1]} number.", right, wrong) for right in odd for wrong in even]
    Random(seed).shuffle(pairs)
    start = 0
    for split, share in SPLITS.items():
        size = round(share * len(pairs)) if split != "train" else len(pairs) - start
        yield split, pairs[start : start + size]
        start += size


def _judged_pair(row: dict[str, Any], split: str, number: int, seed: int, wrong_share: float) -> dict[str, Any]:
    name, right = f"{split}/{number}", row["winner"]
    teacher = _teacher(name, seed, right, "AB", wrong_share)
    decisive, annotated = (Random(f"{seed}/{name}/{what}").random() < 0.5 for what in ("critique", "human critique"))
    options = [row["response_a"], row["response_b"]]
    truths = ["right" if letter == right else "wrong" for letter in "AB"]
    reasons = ", ".join(f"{option} {truth}" for option, truth in zip(options, truths, strict=True))
    return {
        "id": name,
        "split": split,
        "language": "en",
        "subject": row["question"].split()[2],
        "question": row["question"],
        "options": options,
        "answer": right,
        "explanation": reasons,
        "verdict": teacher,
        "critique": reasons if decisive else f"I like {teacher} more",
        "human_critique": reasons if annotated else "",
    }


def _teacher(name: str, seed: int, truth: str, choices: str, wrong_share: float) -> str:
    return choices.replace(truth, "") if Random(f"{seed}/{name}").random() < wrong_share else truth
