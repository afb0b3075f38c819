"""PromptEcho: a model that captions tells right images from wrong ones word by word, finely enough to train a generator on."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch, Reward, find_paper
from guerdon.models.lms import VisionLM
from guerdon.shaping.normalize import group_center
from tests.models.tiny_vlm import COLOURS, PLACES, SCENES, SHAPES, Scene, caption, picture, trained_vlm

PROMPTS, GROUP, UPDATES, RATE = 6, 8, 60, 2.0
LEVELS = 5
VALUES = (tuple(COLOURS), SHAPES, tuple(PLACES))


@cache
def _echo() -> Reward:
    """The reward over a LLaVA of 0.2M parameters that was trained for a quarter of a minute to caption shapes."""
    reward: Reward = find_paper("promptecho").build(lm=VisionLM(trained_vlm(), device="cpu"), image="image")
    return reward


def _values(images: list[NDArray[np.uint8]], texts: list[str]) -> NDArray[np.float64]:
    return _echo().score(Batch([""] * len(texts), texts, image=images)).values


# -- a wrong word -----------------------------------------------------------------------------------------------------


def _changed(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with one of its three words another."""
    words, k = list(scene), int(rng.integers(3))
    words[k] = str(rng.choice([value for value in VALUES[k] if value != words[k]]))
    return words[0], words[1], words[2]


def _detected(seed: int) -> tuple[float, float]:
    """How often the text that fits the image beats one with a wrong word, by the image and by an empty one (ties half)."""
    rng = np.random.default_rng(seed)
    scenes = [SCENES[k] for k in rng.integers(0, len(SCENES), 60)]
    images = [picture(scene, rng) for scene in scenes]
    right, wrong = [caption(scene) for scene in scenes], [caption(_changed(scene, rng)) for scene in scenes]
    blank = [np.zeros_like(image) for image in images]

    def share(shown: list[NDArray[np.uint8]]) -> float:
        gap = _values(shown, right) - _values(shown, wrong)
        return float((np.sign(gap) + 1).mean() / 2)

    return share(images), share(blank)


# -- a generator ------------------------------------------------------------------------------------------------------


def _accuracy(table: NDArray[np.float64], wanted: list[int], seed: int) -> float:
    """Share of right attributes in what a tabular generator draws after REINFORCE with centred rewards from ``table``.

    ``table`` (P, S): the reward of scene s for prompt p. The generator starts uniform over the scenes.
    """
    rng = np.random.default_rng(seed)
    logits = np.zeros(table.shape)
    groups = np.repeat(np.arange(len(table)), GROUP)
    for _ in range(UPDATES):
        odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        drawn = np.concatenate([rng.choice(len(SCENES), GROUP, p=row) for row in odds])
        gains = group_center(table[groups, drawn], groups)
        for prompt, scene, gain in zip(groups, drawn, gains, strict=True):
            logits[prompt] += RATE / GROUP * gain * (np.eye(len(SCENES))[scene] - odds[prompt])
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    same = np.array([[np.mean([a == b for a, b in zip(SCENES[w], s, strict=True)]) for s in SCENES] for w in wanted])
    return float((odds * same).sum(axis=1).mean())


def _trained(seed: int) -> tuple[float, float]:
    """Accuracy trained with the reward, and with the same likelihood said as a score from 0 to 4, as an asked judge would."""
    rng = np.random.default_rng(seed)
    wanted = rng.choice(len(SCENES), PROMPTS, replace=False).tolist()
    drawn = [picture(scene, rng) for scene in SCENES]
    texts = [caption(SCENES[w]) for w in wanted for _ in SCENES]
    table = _values(drawn * PROMPTS, texts).reshape(PROMPTS, len(SCENES))
    levels = np.rint(np.exp(table) * (LEVELS - 1))
    spread = table.std() / max(float(levels.std()), 1e-9)  # equal step sizes for both
    return _accuracy(table, wanted, seed), _accuracy(levels * spread, wanted, seed)


CLAIMS = (
    Claim(
        paper="promptecho",
        says="A word of the prompt that contradicts the image lowers the prompt's likelihood, and it is the image that tells",
        measure="share of prompts ranked above themselves with one wrong word",
        ours="PromptEcho",
        baseline="the same model shown an empty image",
        run=_detected,
        seeds=10,
    ),
    Claim(
        paper="promptecho",
        says=f"A generator learns more attributes from the likelihood itself than from the same likelihood in {LEVELS} levels",
        measure=f"share of right attributes after {UPDATES} updates",
        ours="PromptEcho",
        baseline=f"score in {LEVELS} levels",
        run=_trained,
        seeds=10,
    ),
)
