#!/usr/bin/env bash
# GRPO in verl with a guerdon reward:  examples/verl/run_grpo.sh MODEL TRAIN.parquet VALIDATION.parquet [verl settings...]
# The parquet files come from prepare.py. Further settings of verl go to the end, e.g. trainer.nnodes=4 trainer.n_gpus_per_node=8.
set -euo pipefail
model=$1 train=$2 validation=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-runs/verl}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# The file that verl's reward workers load. All nodes must see it; a reward that compares siblings needs --at ray besides.
${PYTHON:-python3} -m guerdon export verl "$here/reward.yaml" -o "$out/guerdon_verl.py" --overwrite

exec ${PYTHON:-python3} -m verl.trainer.main_ppo \
  algorithm.adv_estimator=grpo \
  algorithm.use_kl_in_reward=False \
  data.train_files="$train" \
  data.val_files="$validation" \
  data.train_batch_size=64 \
  data.max_prompt_length=512 \
  data.max_response_length=512 \
  actor_rollout_ref.model.path="$model" \
  actor_rollout_ref.actor.optim.lr=1e-6 \
  actor_rollout_ref.actor.ppo_mini_batch_size=32 \
  actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4 \
  actor_rollout_ref.rollout.name=vllm \
  actor_rollout_ref.rollout.n=8 \
  actor_rollout_ref.rollout.gpu_memory_utilization=0.5 \
  actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=8 \
  reward.num_workers=8 \
  reward.reward_manager.source=importlib \
  reward.reward_manager.module.path="$out/guerdon_verl.py" \
  reward.reward_manager.name=GuerdonRewardManager \
  trainer.project_name=guerdon \
  trainer.experiment_name=grpo \
  trainer.logger='["console"]' \
  trainer.nnodes=1 \
  trainer.n_gpus_per_node=1 \
  trainer.total_epochs=1 \
  "$@"
