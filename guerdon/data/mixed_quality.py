"""Fine-tuning explanations of mixed quality, as real ones are: expert, terse, and arguing for a wrong option.

A quarter of the explanations argue for a wrong option and a quarter are terse. Mistakes are not spread evenly: most items have
few, and for some items most explanations fall for the most tempting option, as happens with popular misconceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from guerdon.data.items import items
from guerdon.data.variants import LETTERS

QUALITIES = ("expert", "terse", "wrong")
#: Share of an item's explanations that argue for a wrong option -> share of the items; on average a quarter are wrong.
WRONG_SHARES = ((1 / 12, 0.55), (3 / 12, 0.30), (10 / 12, 0.15))
TERSE_SHARE = 1 / 4

TERSE = {
    "en": (
        "It is {right}.",
        "The answer is {right}.",
        "By definition, {right}.",
        "{right}.",
        "That has to be {right}.",
    ),
    "it": ("È {right}.", "La risposta è {right}.", "Per definizione, {right}.", "{right}."),
}
WRONG = {
    "en": (
        'Of the four options "{wrong}" fits the wording of the question best; "{right}" sounds similar but plays only a '
        "secondary part, and the remaining two can be ruled out at once.",
        'The usual textbook answer is "{wrong}", since it is mentioned first in this context; "{right}" would be the answer '
        "to a different question that is easily confused with this one.",
        'This is a matter of elimination: "{right}" contradicts the question, two options are unrelated to it, and so only '
        '"{wrong}" remains as the correct choice.',
        'Most people remember "{wrong}" from school, and here memory serves well; "{right}" is a common trap that the '
        "question sets for those who read too fast.",
    ),
    "it": (
        'Tra le quattro opzioni "{wrong}" corrisponde meglio al testo della domanda; "{right}" suona simile ma ha solo una '
        "parte secondaria, e le altre due si escludono subito.",
        'La risposta abituale dei manuali è "{wrong}", che in questo contesto è citata per prima; "{right}" sarebbe la '
        "risposta a una domanda diversa, facile da confondere.",
        'Si procede per esclusione: "{right}" contraddice la domanda, due opzioni non c\'entrano, e come scelta corretta resta '
        'solo "{wrong}".',
    ),
}


def mixed_quality(rows: Iterable[Mapping[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """The rows with an ``explanation`` and ``answer`` of mixed quality, and a column ``quality`` that says which.

    The same rows and seed give the same result. Every row is decided by its own ``id``, so that leaving rows out changes no
    other row.
    """
    return [_degraded(row, Random(f"{seed}/{row['id']}"), wrong_share(row["item"], seed)) for row in rows]


def wrong_share(item: str, seed: int = 0) -> float:
    """The probability that an explanation of this item argues for a wrong option."""
    drawn = Random(f"{seed}/{item}").random()
    for share, items_with_it in WRONG_SHARES:
        drawn -= items_with_it
        if drawn < 0:
            return share
    return WRONG_SHARES[-1][0]


def _degraded(row: Mapping[str, Any], random: Random, share: float) -> dict[str, Any]:
    options, answer, language = list(row["options"]), row["answer"], row["language"]
    right = options[LETTERS.index(answer)]
    drawn = random.random()
    if drawn < share:
        wrong = next(option for option in items()[row["item"]].wrong if option in options)
        text = random.choice(WRONG[language]).format(wrong=wrong, right=right)
        return {**row, "explanation": text, "answer": LETTERS[options.index(wrong)], "quality": "wrong"}
    if drawn < share + TERSE_SHARE * (1 - share) / 0.75:
        return {**row, "explanation": random.choice(TERSE[language]).format(right=right), "quality": "terse"}
    return {**row, "quality": "expert"}
