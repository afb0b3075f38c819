"""Continual preference tuning: a reward model learns a new order of texts, and is held to what it said of old ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from guerdon.errors import MissingExtra, UserError
from guerdon.shaping.schedules import warmup_cosine
from guerdon.training.losses.reward_ranking import ContinualPreference

if TYPE_CHECKING:
    from torch import Tensor, nn

    Rewards = Callable[[nn.Module, Sequence[str]], Tensor]


@dataclass(frozen=True)
class Tuning:
    """How :func:`tune_with_replay` trains.

    Attributes:
        objective: the loss.
        epochs, batch_size, learning_rate, weight_decay, warmup, seed: of the training; ``warmup`` is a share of the steps.
        replay_size: replayed texts per step; both sides of one pair are two.
        max_gradient: norm that gradients are cut to; None not.
    """

    objective: ContinualPreference = field(default_factory=ContinualPreference)
    epochs: int = 1
    batch_size: int = 1
    learning_rate: float = 2e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    replay_size: int = 2
    max_gradient: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "replay_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)!r} must be at least 1")
        if not 0.0 <= self.warmup <= 1.0:
            raise UserError(f"warmup={self.warmup!r} is a share of the steps and must lie in [0, 1]")


def tune_with_replay(
    model: nn.Module,
    rewards: Rewards,
    ordered: Sequence[Sequence[str]],
    replay: Sequence[str] = (),
    *,
    tuning: Tuning | None = None,
) -> list[dict[str, float]]:
    """Train a reward model in place; the loss and its parts of every step.

    Before training, the rewards of all replayed texts are recorded: those of the frozen initial model, to which the anchor holds
    the trained one. AdamW without weight decay on biases and the weights of layer norms; linear warm-up, then a cosine to 0.
    One optimiser of its own, for small and middling models on one device.

    Args:
        model: trained in place.
        rewards: ``rewards(model, texts) -> (N,)`` tensor with gradient.
        ordered: per source its texts from best to worst, such as (model's, mixed, human).
        replay: texts of the data the model was first trained on, both sides of each pair; none: no anchor.

    Raises:
        UserError: no ordered texts, or rows of different numbers of levels.

    Source: Lee et al. 2024, ReMoDetect (arXiv 2405.17382); constants of the released training script.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", extra="train") from None
    settings = tuning or Tuning()
    sizes = sorted({len(row) for row in ordered})
    if len(sizes) != 1:
        raise UserError(f"ordered has rows of {sizes} levels; give at least one row, and each the same number")
    rng = np.random.default_rng(settings.seed)
    steps = settings.epochs * -(-len(ordered) // settings.batch_size)
    optimizer = torch.optim.AdamW(decay_groups(model, settings.weight_decay), lr=settings.learning_rate)
    with torch.no_grad():
        first = copy.deepcopy(model).eval()
        known = [value for part in _parts(replay, 64) for value in rewards(first, part).tolist()]
    replayed: Iterator[list[int]] = _shuffled(len(replay), settings.replay_size, rng) if replay else cycle([[]])
    batches = _shuffled(len(ordered), settings.batch_size, rng)
    history = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = warmup_cosine(
                step, warmup_steps=int(settings.warmup * steps), steps=steps, peak=settings.learning_rate
            )
        rows = [ordered[i] for i in next(batches)]
        again = next(replayed)
        texts = [text for level in zip(*rows, strict=True) for text in level]
        said = rewards(model, [*texts, *(replay[i] for i in again)])
        ranked = said[: len(texts)].reshape(sizes[0], len(rows))
        teacher = said.new_tensor([known[i] for i in again])
        parts = settings.objective(*ranked, teacher=teacher, student=said[len(texts) :])
        optimizer.zero_grad()
        parts["loss"].backward()
        if settings.max_gradient is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_gradient)
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in parts.items()})
    return history


def decay_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: biases and the parameters of normalisation layers without weight decay."""
    norms = {
        id(parameter)
        for module in model.modules()
        if "norm" in type(module).__name__.lower()
        for parameter in module.parameters(recurse=False)
    }
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    free = [p for name, p in trained if id(p) in norms or name.rpartition(".")[2] == "bias"]
    decayed = [p for name, p in trained if not (id(p) in norms or name.rpartition(".")[2] == "bias")]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def _shuffled(size: int, batch: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Positions in batches, epoch after epoch, each shuffled anew."""
    while True:
        order = rng.permutation(size)
        for start in range(0, size, batch):
            yield order[start : start + batch].tolist()


def _parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))
