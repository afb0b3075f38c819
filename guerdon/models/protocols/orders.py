"""In which order two texts are shown to a judge, so that a liking for the first or the second place does not decide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from guerdon.errors import UserError, closest
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.scores import Outcome

Debias = Literal["swap", "consistent", "random", "none"]
DEBIASED = ("swap", "consistent", "random", "none")


@dataclass(frozen=True)
class Ordered:
    """One comparison in the order or orders it is asked in; True where first and second change places."""

    comparator: PairwiseProtocol
    comparison: Comparison
    swaps: tuple[bool, ...]
    debias: Debias

    @property
    def requests(self) -> list[ChatRequest]:
        """One request per order."""
        turned = replace(self.comparison, first=self.comparison.second, second=self.comparison.first)
        return [self.comparator.ask(turned if swap else self.comparison) for swap in self.swaps]

    def verdict(self, replies: Sequence[ChatReply]) -> Verdict:
        """How much better the first is, from the replies in the order of the requests.

        Undecided where an order is: the other alone would be biased. Part ``consistent``: 1 where both orders prefer the same or
        both see a tie, else 0; None where one order was asked.
        """
        verdicts = [self.comparator.read(reply) for reply in replies]
        failed = next((verdict for verdict in verdicts if verdict.value is None), None)
        if failed is not None:
            return failed
        values = [
            1.0 - (v.value or 0.0) if swap else (v.value or 0.0) for v, swap in zip(verdicts, self.swaps, strict=True)
        ]
        critique = "\n\n".join(verdict.critique for verdict in verdicts)
        if len(values) == 1:
            return Verdict(values[0], FrozenDict({"consistent": None}), critique=critique)
        agreed = bool(np.sign(values[0] - 0.5) == np.sign(values[1] - 0.5))
        value = (values[0] + values[1]) / 2.0 if agreed or self.debias == "swap" else 0.5
        return Verdict(value, FrozenDict({"consistent": float(agreed)}), critique=critique)


def ordered(comparator: PairwiseProtocol, comparison: Comparison, debias: Debias, *, seed: int = 0) -> Ordered:
    """A comparison in the orders that ``debias`` asks for.

    ``"swap"``: both orders, averaged; ``"consistent"``: both, and a tie unless they agree; ``"random"``: one order, by a coin
    seeded with ``seed`` and the texts; ``"none"``: as given, biased as the judge is.
    """
    if debias in ("swap", "consistent"):
        swaps: tuple[bool, ...] = (False, True)
    elif debias == "random":
        swaps = (bool(private_rng(seed, comparison.prompt, comparison.first, comparison.second).integers(2)),)
    else:
        swaps = (False,)
    return Ordered(comparator, comparison, swaps, debias)


def check_debias(debias: str) -> None:
    """Raise where there is no such way to take the order out."""
    if debias not in DEBIASED:
        raise UserError(f"debias={debias!r} is unknown; {closest(debias, DEBIASED)}")


def private_rng(seed: int, *contents: Any) -> np.random.Generator:
    """A generator of its own for these contents: the same in every process, whatever else is drawn or judged beside it."""
    said = json.dumps([seed, *contents], default=repr, sort_keys=True)
    digest = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def first_failure(verdicts: Sequence[Verdict]) -> tuple[Outcome, str]:
    """Why the first undecided of these verdicts is; missing data where there is none."""
    failed = next((verdict for verdict in verdicts if verdict.value is None), None)
    return (Outcome.MISSING_DATA, "nothing was compared") if failed is None else (failed.outcome, failed.critique)


def context_of(protocol: PairwiseProtocol, columns: Mapping[str, Sequence[Any]], i: int) -> FrozenDict:
    """The columns a comparator reads, of sample ``i``."""
    return FrozenDict({name: columns[name][i] for name in protocol.own_columns})
