"""The optional kernel: used only where it agrees with the chunks. A stand-in kernel, since it needs a GPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from guerdon.models.lms import fused
from guerdon.models.lms.chunked import chunked_logprobs


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    fused._agrees.clear()
    fused._kernel.cache_clear()
    yield
    fused._agrees.clear()
    fused._kernel.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, kernel: Any) -> None:
    monkeypatch.setitem(sys.modules, "cut_cross_entropy", SimpleNamespace(linear_cross_entropy=kernel))


def exact(e: Any, c: Any, targets: Any, *, bias: Any, softcap: float | None, reduction: str) -> Any:
    assert reduction == "none"
    return -chunked_logprobs(e, c, targets, bias, softcap=softcap)[0]


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("has_bias", [True, False])
def test_numbers_of_the_kernel(monkeypatch: pytest.MonkeyPatch, softcap: float | None, has_bias: bool) -> None:
    install(monkeypatch, exact)
    torch.manual_seed(0)
    hidden, weight, bias = torch.randn(40, 8), torch.randn(50, 8), torch.randn(50) if has_bias else None
    targets = torch.arange(40) - 1
    found = fused.checked(hidden, weight, targets, bias, softcap)
    assert found is not None
    for ours, sure in zip(found, chunked_logprobs(hidden, weight, targets, bias, softcap=softcap), strict=True):
        torch.testing.assert_close(ours, sure, atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrong", [lambda *a, **k: exact(*a, **k) + 0.01, lambda *a, **k: exact(*a, **k) * torch.nan])
def test_a_kernel_that_is_off_is_not_used(monkeypatch: pytest.MonkeyPatch, wrong: Any) -> None:
    install(monkeypatch, wrong)
    rows = torch.randn(3, 8), torch.randn(50, 8), torch.tensor([1, 2, 3]), None, None
    with pytest.warns(RuntimeWarning, match="nats off"):
        assert fused.checked(*rows) is None
    assert fused.checked(*rows) is None


def test_a_kernel_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no such architecture")

    install(monkeypatch, broken)
    with pytest.warns(RuntimeWarning, match="no such architecture"):
        assert fused.checked(torch.randn(3, 8), torch.randn(5, 8), torch.tensor([1, 2, 3]), None, None) is None


def test_without_it_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cut_cross_entropy", None)
    assert fused.checked(torch.randn(3, 8), torch.randn(5, 8), torch.tensor([1, 2, 3]), None, None) is None
