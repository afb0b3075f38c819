"""The rows a run is trained and evaluated on, as prompts and completions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from guerdon.data.answer_pairs import answer_checks, answer_pairs
from guerdon.data.mixed_quality import mixed_quality
from guerdon.data.variants import FILE
from guerdon.errors import UserError, closest
from guerdon.training.runfile import Data, Stage

Row = dict[str, Any]
NEEDED = ("question", "options", "answer", "explanation")
LETTERS = "ABCDEFGHIJ"
MADE = {"answer-pairs": answer_pairs, "answer-checks": answer_checks}


def load_rows(data: Data, split: str) -> list[Row]:
    """The rows of one split under guerdon's column names.

    Raises:
        UserError: an unreadable source, a missing column, or no row.
    """
    names = {name: data.columns.get(name, name) for name in (*NEEDED, "split", "language")}
    rows = []
    for number, raw in enumerate(_records(data.source, split)):
        row = {**raw, **{name: raw[column] for name, column in names.items() if column in raw}}
        missing = [name for name in NEEDED if row.get(name) is None]
        if missing:
            raise UserError(
                f"row {number} of {data.source} has no {missing[0]}; {closest(names[missing[0]], raw)}; set data.columns"
            )
        kept = all(row.get(column) in values for column, values in data.where.items())
        if kept and row.get("split", split) == split and data.language in (None, row.get("language")):
            rows.append(row)
    if not rows:
        raise UserError(
            f"{data.source} has no rows of split {split!r}"
            + (f" in language {data.language!r}" if data.language else "")
        )
    return rows[: data.limit]


def _records(source: str, split: str) -> Iterable[Mapping[str, Any]]:
    if source in MADE:
        return MADE[source]()
    path = FILE if source == "admission" else Path(source)
    if path.suffix == ".jsonl":
        try:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise UserError(f"data.source={source!r} cannot be read: {error}") from error
    import datasets

    try:
        if path.suffix == ".parquet":
            return list(datasets.Dataset.from_parquet(str(path)))
        if path.is_dir():
            found = datasets.load_from_disk(str(path))
            return list(found[split] if isinstance(found, datasets.DatasetDict) else found)
        return list(datasets.load_dataset(source, split=split))
    except (OSError, ValueError, KeyError, ConnectionError) as error:
        raise UserError(f"data.source={source!r} cannot be read: {' '.join(str(error).split())[:200]}") from error


def question_text(row: Mapping[str, Any], instruction: str = "") -> str:
    """The question with its lettered options, after the instruction."""
    options = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, row["options"], strict=False))
    return f"{instruction}\n\n{row['question']}\n{options}\n" if instruction else f"{row['question']}\n{options}\n"


def answer_text(row: Mapping[str, Any], data: Data) -> str:
    """The wanted completion, ``data.completion`` filled in; ``{answer}`` is the option's letter or words.

    Raises:
        UserError: the template names a column that the row does not have.
    """
    said = row["answer"] if data.answer == "letter" else right_option(row)
    try:
        return data.completion.format_map({**row, "answer": said})
    except KeyError as missing:
        raise UserError(f"data.completion names {missing}, which is no column; {closest(str(missing), row)}") from None


def right_option(row: Mapping[str, Any]) -> str:
    """The words of the right option; the answer itself where it is no letter of one."""
    return str(dict(zip(LETTERS, row["options"], strict=False)).get(row["answer"], row["answer"]))


def prompt_of(row: Mapping[str, Any], *, chat: bool, instruction: str = "") -> Any:
    """The prompt of a row, as text or, for a chat model, as messages."""
    text = question_text(row, instruction)
    return [{"role": "user", "content": text}] if chat else text


def domain_texts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Raw text of the domain for continued pre-training: each question answered and explained in prose, once."""
    texts = {}
    for row in rows:
        texts[row["question"]] = f"{row['question']} {right_option(row)}. {row['explanation']}"
    return list(texts.values())


def training_columns(rows: Sequence[Mapping[str, Any]], stage: Stage, *, chat: bool, data: Data, seed: int) -> Any:
    """The dataset of a stage: ``text`` for CPT, prompt and completion for SFT, prompt and the reward's columns for GRPO."""
    import datasets

    if stage.kind == "cpt":
        return datasets.Dataset.from_list([{"text": text} for text in domain_texts(rows)])
    chosen = list(rows)
    if stage.quality == "mixed":
        chosen = [row for k in range(stage.annotators) for row in mixed_quality(rows, seed + k)]
    records = []
    for row in chosen:
        record: Row = {"prompt": prompt_of(row, chat=chat, instruction=data.instruction)}
        if stage.kind == "sft":
            said = answer_text(row, data)
            record["completion"] = [{"role": "assistant", "content": said}] if chat else said
        else:
            record |= reward_columns(row)
        records.append(record)
    return datasets.Dataset.from_list(records)


def reward_columns(row: Mapping[str, Any]) -> Row:
    """What rewards read of a row: reference (the expert's explanation), answer, options, question and any further text columns."""
    further = {
        name: value
        for name, value in row.items()
        if isinstance(value, (str, int, float)) and name not in ("prompt", "completion")
    }
    return {**further, "reference": row["explanation"], "options": list(row["options"])}
