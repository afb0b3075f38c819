"""slime: the exported module through its own ``async_rm`` and ``batched_async_rm``, and its ``remote_rm`` against a server."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slime.rollout import rm_hub
from slime.rollout.rm_hub import async_rm, batched_async_rm
from slime.utils.misc import load_function
from slime.utils.types import Sample


@pytest.fixture
def module(written: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Exports and makes the module importable, as --custom-rm-path wants it."""

    def make(spec: str, *options: str) -> str:
        path: Path = written("slime", spec, *options)
        monkeypatch.syspath_prepend(str(path.parent))
        sys.modules.pop(path.stem, None)
        load_function.cache_clear()
        return f"{path.stem}.rm"

    yield make
    load_function.cache_clear()


def arguments(path: str | None = None, **options: Any) -> Namespace:
    given = {"custom_rm_path": path, "group_rm": False, "reward_key": None, "eval_reward_key": None, "rm_type": None}
    return Namespace(**given | options)


def sample(said: str, label: Any = "x y", **fields: Any) -> Sample:
    given = {"prompt": "q", "response": said, "label": label, "group_index": 0, "index": 0, "metadata": {}}
    return Sample(**given | fields)


def test_one_by_one(module: Any) -> None:
    path = module("{reward: token_f1}")
    assert asyncio.run(async_rm(arguments(path), sample("x z"))) == 0.5
    keyed = asyncio.run(async_rm(arguments(path, reward_key="score"), sample("x z")))
    assert keyed == {"score": 0.5, "token_f1": 0.5, "unscored": 0.0}


def test_path_of_a_sample(module: Any) -> None:
    path = module("{reward: token_f1}")
    assert asyncio.run(async_rm(arguments(), sample("x y", custom_rm_path=path))) == 1.0


def test_columns_from_metadata_and_fallback(module: Any) -> None:
    path = module("{reward: given, score_column: quality}", "--fallback", "-1")
    said = [sample("x", None, metadata={"quality": quality}) for quality in (0.5, None)]
    assert asyncio.run(batched_async_rm(arguments(path), said)) == [0.5, -1.0]


def test_whole_groups(module: Any) -> None:
    args = arguments(module("{reward: majority_vote}", "--group-size", "3"), group_rm=True)

    async def ask() -> list[list[float]]:
        groups = [[sample(f"<answer>{w}</answer>", index=i) for i, w in enumerate(words)] for words in ("xxy", "xyy")]
        return list(await asyncio.gather(*(batched_async_rm(args, group) for group in groups)))

    (a, b, c), (d, e, f) = asyncio.run(ask())
    assert a == b > c and e == f > d


def test_siblings_one_by_one(module: Any) -> None:
    args = arguments(module("{reward: majority_vote}", "--group-size", "3"))

    async def ask() -> list[float]:
        return list(await asyncio.gather(*(async_rm(args, sample(f"<answer>{w}</answer>")) for w in "xxy")))

    a, b, c = asyncio.run(ask())
    assert a == b > c


def test_remote_rm(served: Any) -> None:
    with served("{reward: token_f1}") as url:

        async def ask() -> float:
            args = arguments(rm_type="remote_rm", rm_url=f"{url}/remote_rm")
            try:
                return await async_rm(args, sample("x z"))
            finally:
                await rm_hub._get_shared_session().close()

        assert asyncio.run(ask()) == 0.5
