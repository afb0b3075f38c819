"""How systems compare on held-out questions: completions, their scores, and differences with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.scores import Floats
from guerdon.shaping.intervals import Interval, bootstrap_interval, paired_difference
from guerdon.shaping.pairwise import elo_ratings
from guerdon.spec import from_spec
from guerdon.text.trajectory import completion_text
from guerdon.training.policy import is_chat, load_policy
from guerdon.training.questions import Row, load_rows, prompt_of, question_text, reward_columns
from guerdon.training.runfile import RunFile

TOTAL = "reward"
LENGTH = "words"
UNSCORED = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Answers:
    """What one system said to I held-out questions, K times each, and how it was scored.

    ``parts`` maps the reward's parts, ``reward`` (the total) and ``words`` (length) to (I, K) arrays.
    """

    system: str
    language: str
    rows: tuple[Row, ...]
    completions: tuple[tuple[str, ...], ...]
    parts: Mapping[str, Floats]

    def items(self, part: str) -> Floats:
        """(I,) mean over the samples of each question; NaN where none was scored."""
        with np.errstate(invalid="ignore"):
            values = self.parts[part]
            scored = ~np.isnan(values)
            total = np.where(scored, values, 0.0).sum(axis=1)
            return np.asarray(np.where(scored.any(axis=1), total / np.maximum(scored.sum(axis=1), 1), np.nan))

    def mean(self, part: str) -> Interval:
        """The mean over questions with its 95% bootstrap interval; NaN where none was scored."""
        values = self.items(part)
        return UNSCORED if np.isnan(values).all() else bootstrap_interval(values)


def answer_all(run: RunFile, system: str, model_folder: Path, language: str, file: Path) -> Answers:
    """A system's answers to the held-out questions in one language, generated and scored once, kept in ``file``."""
    data = run.data.model_copy(update={"language": language or None})
    rows = load_rows(data, run.data.test)[: run.evaluation.limit]
    if file.exists():
        completions = json.loads(file.read_text(encoding="utf-8"))["completions"]
    else:
        completions = generate(run, model_folder, rows)
        partial = file.with_suffix(".partial")
        partial.write_text(
            json.dumps({"system": system, "language": language, "completions": completions}), encoding="utf-8"
        )
        partial.rename(file)
    return score_answers(run, system, language, rows, completions)


def generate(run: RunFile, model_folder: Path, rows: Sequence[Row]) -> list[list[str]]:
    """(I, K) sampled completions of each question."""
    import torch
    from transformers import set_seed

    model, tokenizer = load_policy(model_folder, run.policy)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).eval()
    set_seed(run.seed)
    settings = run.evaluation
    chat = is_chat(tokenizer)
    prompts = [prompt_of(row, chat=chat, instruction=run.data.instruction) for row in rows]
    texts = (
        [tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True) for p in prompts]
        if chat
        else prompts
    )
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    said: list[list[str]] = [[] for _ in texts]
    size = max(1, settings.batch_size // settings.samples)
    for start in range(0, len(order), size):
        picked = order[start : start + size]
        encoded = tokenizer([texts[i] for i in picked], return_tensors="pt", padding=True, add_special_tokens=not chat)
        encoded.pop("token_type_ids", None)
        with torch.no_grad():
            out = model.generate(
                **encoded.to(device),
                do_sample=True,
                temperature=settings.temperature,
                top_k=0,
                max_new_tokens=settings.max_new_tokens,
                num_return_sequences=settings.samples,
                pad_token_id=tokenizer.pad_token_id,
            )
        replies = tokenizer.batch_decode(out[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True)
        for k, i in enumerate(picked):
            said[i] = replies[k * settings.samples : (k + 1) * settings.samples]
    return said


def score_answers(
    run: RunFile, system: str, language: str, rows: Sequence[Row], completions: Sequence[Sequence[str]]
) -> Answers:
    """The evaluation reward's parts for every completion."""
    reward = from_spec(run.evaluation.reward)
    flat = [(row, text) for row, texts in zip(rows, completions, strict=True) for text in texts]
    columns: dict[str, list[Any]] = {}
    for row, _ in flat:
        for name, value in reward_columns(row).items():
            columns.setdefault(name, []).append(value)
    groups = [i for i, texts in enumerate(completions) for _ in texts]
    whole = {name: values for name, values in columns.items() if len(values) == len(flat)}
    batch = Batch([text for _, text in flat], [question_text(row) for row, _ in flat], groups=groups, columns=whole)
    scores = reward.score(batch)
    shape = len(rows), run.evaluation.samples
    words = np.array([float(len(completion_text(text).split())) for _, text in flat])
    parts = {TOTAL: scores.values, **scores.parts, LENGTH: words}
    return Answers(
        system,
        language,
        tuple(rows),
        tuple(tuple(texts) for texts in completions),
        {name: np.reshape(values, shape) for name, values in parts.items()},
    )


def difference(ours: Answers, other: Answers, part: str) -> Interval:
    """mean(ours - other) over questions, paired, with its 95% bootstrap interval; NaN where none was scored for both."""
    first, second = ours.items(part), other.items(part)
    return UNSCORED if np.isnan(first - second).all() else paired_difference(first, second)


def tournament(answers: Sequence[Answers], part: str = TOTAL) -> dict[str, float]:
    """Elo ratings of the systems, each question a match between every two of them, decided by the score; averaged over orders."""
    matches = []
    for i, first in enumerate(answers):
        for second in answers[i + 1 :]:
            for a, b in zip(first.items(part).tolist(), second.items(part).tolist(), strict=True):
                matches.append((first.system, second.system, 1.0 if a > b else 0.0 if a < b else 0.5))
    names = [each.system for each in answers]
    return {str(name): rating for name, rating in elo_ratings(matches, players=names, shuffles=20).items()}


def by(answers: Answers, column: str, part: str) -> dict[str, float]:
    """Mean of a part for each value of a column, such as the subject."""
    values = answers.items(part)
    found: dict[str, list[float]] = {}
    for row, value in zip(answers.rows, values.tolist(), strict=True):
        found.setdefault(str(row.get(column, "-")), []).append(value)
    return {name: float(np.nanmean(numbers)) for name, numbers in sorted(found.items())}
