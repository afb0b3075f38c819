"""IRL survey: its closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from guerdon.papers.irl_survey import ensemble_reward
from guerdon.shaping.acquisition import log_determinant, preference_information
from guerdon.shaping.credit import redistribute, rollout_values
from guerdon.shaping.decomposed_heads import decomposed_heads
from guerdon.shaping.demonstrations import adversarial_reward, f_divergence_reward, implicit_token_reward
from guerdon.shaping.overoptimization import overoptimization_gap
from guerdon.shaping.preference import bradley_terry_loss, classification_loss, correctness_loss, dpo_loss
from guerdon.shaping.selection import best_of_n, best_of_n_kl_bound


def _implicit(per_token: Any) -> dict[str, Any]:
    return {"per_token": per_token, "total": float(per_token.sum())}


def _d_optimality(information: Any) -> dict[str, Any]:
    return {"information": information, "log_det_ridge": log_determinant(information, ridge=1e-3)}


def _heads(heads: Any) -> dict[str, Any]:
    return {"abs_first_component": np.abs(heads.directions[0]), "explained": heads.explained}


PARTS: dict[str, Any] = {
    "bradley_terry_loss": lambda chosen, rejected: bradley_terry_loss(chosen, rejected),
    "classification_rm_loss": lambda chosen, rejected: classification_loss(chosen, rejected),
    "bradley_terry_margin_loss": lambda chosen, rejected, margin: bradley_terry_loss(chosen, rejected, margin=margin),
    "dpo_loss": lambda policy_chosen_logp, policy_rejected_logp, ref_chosen_logp, ref_rejected_logp, beta: dpo_loss(
        policy_chosen_logp, policy_rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=beta
    ),
    "implicit_token_reward": lambda policy_logp, ref_logp, beta, mask=None: _implicit(
        implicit_token_reward(policy_logp, ref_logp, beta=beta, mask=mask)
    ),
    "adversarial_reward": lambda discriminator_prob, clip=1e-6: adversarial_reward(discriminator_prob, clip=clip),
    "f_divergence_reward": lambda log_density_ratio, kind: f_divergence_reward(log_density_ratio, kind=kind),
    "ensemble_reward": lambda rewards_by_member, mode, **options: ensemble_reward(
        rewards_by_member, mode=mode, penalty=options["lambda"]
    ),
    "d_optimality": lambda weights, pairs: _d_optimality(
        preference_information(weights, -np.diff(np.reshape(pairs, (len(pairs), 2, len(weights))), axis=1)[:, 0])
    ),
    "best_of_n": lambda scores: best_of_n(scores),
    "best_of_n_kl_bound": lambda n: best_of_n_kl_bound(n),
    "mc_step_value": lambda rollouts, successes: {
        "soft": float(rollout_values([successes], [rollouts])[0]),
        "hard": float(rollout_values([successes], [rollouts], hard=True)[0]),
    },
    "attention_redistribution": lambda attention, episode_reward: redistribute(episode_reward, attention),
    "decomposed_heads": lambda embedding_differences: _heads(decomposed_heads(embedding_differences)),
    "prompt_reward_loss": lambda logits, correct: correctness_loss(logits, correct),
    "overoptimization_gap": lambda proxy, gold: overoptimization_gap(proxy, gold),
}
