"""Long contexts that are hard to read: a chain of linked entities, and as distractors what a search agent met on the way.

A question is asked along a random walk over linked pages; the pages of the walk are its gold documents, their names its rubric.
An agent's log then tells what is easily taken for them: what it opened and did not cite, before what only came up in results.
Asking the question and running the agent are the user's.

Source: LongTraceRL 2026 (arXiv 2605.31584); walk lengths and the order of filling are our reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random


def walk(links: Mapping[str, Collection[str]], start: str, hops: int, random: Random) -> list[str]:
    """A uniform random walk along out-links from ``start``, without coming back to a page; shorter where it runs out of them.

    >>> walk({"a": ["b"], "b": ["a", "c"], "c": []}, "a", 5, Random(0))
    ['a', 'b', 'c']
    """
    chain = [start]
    while len(chain) <= hops:
        onward = sorted(set(links.get(chain[-1], ())) - set(chain))
        if not onward:
            break
        chain.append(random.choice(onward))
    return chain


def entity_chain(
    links: Mapping[str, Collection[str]],
    random: Random,
    *,
    shortest: int = 2,
    longest: int = 8,
    attempts: int = 100,
) -> list[str]:
    """A walk of ``shortest`` to ``longest`` hops from a random page, the wanted number of hops drawn uniformly.

    Raises:
        ValueError: no walk of at least ``shortest`` hops in that many attempts, or bounds out of order.

    >>> len(entity_chain({str(i): [str(i + 1)] for i in range(20)}, Random(0))) >= 3
    True
    """
    if not 1 <= shortest <= longest:
        raise ValueError(f"shortest={shortest} and longest={longest} must be in order, from 1")
    pages = sorted(links)
    for _ in range(attempts if pages else 0):
        chain = walk(links, random.choice(pages), random.randint(shortest, longest), random)
        if len(chain) > shortest:
            return chain
    raise ValueError(f"links of {len(pages)} pages gave no walk of {shortest} hops in {attempts} attempts")


@dataclass(frozen=True, slots=True)
class Tiers:
    """Distractors of one question, most confusable first: what was opened and not cited, and what only appeared in results."""

    opened: tuple[str, ...]
    appeared: tuple[str, ...]


def distractor_tiers(
    appeared: Iterable[str], opened: Iterable[str], cited: Iterable[str], gold: Iterable[str] = ()
) -> Tiers:
    """The tiers of an agent's log: document ids that came up in results, that it opened, and that its answer cites.

    Gold documents are no distractors. Order is kept, repeats are dropped.

    >>> distractor_tiers(["a", "b", "c", "d"], ["b", "c"], ["c"], gold=["a"])
    Tiers(opened=('b',), appeared=('d',))
    """
    kept = {*cited, *gold}
    first = [one for one in dict.fromkeys(opened) if one not in kept]
    kept.update(first)
    return Tiers(tuple(first), tuple(one for one in dict.fromkeys(appeared) if one not in kept))


def filled_context(
    gold: Sequence[str],
    tiers: Tiers,
    budget: int,
    random: Random,
    *,
    length: Callable[[str], int],
) -> list[str]:
    """The documents of a context in random order: all gold ones, then distractors while they fit, tier by tier.

    ``length`` gives a document's tokens by its id. A distractor that does not fit is left out and the next one tried.

    Raises:
        ValueError: the gold documents alone exceed the budget.

    >>> sorted(filled_context(["g"], Tiers(("x",), ("y", "z")), 3, Random(0), length=lambda _: 1))
    ['g', 'x', 'y']
    """
    chosen = list(dict.fromkeys(gold))
    left = budget - sum(map(length, chosen))
    if left < 0:
        raise ValueError(f"budget={budget} does not hold the {len(chosen)} gold documents, {-left} too many")
    for one in dict.fromkeys((*tiers.opened, *tiers.appeared)):
        if one not in chosen and length(one) <= left:
            chosen.append(one)
            left -= length(one)
    random.shuffle(chosen)
    return chosen
