"""Opening data by what the user calls it: a file, a saved dataset, or a dataset of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from guerdon.errors import UserError, closest
from guerdon.scoring.arrow import HuggingFaceDataset, ParquetFile, hugging_face
from guerdon.scoring.jsonl import JsonLines
from guerdon.scoring.rows import Source

LINES = (".jsonl", ".ndjson", ".json")
READABLE = "a .jsonl, .jsonl.gz or .parquet file, a folder that datasets saved (FOLDER or FOLDER:SPLIT), or HUB-ID[:CONFIG]:SPLIT"
_HUB = re.compile(r"(?P<id>[\w.-]+(/[\w.-]+)?)(:(?P<config>[\w.-]+))?:(?P<split>[\w.%\[\]:+-]+)")


def open_data(data: str) -> Source:
    """The source that ``data`` names.

    Raises:
        UserError: there is no such file or dataset, or its kind cannot be read.
        MissingExtra: Parquet or a dataset, without the libraries to read it.
    """
    path = Path(data)
    if path.is_dir():
        return _saved(path, None)
    if path.is_file():
        return _file(path)
    folder, colon, split = data.rpartition(":")
    if colon and Path(folder).is_dir():
        return _saved(Path(folder), split)
    hub = _HUB.fullmatch(data)
    if hub is None or path.suffix in (*LINES, ".gz", ".parquet"):
        raise UserError(f"data {data!r} does not exist; give {READABLE}")
    return _from_hub(data, hub["id"], hub["config"], hub["split"])


def _file(path: Path) -> Source:
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in LINES:
        return JsonLines(path)
    if path.suffix == ".parquet":
        return ParquetFile(path)
    raise UserError(f"data {str(path)!r} has the suffix {path.suffix!r}, which says nothing; give {READABLE}")


def _saved(path: Path, split: str | None) -> Source:
    if not any((path / marker).is_file() for marker in ("state.json", "dataset_dict.json")):
        raise UserError(f"folder {str(path)!r} holds no dataset that datasets saved with save_to_disk; give {READABLE}")
    try:
        loaded = hugging_face().load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the dataset in {str(path)!r} cannot be read: {_short(error)}") from error
    return HuggingFaceDataset(str(path), _one(loaded, str(path), split))


def _from_hub(data: str, dataset: str, config: str | None, split: str) -> Source:
    try:
        loaded = hugging_face().load_dataset(dataset, config, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"data {data!r} is no file, and not to be had from the Hugging Face hub: {_short(error)}"
        ) from error
    return HuggingFaceDataset(data, _one(loaded, data, None))


def _one(loaded: Any, name: str, split: str | None) -> Any:
    """The one dataset that is meant out of what was loaded."""
    splits = loaded if isinstance(loaded, dict) else None
    if splits is None:
        if split is not None:
            raise UserError(f"the dataset in {name!r} has no splits; leave out ':{split}'")
        return loaded
    if split is None and len(splits) == 1:
        return next(iter(splits.values()))
    if split not in splits:
        said = "say which split" if split is None else f"there is no split {split!r}"
        raise UserError(f"{said} of {name!r}, as {name}:SPLIT; {closest(split or '', splits)}")
    return splits[split]


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
