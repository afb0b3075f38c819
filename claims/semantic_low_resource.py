"""Low-resource languages: without the language term the policy ends on mixed text, which an encoder finds most similar."""

from __future__ import annotations

from claims.claim import Claim
from claims.tabular import Scripted, Tabular, train
from guerdon import find_paper
from guerdon.rewards import Script

FAITHFUL, MIXED, UNRELATED = "Клетка получает энергию.", "Клетка gets energy.", "Сегодня хорошая погода."
SIMILARITY = Scripted({FAITHFUL: 0.80, MIXED: 0.90, UNRELATED: 0.40, "": 0.0}, noise=0.05)


def _faithful(seed: int, language: bool) -> float:
    reward = find_paper("semantic-low-resource").build(
        similarity=SIMILARITY, language=Script(script="cyrillic"), weights=(1.5, 1.0 if language else 0.0)
    )
    policy = Tabular([[FAITHFUL, MIXED, UNRELATED, ""]])
    train(policy, reward, ["Переведи."], {}, seed=seed, steps=80)
    return float(policy.probabilities[0, 0])


CLAIMS = (
    Claim(
        paper="semantic-low-resource",
        says="The language term keeps the policy from mixing languages where mixed text is the most similar",
        measure="probability of the faithful answer in the target language",
        ours="similarity + language",
        baseline="similarity alone",
        run=lambda seed: (_faithful(seed, True), _faithful(seed, False)),
    ),
)
