"""Endogenous reward: a small model of good text finds good text better than corrupted text, and its reward can be climbed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon import Batch
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.papers.endogenous_reward import build
from guerdon.shaping.soft_bellman import endogenous_rewards

Floats = NDArray[np.float64]

# -- a tiny language model of true sentences --------------------------------------------------------------------------------

CITIES = [f"city{i}" for i in range(12)]
COUNTRIES = [f"land{i}" for i in range(12)]
FRAMES = ("the capital of {b} is {a} .", "{a} is the capital of {b} .", "in {b} most people live in {a} .")
WORDS = sorted({"<start>", *CITIES, *COUNTRIES, *" ".join(FRAMES).replace("{a}", "").replace("{b}", "").split()})
INDEX = {word: i for i, word in enumerate(WORDS)}
WINDOW = 7


def _sentence(rng: np.random.Generator, true: bool = True) -> str:
    i = int(rng.integers(12))
    j = i if true else int((i + rng.integers(1, 12)) % 12)
    return str(rng.choice(FRAMES)).format(a=CITIES[i], b=COUNTRIES[j])


class _Words(CausalLM):
    """One hidden layer over the last seven words, trained on true sentences."""

    def __init__(self, seed: int, steps: int) -> None:
        import torch

        torch.manual_seed(seed)
        size, rng = len(WORDS), np.random.default_rng(seed)
        self.embedding = torch.nn.Embedding(size, 24)
        self.layers = torch.nn.Sequential(torch.nn.Linear(24 * WINDOW, 64), torch.nn.Tanh(), torch.nn.Linear(64, size))
        parameters = [*self.embedding.parameters(), *self.layers.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=0.01)
        for _ in range(steps):
            inputs, targets = self._examples([_sentence(rng) for _ in range(32)])
            loss = torch.nn.functional.cross_entropy(self._logits(inputs), torch.tensor(targets))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()

    @staticmethod
    def _examples(texts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        inputs, targets = [], []
        for text in texts:
            ids = [INDEX["<start>"]] * WINDOW + [INDEX[word] for word in text.split()]
            inputs += [ids[t - WINDOW : t] for t in range(WINDOW, len(ids))]
            targets += ids[WINDOW:]
        return inputs, targets

    def _logits(self, inputs: list[list[int]]) -> Any:
        import torch

        return self.layers(self.embedding(torch.tensor(inputs)).flatten(1))

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        import torch

        found = []
        for request in requests:
            inputs, targets = self._examples([str(request.target)])
            with torch.no_grad():
                logits = self._logits([*inputs, [*inputs[-1][1:], targets[-1]]]).double()
            normalisers = torch.logsumexp(logits, dim=-1).numpy()
            chosen = logits[range(len(targets)), targets].numpy() - normalisers[:-1]
            found.append(TokenScores(np.array(targets), chosen, normalisers))
        return found


@lru_cache(maxsize=4)
def _model(seed: int, steps: int) -> _Words:
    return _Words(seed, steps)


def _ranked(seed: int, steps: int) -> float:
    """Share of 200 pairs in which the true sentence has the higher endogenous reward than the one with its city exchanged."""
    rng = np.random.default_rng(1000 + seed)
    good, bad = [], []
    for _ in range(200):
        i = int(rng.integers(12))
        j = int((i + rng.integers(1, 12)) % 12)
        frame = str(rng.choice(FRAMES))
        good.append(frame.format(a=CITIES[i], b=COUNTRIES[i]))
        bad.append(frame.format(a=CITIES[j], b=COUNTRIES[i]))
    values = build(lm=_model(seed, steps)).score(Batch([*good, *bad])).values
    return float((values[:200] > values[200:]).mean())


# -- a token process with a known reward --------------------------------------------------------------------------------------

TOKENS, HORIZON, DATA = 6, 10, 200


def _policy(rewards: Floats, temperature: float) -> Floats:
    """(H, V, V) chances of the next token after each, soft-optimal for rewards (H, V, V) at a temperature."""
    after = np.zeros(TOKENS)
    chances = np.zeros_like(rewards)
    for h in reversed(range(len(rewards))):
        q = (rewards[h] + after[None, :]) / temperature
        top = q.max(axis=1, keepdims=True)
        odds = np.exp(q - top)
        chances[h] = odds / odds.sum(axis=1, keepdims=True)
        after = temperature * (np.log(odds.sum(axis=1)) + top[:, 0])
    return chances


def _return(chances: Floats, truth: Floats) -> float:
    """Expected sum of true rewards from token 0."""
    state, total = np.eye(TOKENS)[0], 0.0
    for h in range(len(chances)):
        joint = state[:, None] * chances[h]
        total += float((joint * truth[h]).sum())
        state = joint.sum(axis=0)
    return total


def _climbed(seed: int) -> tuple[float, float]:
    """True return of a policy trained on the reward read from a model fitted to expert data, and of that model itself."""
    rng = np.random.default_rng(seed)
    truth = np.broadcast_to(rng.normal(size=(TOKENS, TOKENS)), (HORIZON, TOKENS, TOKENS))
    expert = _policy(np.asarray(truth), 1.0)
    counts = np.full((HORIZON, TOKENS, TOKENS), 0.3)
    for _ in range(DATA):
        token = 0
        for h in range(HORIZON):
            drawn = int(rng.choice(TOKENS, p=expert[h, token]))
            counts[h, token, drawn] += 1
            token = drawn
    model = counts / counts.sum(axis=2, keepdims=True)
    read = np.zeros_like(model)
    for h in range(HORIZON):
        for before in range(TOKENS):
            for token in range(TOKENS):
                # The second row holds the logits after the token; the last token has none after it.
                logits = [np.log(model[h, before]), np.log(model[min(h + 1, HORIZON - 1), token])]
                read[h, before, token] = endogenous_rewards(logits, [token], terminal="next").token_rewards[0]
    return _return(_policy(read, 0.2), truth), _return(model, truth)


CLAIMS = (
    Claim(
        paper="endogenous-reward",
        says="The logits of a small model of true sentences hold a reward that ranks true above corrupted sentences",
        measure="share of pairs ranked right",
        ours="model trained for seconds",
        baseline="the same model untrained",
        run=lambda seed: (_ranked(seed, 120), _ranked(seed, 0)),
        seeds=5,
    ),
    Claim(
        paper="endogenous-reward",
        says="A policy trained on the reward read from an imitating model returns more than the model itself",
        measure="true return",
        ours="trained on its endogenous reward",
        baseline="imitation alone",
        run=_climbed,
        seeds=20,
    ),
)
