"""Ray itself: the package, and the cluster to work on."""

from __future__ import annotations

import os
from typing import Any

from guerdon.errors import MissingExtra, UserError


def ray_package() -> Any:
    """The ray package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", extra="ray") from None
    return ray


def connected() -> Any:
    """The ray package, connected: to the cluster of this process, that of ``RAY_ADDRESS``, one that runs on this machine, or else
    to a fresh one on this machine that ends with the process.

    Raises:
        MissingExtra: ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = ray_package()
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=30)
    return ray


def check_least(**said: tuple[float | None, float]) -> None:
    """Raise where a number is below its least; None is no number.

    Raises:
        UserError: naming it.

    >>> check_least(workers=(0, 1))
    Traceback (most recent call last):
    guerdon.errors.UserError: workers=0 must be at least 1
    """
    for name, (value, least) in said.items():
        if value is not None and value < least:
            raise UserError(f"{name}={value!r} must be at least {least}")
