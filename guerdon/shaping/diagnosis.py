"""Why a group advantage looks as it does: what each part of a reward contributes to it, and where there is no signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from guerdon.shaping.combine import weighted_sum
from guerdon.shaping.correlation import pearson
from guerdon.shaping.groups import Bools, Floats, Ints, as_values, group_index, moments
from guerdon.shaping.normalize import group_center


@dataclass(frozen=True)
class PartDiagnosis:
    """One part of a weighted sum over a batch.

    Attributes:
        weight: its weight in the sum.
        mean, std: over its scored samples.
        share: of the advantage's variance; all parts together have 1. Below 0: it works against the rest.
        length_correlation: Pearson with length within groups, NaN if unknown or without spread.
        at_low, at_high: share of scored samples at the lowest and highest value of its range, NaN if that end is not finite.
        flat_groups: share of groups in which it is constant and so adds nothing.
        unscored: share of samples that it could not score.
    """

    weight: float
    mean: float
    std: float
    share: float
    length_correlation: float
    at_low: float
    at_high: float
    flat_groups: float
    unscored: float


@dataclass(frozen=True)
class Diagnosis:
    """What carries the advantage of a batch; prints as a table.

    Attributes:
        parts: name -> :class:`PartDiagnosis`.
        samples, groups: how many there are.
        unscored: share of samples whose sum is NaN.
        flat_groups: share of groups whose sum does not vary, so that they teach nothing.
        length_correlation: of the sum with length, within groups.
    """

    parts: Mapping[str, PartDiagnosis]
    samples: int
    groups: int
    unscored: float
    flat_groups: float
    length_correlation: float

    def __str__(self) -> str:
        width = max([len(name) for name in self.parts] + [4])
        head = ("weight", "mean", "std", "share", "length r", "at low", "at high", "flat", "unscored")
        lines = [f"{'part':{width}}" + "".join(f"{title:>10}" for title in head)]
        for name, part in self.parts.items():
            row = (part.weight, part.mean, part.std, part.share, part.length_correlation)
            shares = (part.at_low, part.at_high, part.flat_groups, part.unscored)
            lines.append(
                f"{name:{width}}" + "".join("         -" if math.isnan(x) else f"{x:10.3f}" for x in row + shares)
            )
        return "\n".join(lines) + (
            f"\n{self.samples} samples in {self.groups} groups; {self.unscored:.1%} of samples unscored, "
            f"{self.flat_groups:.1%} of groups without spread, correlation with length {self.length_correlation:.3f}"
        )


def advantage_shares(
    parts: Mapping[str, ArrayLike],
    groups: ArrayLike,
    *,
    weights: Mapping[str, float] | None = None,
    scaled: bool = True,
) -> dict[str, float]:
    """Share of the group advantage's variance that each part carries; they sum to 1.

    With d_k = w_k (v_k - group mean), D = sum_k d_k and s the std of D in the sample's group, part k has
    sum (d_k / s)(D / s) / sum (D / s)^2 over samples scored in every part. ``scaled=False`` leaves out s, as an advantage without
    division by the std does; then groups count by their spread. NaN where the advantage is 0 everywhere.

    >>> shares = advantage_shares({"a": [0.0, 1.0], "b": [0.0, 3.0]}, [0, 0])
    >>> {name: round(share, 3) for name, share in shares.items()}
    {'a': 0.25, 'b': 0.75}
    """
    table, w = _table(parts, weights)
    index, count = group_index(groups, table.shape[1])
    scored = _complete(table, w)
    centred = np.zeros_like(table)
    for k in np.flatnonzero(w != 0).tolist():
        centred[k, scored] = w[k] * group_center(table[k, scored], index[scored])
    total = centred.sum(axis=0)
    if scaled:
        _, std, constant = moments(np.where(scored, total, np.nan), index, count)
        whole = weighted_sum(table, w)
        constant = constant | moments(np.where(scored, whole, np.nan), index, count)[2]
        scale = np.where(constant | ~(std > 0), np.inf, std)[index]
        centred, total = centred / scale, total / scale
    variance = float(total @ total)
    return {name: float(centred[k] @ total) / variance if variance > 0 else math.nan for k, name in enumerate(parts)}


def diagnose(
    parts: Mapping[str, ArrayLike],
    groups: ArrayLike,
    *,
    weights: Mapping[str, float] | None = None,
    lengths: ArrayLike | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    scaled: bool = True,
) -> Diagnosis:
    """A :class:`Diagnosis` of the weighted sum of parts (name -> (N,)) in groups (N,). Weights are 1 unless given.

    ``lengths`` (N,) in any unit; ``ranges`` the lowest and highest value of each part; ``scaled`` as in :func:`advantage_shares`.

    Raises:
        ValueError: parts of different length, or a weight or range for a part that is not there.

    >>> report = diagnose({"a": [0.0, 1.0], "b": [1.0, 1.0]}, [0, 0], ranges={"b": (0.0, 1.0)})
    >>> report.parts["b"].share, report.parts["b"].at_high, report.parts["b"].flat_groups
    (0.0, 1.0, 1.0)
    """
    table, w = _table(parts, weights)
    for name in ranges or {}:
        if name not in parts:
            raise ValueError(f"ranges names {name!r}, which is not among the parts {', '.join(parts)}")
    index, count = group_index(groups, table.shape[1])
    n = None if lengths is None else as_values(lengths, "lengths")
    shares = advantage_shares(parts, groups, weights=weights, scaled=scaled)
    total = weighted_sum(table, w)
    diagnoses = {}
    for k, name in enumerate(parts):
        values = table[k]
        known = values[~np.isnan(values)]
        low, high = (ranges or {}).get(name, (-math.inf, math.inf))
        diagnoses[name] = PartDiagnosis(
            weight=float(w[k]),
            mean=float(known.mean()) if known.size else math.nan,
            std=float(known.std()) if known.size else math.nan,
            share=shares[name],
            length_correlation=_with_length(values, n, index),
            at_low=_at(known, low),
            at_high=_at(known, high),
            flat_groups=_flat(values, index, count),
            unscored=float(np.isnan(values).mean()) if len(values) else 0.0,
        )
    return Diagnosis(
        parts=MappingProxyType(diagnoses),
        samples=table.shape[1],
        groups=count,
        unscored=float(np.isnan(total).mean()) if len(total) else 0.0,
        flat_groups=_flat(total, index, count),
        length_correlation=_with_length(total, n, index),
    )


def discriminability(before: ArrayLike, after: ArrayLike) -> dict[str, float]:
    """How far a transform spreads the scores of a group: population std before and after, and their ratio.

    NaN ratio where there was no spread before.

    Source: our design after Liu et al. 2025 (arXiv 2508.12957).

    >>> discriminability([0.8, 1.0], [0.0, 1.0])["gain"].__round__(6)
    5.0
    """
    raw, adapted = (as_values(values)[~np.isnan(as_values(values))] for values in (before, after))
    first = float(raw.std()) if raw.size else math.nan
    second = float(adapted.std()) if adapted.size else math.nan
    return {"raw_std": first, "adapted_std": second, "gain": second / first if first > 0 else math.nan}


def _table(parts: Mapping[str, ArrayLike], weights: Mapping[str, float] | None) -> tuple[Floats, Floats]:
    if not parts:
        raise ValueError("parts is empty; give at least one part")
    columns = [as_values(values, f"parts[{name!r}]") for name, values in parts.items()]
    if len({len(column) for column in columns}) > 1:
        raise ValueError(
            f"parts have {sorted({len(column) for column in columns})} values; give one per sample in each"
        )
    for name in weights or {}:
        if name not in parts:
            raise ValueError(f"weights names {name!r}, which is not among the parts {', '.join(parts)}")
    return np.stack(columns), np.array([float((weights or {}).get(name, 1.0)) for name in parts])


def _complete(table: Floats, weights: Floats) -> Bools:
    return np.asarray(~np.isnan(table[weights != 0]).any(axis=0))


def _flat(values: Floats, index: Ints, count: int) -> float:
    if not count:
        return math.nan
    return float(moments(values, index, count)[2].mean())


def _at(values: Floats, edge: float) -> float:
    if not values.size or not math.isfinite(edge):
        return math.nan
    return float(np.isclose(values, edge, rtol=1e-9, atol=1e-12).mean())


def _with_length(values: Floats, lengths: Floats | None, index: Ints) -> float:
    return math.nan if lengths is None else pearson(values, lengths, index)
