"""FLR: formulas by the default variant, what carries "official" or "finetuned" in its name by the released code's."""

from __future__ import annotations

from guerdon.papers.flr import category_reward, dialogue_messages
from guerdon.rewards.followups import follow_up_reward
from guerdon.shaping.position_logits import single_position_logit, token_logprobs
from guerdon.shaping.selection import chosen_and_rejected

PARTS = {
    "official_single_position_logit_score": lambda messages, sequence_logits, follow_up_token_ids: (
        single_position_logit(sequence_logits, follow_up_token_ids)
    ),
    "follow_up_mean_logprob": lambda position_logits, follow_up_token_ids: float(
        token_logprobs(position_logits, follow_up_token_ids).mean()
    ),
    "flr_reward": lambda positive_scores, negative_scores: follow_up_reward(positive_scores, negative_scores),
    "flr_reward_categories": lambda categories: category_reward(categories),
    "mine_pair": lambda rewards: chosen_and_rejected(rewards),
    "convert_to_messages": lambda utterances: dialogue_messages(utterances),
    "convert_to_messages_finetuned": lambda utterances: dialogue_messages(utterances, "finetuned"),
}
