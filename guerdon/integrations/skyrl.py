"""SkyRL: a reward as a text environment of one or several turns, ``env_class: guerdon``.

Each turn's reward goes to that turn's last token. SkyRL steps every rollout on its own, so what compares siblings needs
``group_size`` and a place where all workers meet. ``guerdon export skyrl SPEC`` writes the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.sample import Sample

__all__ = ["environment"]


def environment(reward: Any, **options: Any) -> type:
    """The environment class for ``skyrl_gym.register``; ``options`` of :class:`SampleScorer`.

    The dataset row's ``reward_spec`` (its ``ground_truth``) and further fields give the columns, ``extras["uid"]`` says who are
    siblings, else equal prompts do. The completion is all that the policy has written; with ``max_turns`` above 1 each turn's
    reward is what the score has gained since the turn before, so that a rollout's turns sum to its value. What compares siblings
    is scored once, after the last turn.
    """
    from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

    scorer = SampleScorer(reward, **options)
    once = scorer.reward.siblings is not None or scorer.reward.stateful

    class GuerdonEnv(BaseTextEnv):  # type: ignore[misc]
        def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
            super().__init__()
            self.extras = dict(extras or {})
            spec = self.extras.get("reward_spec") or {}
            label = spec.get("ground_truth") if isinstance(spec, Mapping) else None
            self.columns = scorer.columns(label, {**self.extras, **(spec if isinstance(spec, Mapping) else {})})
            self.max_turns = int(self.extras.get("max_turns", 1) or 1)
            self.prompt: Any = None
            self.said: list[dict[str, str]] = []
            self.before = 0.0
            self.numbers: dict[str, float] = {}

        def init(self, prompt: Any) -> tuple[Any, dict[str, Any]]:
            self.prompt = prompt
            return prompt, {}

        def step(self, action: str) -> Any:
            self.turns += 1
            self.said.append({"role": "assistant", "content": action})
            done = self.turns >= self.max_turns
            gained = 0.0
            if done or not once:
                completion: Any = action if self.max_turns == 1 else list(self.said)
                sample = Sample(completion, self.prompt, self.columns, group=self.extras.get("uid"))
                self.numbers = scorer.as_numbers(scorer.blocking(sample))
                gained, self.before = self.numbers["score"] - self.before, self.numbers["score"]
            return BaseTextEnvStepOutput(observations=[], reward=gained, done=done, metadata=dict(self.numbers))

        def get_metrics(self) -> dict[str, float]:
            return dict(self.numbers)

    return GuerdonEnv
