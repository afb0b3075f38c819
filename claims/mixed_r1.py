"""Mixed-R1: matching tokens in both directions rewards the full answer; either direction alone is hacked."""

from __future__ import annotations

from claims.claim import Claim
from claims.tabular import Tabular, train
from guerdon.rewards import BMAS

GOLD = "Two fishermen in a small blue boat pull a heavy net from the calm harbour at dawn."
FULL = "Two fishermen pull a heavy net into a small blue boat in the harbour at dawn."
WORD = "fishermen"
DUMP = (
    f"{GOLD} sky car tree dog street man woman red green table window house road grass ball train clock snow mountain"
)
REWARD = BMAS()


def _full(seed: int, path: str) -> float:
    reward = REWARD if path == "both" else REWARD.part(path)
    policy = Tabular([[FULL, WORD, DUMP]])
    train(policy, reward, ["Describe the picture."], {"reference": [GOLD]}, seed=seed, steps=100, rate=0.5)
    return float(policy.probabilities[0, 0])


def _claim(path: str, hack: str) -> Claim:
    return Claim(
        paper="mixed-r1",
        says=f"Both directions settle on the full description, {path} alone on {hack}",
        measure="probability of the full description",
        ours="both directions",
        baseline=f"{path} only",
        run=lambda seed: (_full(seed, "both"), _full(seed, path)),
        seeds=10,
    )


CLAIMS = (_claim("forward", "one word"), _claim("backward", "a dump of words"))
