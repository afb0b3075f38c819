"""``python -m tests.models.injection_table``: measure which attacks are stopped, and write the table of docs/protocols.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from guerdon import Batch
from guerdon.models.chat import ChatRequest
from guerdon.models.protocols.rating import Rating
from guerdon.rewards import Judged
from guerdon.text.injections import INJECTIONS
from tests.models.obedient_judge import WORST, ObedientJudge, plain_prompt, rating_of, tagged_prompt

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"
BEGIN, END = "<!-- injections: begin -->", "<!-- injections: end -->"
QUESTION, WRONG = "What is 2+2?", "It is 7."

Rated = Callable[[str], float | None]


def plain(answer: str) -> float | None:
    """A plain prompt, whose reply is read by the first match, from a judge that quotes."""
    return rating_of(_asked(plain_prompt(answer)))


def fixed_marks(answer: str) -> float | None:
    """A prompt with fixed marks around the answer."""
    return rating_of(_asked(tagged_prompt(answer), quotes=False))


def guerdon(answer: str) -> float | None:
    """A Rating."""
    return _judged(ObedientJudge(quotes=True), answer)


def gullible(answer: str) -> float | None:
    """A Rating by a judge that obeys what stands in fences."""
    return _judged(ObedientJudge(gullible=True), answer)


def _asked(prompt: str, *, quotes: bool = True) -> str:
    return ObedientJudge(quotes=quotes).reply(ChatRequest(({"role": "user", "content": prompt},))).text


def _judged(judge: ObedientJudge, answer: str) -> float | None:
    return float(Judged(judge, Rating(critique=True)).score(Batch([answer], [QUESTION])).values[0])


def stopped(rated: Rated) -> set[str]:
    """The names of the attacks that do not raise the rating of a wrong answer."""
    return {one.name for one in INJECTIONS if rated(one.attack(WRONG)) == WORST}


COLUMNS: dict[str, Rated] = {
    "plain prompt, first match": plain,
    "fixed marks": fixed_marks,
    "guerdon": guerdon,
    "guerdon, judge that obeys data": gullible,
}


def table() -> str:
    """How many attacks of each kind are stopped, and which of them are not."""
    kinds = Counter(one.kind for one in INJECTIONS)
    results = {column: stopped(rated) for column, rated in COLUMNS.items()}
    rows = [
        f"| attack | tried | {' | '.join(f'stopped: {column}' for column in COLUMNS)} |",
        "|---" * (2 + len(COLUMNS)) + "|",
    ]
    for kind, tried in kinds.items():
        counts = (sum(one.name in names for one in INJECTIONS if one.kind == kind) for names in results.values())
        rows.append(f"| {kind} | {tried} | {' | '.join(map(str, counts))} |")
    rows.append(f"| all | {len(INJECTIONS)} | {' | '.join(str(len(names)) for names in results.values())} |")
    return "\n".join(rows)


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    inside = f"{BEGIN}\n{table()}\n{END}"
    PAGE.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: inside, page, flags=re.DOTALL), encoding="utf-8")
    print(table())
