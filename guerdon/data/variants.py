"""Questions made from items: phrasings, distractor sets and option orders, split so that no test prompt is trained on.

``python -m guerdon.data.variants`` writes admission.jsonl anew; the same seed gives the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from guerdon.data.items import Item, items

FILE = Path(__file__).parent / "admission.jsonl"
LETTERS = "ABCD"
SEED = 0
#: Questions per item in each split.
ROWS = {"train": 12, "validation": 1, "test": 1, "rephrased": 1}


def variants(item: Item, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """The questions of one item.

    One set of distractors, drawn by the seed, is kept for the test and another for validation; both share their phrasings with
    training. The harder split ``rephrased`` asks with the test's distractors in a phrasing that training never uses. In training
    the right option stands equally often under each letter.
    """
    random = Random(f"{seed}/{item.id}")
    phrasings = random.sample(item.ask, len(item.ask))
    sets = list(combinations(item.wrong, len(LETTERS) - 1))
    random.shuffle(sets)
    pools = {
        "test": (phrasings[1:], sets[:1]),
        "rephrased": (phrasings[:1], sets[:1]),
        "validation": (phrasings[1:], sets[1:2]),
        "train": (phrasings[1:], sets[2:]),
    }
    for split in ROWS:
        asked, distractors = pools[split]
        seen: set[tuple[str, ...]] = set()
        while len(seen) < ROWS[split]:
            number = len(seen)
            question = asked[number % len(asked)]
            options = random.sample(random.choice(distractors), len(LETTERS) - 1)
            place = number // len(asked) % len(LETTERS) if split == "train" else random.randrange(len(LETTERS))
            options.insert(place, item.right)
            if (question, *options) in seen:
                continue
            seen.add((question, *options))
            yield {
                "id": f"{item.id}/{split}/{number}",
                "item": item.id,
                "split": split,
                "subject": item.subject,
                "language": item.language,
                "question": question,
                "options": options,
                "answer": LETTERS[place],
                "explanation": item.why,
            }


def write(path: Path = FILE) -> int:
    """Write the questions of all items as JSONL and return their number."""
    rows = [row for item in items().values() for row in variants(item)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


if __name__ == "__main__":
    print(f"{write()} questions in {FILE.name}")
