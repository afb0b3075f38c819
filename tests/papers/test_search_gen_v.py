"""Search-Gen-V: gates, permutations and noise of the training reward, and the reward of the policy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.models.chat import ScriptedChat
from guerdon.papers.search_gen_v import generator, max_support
from guerdon.rewards import ExactMatch

PAPER = find_paper("search-gen-v")
LABELS = ("support", "partial_support", "not_support")


def scored(
    labels: list[str], gold: list[str], variant: str = "default", *, prefix: str = "<reasoning>x</reasoning>"
) -> float:
    columns: dict[str, list[object]] = {
        "gold_labels_text": [json.dumps(gold)],
        "nuggets_count": [len(gold)],
        "format_hint": ["json"],
    }
    return float(PAPER.build(variant).score(Batch([prefix + json.dumps(labels)], columns=columns)).values[0])


@pytest.mark.parametrize("variant", ["default", "official"])
def test_properties(variant: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        gold = rng.choice(LABELS, 6).tolist()
        said = [label if rng.random() < 0.7 else str(rng.choice(LABELS)) for label in gold]
        order = rng.permutation(6)
        value = scored(said, gold, variant)
        assert scored([said[k] for k in order], [gold[k] for k in order], variant) == pytest.approx(value)
        assert scored([*said, "support"], gold, variant) == scored(said[:-1], gold, variant) == 0.0
        assert value <= scored(gold, gold, variant) == pytest.approx(1.0)
        assert scored(gold, gold, variant, prefix="") == pytest.approx(0.8)


def test_worked_examples() -> None:
    one_wrong = scored(["support", "not_support", "not_support"], ["support", "not_support", "partial_support"])
    assert one_wrong == pytest.approx(0.494444, abs=1e-5)
    assert scored(["not_support"], ["support"], "official") == pytest.approx(0.416667, abs=1e-5)
    assert scored(["not_support"], ["support"]) == 0.0, "by default a wrong label earns nothing"


def test_noise_costs() -> None:
    rng = np.random.default_rng(1)
    means = []
    for p in (0.0, 0.1, 0.3, 0.6):
        golds = [rng.choice(LABELS, 5).tolist() for _ in range(150)]
        noisy = [[str(rng.choice(LABELS)) if rng.random() < p else label for label in gold] for gold in golds]
        means.append(np.mean([scored(said, gold) for said, gold in zip(noisy, golds, strict=True)]))
    assert all(np.diff(means) < 0)
    ten = (list(LABELS) * 4)[:10]
    assert 1 - scored(["not_support", *ten[1:]], ten) > 0.1, "one error of ten costs more than its share"


def test_the_policy_earns_its_nuggets() -> None:
    nuggets = ["It is Norum.", {"text": "It is a town.", "weight": 3.0}]
    half = '{"1": "support", "2": "partial_support"}'
    verifier = ScriptedChat({"\nthe town of Norum\n": half}, default='{"1": "not_support", "2": "not_support"}')
    said = ["the town of Norum", "", "Norum " * 50, "All facts are supported.", "x"]
    batch = Batch(said, ["Where?"] * 5, nuggets=[nuggets] * 4 + [[]])
    values = PAPER.build(chat=verifier).score(batch).values
    np.testing.assert_allclose(values, [(1 + 1.5) / 4, 0, 0, 0, np.nan])
    strict = PAPER.build(chat=verifier, partial=0.0).score(batch).values
    assert strict[0] == 0.25
    either = PAPER.build(chat=verifier, match=ExactMatch(of="whole"))
    both = Batch(["Norum", "the town of Norum"], ["Where?"] * 2, reference=["Norum"] * 2, nuggets=[nuggets] * 2)
    np.testing.assert_allclose(either.score(both).values, [1.0, 0.625])
    assert generator(okay=0.2).okay == 0.2


def test_aggregation() -> None:
    rows = [
        {"qid": "q", "nugget_text": "a", "block_pred": pred, "block_true": true}
        for pred, true in (("error", "not_support"), (None, "partial_support"), ("odd", "not_support"))
    ]
    assert max_support(rows) == {"y_true": ["partial_support"], "y_pred": ["error"]}
