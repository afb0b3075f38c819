from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping import votes
from tests.shaping.grouped import NAN

VECTORS = st.lists(st.tuples(*[st.integers(-3, 3)] * 3), max_size=8)


def cosines(rows):
    x = np.array(rows, dtype=float).reshape(-1, 3)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    x = x / np.where(length > 0, length, 1.0)
    return x @ x.T


@pytest.mark.parametrize(
    ("cast", "winner"),
    [
        (["1/2", "0.5", "0.5"], "0.5"),
        (["", "b", "a", "a", "b"], "b"),
        (["", None, "  ", "7"], "7"),
        (["4", " 4", "4 "], "4"),
        ([1] * 7 + [2] * 8, 2),
        ([None, 2, NAN], 2),
        ([0, 0, 1], 0),
        ([None, "", " \n"], None),
        ([], None),
    ],
)
def test_majority(cast, winner) -> None:
    assert votes.majority_vote(cast) == winner


def test_ties_and_absolute_majorities() -> None:
    assert votes.majority_vote(["A", "B", None], ties="none") is None
    assert votes.majority_vote(["A", None, None], ties="none") == "A"
    assert votes.majority_vote(["a", "a", "b", "c"], more_than=0.5) is None
    assert votes.majority_vote(["a", "a", "b"], more_than=0.5) == "a"
    with pytest.raises(ValueError, match="ties='last'"):
        votes.majority_vote([], ties="last")


@given(st.lists(st.sampled_from(["a", "b", "c", "", None]), max_size=12))
def test_votes_and_shares_agree(cast) -> None:
    counts, shares = votes.vote_counts(cast), votes.vote_share(cast)
    spoken = [vote for vote in cast if vote]
    assert sum(counts.values()) == len(spoken)
    assert list(counts) == list(dict.fromkeys(spoken)), "in the order first seen"
    assert [math.isnan(share) for share in shares] == [not vote for vote in cast]
    winner = votes.majority_vote(cast)
    if winner is not None:
        assert counts[winner] / len(spoken) == pytest.approx(np.nanmax(shares))


@given(VECTORS, st.floats(-1, 1))
def test_clusters_join_their_first_member(rows, threshold) -> None:
    similarity = cosines(rows)
    labels = votes.greedy_clusters(similarity, threshold=threshold)
    heads = [int(np.flatnonzero(labels == c)[0]) for c in range(labels.max() + 1 if len(labels) else 0)]
    assert heads == sorted(heads)
    for i, label in enumerate(labels.tolist()):
        if i not in heads:
            assert similarity[i, heads[label]] >= threshold
            assert all(similarity[i, head] < threshold for head in heads[:label])
        else:
            assert all(similarity[i, head] < threshold for head in heads if head < i)


def test_cluster_share_and_entropy() -> None:
    labels = votes.greedy_clusters([[1, 0, 1, 1], [0, 1, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]])
    assert labels.tolist() == [0, 1, 0, 0]
    assert votes.cluster_share(labels).tolist() == [0.75, 0.25, 0.75, 0.75]
    assert votes.semantic_entropy([0, 0, 0]) == 0.0
    assert votes.semantic_entropy(["x", "y"]) == pytest.approx(math.log(2))
    assert votes.semantic_entropy([0, 1, 1], weights=[0.5, 0.25, 0.25]) == pytest.approx(math.log(2))
    assert votes.semantic_entropy([0, 1], weights=[1.0, 0.0]) == 0.0
    assert math.isnan(votes.semantic_entropy([]))
    assert votes.cluster_share([]).tolist() == [] and votes.greedy_clusters([]).tolist() == []
    assert votes.greedy_clusters([[1.0, NAN], [NAN, 1.0]]).tolist() == [0, 1]


@given(VECTORS, st.randoms())
def test_diversity_ignores_order_and_falls_with_copies(rows, random) -> None:
    shuffled = random.sample(rows, len(rows))
    spread = votes.mean_dissimilarity(cosines(rows))
    assert 0 <= spread <= 1
    assert votes.mean_dissimilarity(cosines(shuffled)) == pytest.approx(spread)
    assert votes.unique_count(cosines(rows + rows)) == votes.unique_count(cosines(rows)) or (0, 0, 0) in rows


def test_diversity_by_hand() -> None:
    similarity = [[1, 0.9, 0.8], [0.9, 1, 0.1], [0.8, 0.1, 1]]
    assert votes.mean_dissimilarity(similarity) == pytest.approx(1 - 1.8 / 3)
    assert votes.unique_count(similarity) == 2, "a similarity of exactly the threshold is still new"
    assert votes.unique_count(similarity, inclusive=True) == 1
    chain = [[1, 0.9, 0.1], [0.9, 1, 0.9], [0.1, 0.9, 1]]
    assert votes.unique_count(chain) == 2 and votes.unique_count(chain, against="earlier") == 1
    assert votes.mean_dissimilarity([[1, -1], [-1, 1]]) == 1.0
    assert votes.mean_dissimilarity([[1, -1], [-1, 1]], clipped=False) == 2.0
    assert votes.mean_dissimilarity([]) == 0.0 and votes.unique_count([]) == 0
    assert votes.mean_dissimilarity([[1.0]], single=1.0) == 1.0


@given(VECTORS, st.integers(0, 99), st.booleans())
def test_agreement_is_equivariant_and_blind_to_the_diagonal(rows, seed, by_class) -> None:
    rng = np.random.default_rng(seed)
    similarity = cosines(rows)
    classes = rng.integers(0, 2, len(rows)) if by_class else None
    out = votes.peer_agreement(similarity, classes)
    order = rng.permutation(len(rows))
    moved = votes.peer_agreement(similarity[np.ix_(order, order)], None if classes is None else classes[order])
    assert moved == pytest.approx(out[order])
    np.fill_diagonal(similarity, 77.0)
    assert votes.peer_agreement(similarity, classes) == pytest.approx(out)


def test_agreement_by_hand() -> None:
    similarity = [[1, 0.5, 0.25], [0.5, 1, 1], [0.25, 1, 1]]
    assert votes.peer_agreement(similarity).tolist() == [0.375, 0.75, 0.625]
    assert votes.peer_agreement(similarity, [0, 1, 1]).tolist() == [0.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="classes has shape"):
        votes.peer_agreement(similarity, [0])
    with pytest.raises(ValueError, match="square"):
        votes.greedy_clusters([[1.0, 0.0]])
    with pytest.raises(ValueError, match="against='last'"):
        votes.unique_count(similarity, against="last")
