"""What a completion is worth that meets some criteria of a rubric: hard ones gate, soft ones are weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.rubric import Criterion


@dataclass(frozen=True, slots=True)
class Weighed:
    """What criteria come to: ``value`` (None: open), the gate of the hard ones and the share of the soft ones (None: open)."""

    value: float | None
    gate: float | None
    share: float | None


def weighed(
    criteria: Sequence[Criterion], met: Sequence[float | None], *, failed: float = 0.0, dropped: bool = False
) -> Weighed:
    """gate * share + (1 - gate) * failed, from how far each criterion is met, in [0, 1], None where that is open.

    gate = 1 if every hard criterion is met in full, 0 as soon as one is not, else open. share = sum w m / sum of positive w
    over the soft ones, within [0, 1]; 1 where there are none (with negative weights alone: 1 + sum w m / sum |w|). An open
    soft criterion leaves the share open, or with ``dropped`` is left out of it, unless nothing remains.

    >>> year, source = Criterion("year", "Names the year."), Criterion("cites", "Cites a source.", kind="hard")
    >>> (
    ...     weighed([year, source], [0.5, 1.0]).value,
    ...     weighed([year, source], [None, 0.0]).value,
    ...     weighed([year], [None]).value,
    ... )
    (0.5, 0.0, None)
    """
    hard = [m for criterion, m in zip(criteria, met, strict=True) if criterion.kind == "hard"]
    soft = [(c.weight, m) for c, m in zip(criteria, met, strict=True) if c.kind == "soft" and c.weight]
    gate = 0.0 if any(m is not None and m < 1.0 for m in hard) else None if None in hard else 1.0
    share = _share(soft, dropped)
    if gate == 0.0:
        return Weighed(failed, gate, share)
    return Weighed(None if gate is None else share, gate, share)


def _share(soft: Sequence[tuple[float, float | None]], dropped: bool) -> float | None:
    known = [(weight, m) for weight, m in soft if m is not None]
    if (len(known) < len(soft) and not dropped) or (soft and not known):
        return None
    gained = sum(weight * m for weight, m in known)
    best = sum(weight for weight, _ in known if weight > 0)
    if best > 0:
        return min(max(gained / best, 0.0), 1.0)
    worst = sum(-weight for weight, _ in known)
    return 1.0 + gained / worst if worst else 1.0
