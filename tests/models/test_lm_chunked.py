"""Chunked log-probabilities: equal to those of full logits, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from guerdon.errors import UserError
from guerdon.models.lms.chunked import chunked_logprobs


def full(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    temperature: float | Tensor,
    scale: float,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    logits = hidden @ weight.T
    logits = scale * (logits if bias is None else logits + bias)
    logits = logits if softcap is None else softcap * torch.tanh(logits / softcap)
    logits = logits / torch.as_tensor(temperature, dtype=logits.dtype).expand(len(logits))[:, None]
    normaliser = logits.logsumexp(-1)
    picked = logits.gather(1, targets.clamp(min=0)[:, None])[:, 0] - normaliser
    return torch.where(targets >= 0, picked, 0.0), normaliser


@given(
    rows=st.integers(1, 9),
    vocabulary=st.integers(1, 23),
    chunk=st.integers(1, 30),
    row_chunk=st.integers(1, 10),
    has_bias=st.booleans(),
    softcap=st.sampled_from([None, 2.0, 30.0]),
    scale=st.sampled_from([1.0, 0.25, 3.0]),
    varied=st.booleans(),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_those_of_full_logits(
    rows: int,
    vocabulary: int,
    chunk: int,
    row_chunk: int,
    has_bias: bool,
    softcap: float | None,
    scale: float,
    varied: bool,
    seed: int,
) -> None:
    made = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=made).requires_grad_()

    hidden, weight = draw(rows, 5), draw(vocabulary, 5)
    bias = draw(vocabulary) if has_bias else None
    targets = torch.randint(-1, vocabulary, (rows,), generator=made)
    temperature: float | Tensor = 0.2 + torch.rand(rows, dtype=torch.float64, generator=made) if varied else 0.7
    learned = [hidden, weight, *([] if bias is None else [bias])]
    weights = torch.randn(2, rows, dtype=torch.float64, generator=made)

    def gradients(pair: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        return torch.autograd.grad((pair[0] * weights[0]).sum() + (pair[1] * weights[1]).sum(), learned)

    found = chunked_logprobs(
        hidden,
        weight,
        targets,
        bias,
        temperature=temperature,
        scale=scale,
        softcap=softcap,
        vocabulary_chunk=chunk,
        row_chunk=row_chunk,
    )
    expected = full(hidden, weight, targets, bias, temperature, scale, softcap)
    for ours, theirs in zip((*found, *gradients(found)), (*expected, *gradients(expected)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_only_one_output_may_be_used() -> None:
    hidden, weight = torch.randn(3, 4, requires_grad=True), torch.randn(7, 4)
    targets = torch.tensor([0, 6, -1])
    for which in (0, 1):
        found = chunked_logprobs(hidden, weight, targets, vocabulary_chunk=3)[which]
        expected = full(hidden, weight, targets, None, 1.0, 1.0, None)[which]
        (ours,), (theirs,) = (torch.autograd.grad(x.sum(), hidden) for x in (found, expected))
        torch.testing.assert_close(ours, theirs)


def test_half_precision_is_summed_in_float32() -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(6, 64).bfloat16(), torch.randn(5000, 64).bfloat16()
    targets = torch.arange(6)
    found, normaliser = chunked_logprobs(hidden, weight, targets, vocabulary_chunk=512)
    assert found.dtype == normaliser.dtype == torch.float32
    exact, exact_normaliser = full(hidden.double(), weight.double(), targets, None, 1.0, 1.0, None)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)
    torch.testing.assert_close(normaliser.double(), exact_normaliser, rtol=0, atol=1e-4)


def test_huge_logits_do_not_overflow() -> None:
    hidden, weight = torch.tensor([[1000.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.999, 0.0], [-1.0, 0.0]])
    found, normaliser = chunked_logprobs(hidden, weight, torch.tensor([1]), vocabulary_chunk=1)
    torch.testing.assert_close(normaliser, torch.tensor([1000.3133]))
    torch.testing.assert_close(found, torch.tensor([-1.3133]), atol=1e-4, rtol=0)


def test_an_entry_that_is_ruled_out_has_no_probability() -> None:
    bias = torch.tensor([-torch.inf, -torch.inf, 0.0, 1.0])
    found, normaliser = chunked_logprobs(
        torch.zeros(2, 3), torch.zeros(4, 3), torch.tensor([3, 0]), bias, vocabulary_chunk=2
    )
    torch.testing.assert_close(normaliser, torch.logsumexp(bias, 0).expand(2))
    torch.testing.assert_close(found, torch.tensor([1 - normaliser[0].item(), -torch.inf]))


def test_a_logit_that_is_no_number_is_not_hidden() -> None:
    weight = torch.zeros(4, 3)
    weight[1, 0] = torch.nan
    found, normaliser = chunked_logprobs(torch.ones(1, 3), weight, torch.tensor([3]), vocabulary_chunk=2)
    assert found.isnan().all()
    assert normaliser.isnan().all()


def test_sizes_must_fit() -> None:
    with pytest.raises(UserError, match="targets has 2 entries"):
        chunked_logprobs(torch.zeros(3, 2), torch.zeros(4, 2), torch.tensor([0, 1]))
    with pytest.raises(UserError, match="vocabulary_chunk=0"):
        chunked_logprobs(torch.zeros(1, 2), torch.zeros(4, 2), torch.tensor([0]), vocabulary_chunk=0)
