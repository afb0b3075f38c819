"""Immutable, hashable stand-ins for the lists and mappings users write in a reward's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


class FrozenDict(Mapping[str, Any]):
    """A mapping that hashes, compares, pickles and prints as the dict it was made from.

    >>> FrozenDict(a=1) == {"a": 1}, hash(FrozenDict(a=1)) == hash(FrozenDict(a=1))
    (True, True)
    """

    __slots__ = ("_items",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._items: dict[str, Any] = {key: freeze(value) for key, value in dict(*args, **kwargs).items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (self._items,)


def freeze(value: Any) -> Any:
    """``value`` with lists and arrays as tuples, dicts as :class:`FrozenDict` and sets as frozensets, all the way down.

    >>> freeze([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    if isinstance(value, np.ndarray):
        return freeze(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item) for item in value)
    if isinstance(value, FrozenDict):
        return value
    if isinstance(value, Mapping):
        return FrozenDict(value)
    if isinstance(value, (set, frozenset)):
        return frozenset(freeze(item) for item in value)
    return value


def plain(value: Any) -> Any:
    """The other way: mappings as dicts with text for keys, sequences and arrays as lists, numbers of numpy as Python's.

    >>> plain(freeze({"a": [1, {"b": []}]})), plain({2: np.array([0.5])})
    ({'a': [1, {'b': []}]}, {'2': [0.5]})
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value
