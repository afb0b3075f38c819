"""A cache for transformers models that puts shared prefixes before every row and keeps nothing unless asked to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from guerdon.models.lms.prefixes import Prefix

if TYPE_CHECKING:
    from torch import Tensor


def shared_prefix_cache(prefixes: Sequence[Prefix | None], layers: int, *, capture: bool = False) -> Any:
    """What a decoder takes as ``past_key_values``: row i goes on where ``prefixes[i]`` ends.

    Prefixes are padded on the left to the longest, so that distances between a prefix and what follows are those of the
    unpadded row (sliding windows count in columns). They are repeated for one layer at a time, and read only: a prefix can be
    used again. With ``capture`` the cache keeps the new keys and values, see :func:`captured`.
    """
    from transformers.cache_utils import Cache

    distinct = list({id(p): p for p in prefixes if p is not None}.values())
    number = {id(p): i for i, p in enumerate(distinct)}
    # Rows without a prefix read some other's under a mask of zeros.
    rows = [0 if p is None else number[id(p)] for p in prefixes]
    length = max((len(p) for p in distinct), default=0)
    made = [_layer()([p.layers[i] for p in distinct], rows, length, capture) for i in range(layers)]
    return Cache(layers=made)


def captured(past: Any, row: int, length: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Per layer the keys and values (heads, length, width) that the first ``length`` new tokens of a row left."""
    # Cloned, so that a prefix kept for later does not keep its whole batch. (Under autograd the clone carries the gradient.)
    return tuple(
        (layer.fresh[0][row, :, :length].clone(), layer.fresh[1][row, :, :length].clone()) for layer in past.layers
    )


class _SharedPrefix:
    """One layer: the prefixes' keys and values before those of the new tokens."""

    def __init__(self, before: list[tuple[Tensor, Tensor]], rows: list[int], length: int, capture: bool) -> None:
        super().__init__()
        self.before, self.rows, self.length, self.capture = before, rows, length, capture
        self.fresh: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if self.capture:
            self.fresh = (key_states, value_states)
        if not self.length:
            return key_states, value_states
        return self._after(0, key_states), self._after(1, value_states)

    def _after(self, which: int, new: Tensor) -> Tensor:
        import torch
        from torch.nn.functional import pad

        padded = [pad(pair[which], (0, 0, self.length - pair[which].shape[1], 0)) for pair in self.before]
        if len(padded) == 1:
            before = padded[0].expand(len(new), -1, -1, -1)
        else:
            before = torch.stack(padded).index_select(0, torch.tensor(self.rows, device=new.device))
        return torch.cat([before.to(new.dtype), new], dim=2)

    def get_seq_length(self) -> int:
        return self.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0


@cache
def _layer() -> Any:
    """The layer as transformers knows layers."""
    from transformers.cache_utils import DynamicLayer

    return type("SharedPrefixLayer", (_SharedPrefix, DynamicLayer), {})
