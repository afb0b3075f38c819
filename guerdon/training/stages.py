"""One stage of a run on TRL's trainers: continued pre-training, supervised fine-tuning, GRPO."""

from __future__ import annotations

import importlib
import inspect
import shutil
from pathlib import Path
from typing import Any

from guerdon.errors import UserError, closest
from guerdon.spec import from_spec
from guerdon.training.callbacks import Metrics, ProgressBar, RewardState, TimedReward
from guerdon.training.policy import is_chat, load_policy
from guerdon.training.questions import load_rows, training_columns
from guerdon.training.runfile import RunFile, Stage

COMMON = {
    "report_to": "none",
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_total_limit": 2,
    "save_strategy": "steps",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "cpt": {"save_steps": 100, "logging_steps": 10},
    "sft": {"save_steps": 100, "logging_steps": 10, "completion_only_loss": True},
    "grpo": {"save_steps": 25, "num_generations": 8, "beta": 0.04, "learning_rate": 1e-6, "temperature": 0.9},
}


def run_stage(run: RunFile, stage: Stage, start: Path, folder: Path, metrics: Path, *, progress: bool = True) -> None:
    """Train a stage from the model in ``start``, checkpointing in ``folder``, and leave its model in ``folder/model``.

    A checkpoint found in ``folder`` is gone on from, with the same order of data.
    """
    import torch
    from transformers import set_seed

    set_seed(run.seed)
    model, tokenizer = load_policy(start, run.policy)
    trainer = _trainer(run, stage, model, tokenizer, folder, metrics, progress)
    resume = last_checkpoint(folder)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    trained = trainer.model
    if run.policy.lora is not None:
        trained = trained.merge_and_unload()
    if trainer.accelerator.is_main_process:
        partial = folder / "model.partial"
        shutil.rmtree(partial, ignore_errors=True)
        trainer.accelerator.unwrap_model(trained).save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        partial.rename(folder / "model")
    trainer.accelerator.wait_for_everyone()
    del trainer, trained, model
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of a stage's folder."""
    found = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").exists()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _trainer(
    run: RunFile, stage: Stage, model: Any, tokenizer: Any, folder: Path, metrics: Path, progress: bool
) -> Any:
    trl: Any = importlib.import_module("trl")
    rows = load_rows(run.data, run.data.train)
    chat = is_chat(tokenizer)
    dataset = training_columns(rows, stage, chat=chat, data=run.data, seed=run.seed)
    callbacks: list[Any] = [Metrics(metrics, stage.name)]
    if progress:
        callbacks.append(ProgressBar(stage.name))
    options: dict[str, Any] = {
        "model": model,
        "processing_class": tokenizer,
        "train_dataset": dataset,
        "peft_config": _lora(run),
    }
    config = trl.GRPOConfig if stage.kind == "grpo" else trl.SFTConfig
    arguments = _arguments(run, stage, config)
    if stage.early_stopping is not None:
        arguments, stop = _early_stopping(stage, stage.early_stopping, arguments)
        callbacks.append(stop)
        held_out = load_rows(run.data, run.data.validation)
        options["eval_dataset"] = training_columns(held_out, stage, chat=chat, data=run.data, seed=run.seed)
    if stage.kind == "grpo":
        reward = from_spec(stage.reward)
        scorer = reward.scorer(seed=run.seed)
        if reward.stateful:
            callbacks.append(RewardState(scorer, last_checkpoint(folder)))
        options["reward_funcs"] = TimedReward(scorer)
    args = config(output_dir=str(folder), **arguments)
    trainer_class = trl.GRPOTrainer if stage.kind == "grpo" else trl.SFTTrainer
    trainer = trainer_class(args=args, callbacks=callbacks, **options)
    _drop_printer(trainer)
    return trainer


def _arguments(run: RunFile, stage: Stage, config: Any) -> dict[str, Any]:
    known = inspect.signature(config).parameters
    for name in stage.arguments:
        if name not in known:
            raise UserError(f"stage {stage.name!r}: {config.__name__} has no argument {name!r}; {closest(name, known)}")
        if name == "output_dir":
            raise UserError(f"stage {stage.name!r}: output_dir is the run's; set output")
    arguments = {
        **COMMON,
        **DEFAULTS[stage.kind],
        "seed": run.seed,
        "bf16": run.policy.dtype == "bfloat16",
        **stage.arguments,
    }
    if run.policy.model == "tiny":
        arguments.setdefault("gradient_checkpointing", False)
    if stage.updates_of is not None:
        other = run.stage(stage.updates_of)
        if "max_steps" not in other.arguments:
            raise UserError(f"stage {stage.name!r} takes the updates of {other.name!r}, which has no max_steps")
        arguments["max_steps"] = other.arguments["max_steps"]
    return arguments


def _early_stopping(stage: Stage, patience: int, arguments: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    from transformers import EarlyStoppingCallback

    if stage.kind == "grpo":
        raise UserError(f"stage {stage.name!r}: early_stopping looks at the validation loss, which GRPO does not have")
    steps = arguments.get("eval_steps", arguments["save_steps"])
    every = {"eval_strategy": "steps", "eval_steps": steps, "save_steps": steps, "load_best_model_at_end": True}
    best = {"metric_for_best_model": "eval_loss", "greater_is_better": False}
    return {**arguments, **every, **best}, EarlyStoppingCallback(patience)


def _lora(run: RunFile) -> Any:
    lora = run.policy.lora
    if lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )


def _drop_printer(trainer: Any) -> None:
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
