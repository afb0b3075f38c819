"""Loading a frozen model whole while a trainer runs DeepSpeed ZeRO-3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading_outside_zero3() -> Iterator[None]:
    """Within it, ``from_pretrained`` gives whole weights; under ZeRO-3 it would give this rank's slices ("weight must be 2-D").

    >>> with loading_outside_zero3():
    ...     pass
    """
    module = sys.modules.get("transformers.integrations.deepspeed")
    name = "_hf_deepspeed_config_weak_ref"
    kept = getattr(module, name, None)
    if kept is None:
        yield
        return
    setattr(module, name, None)
    try:
        yield
    finally:
        setattr(module, name, kept)
