"""How a sentence-transformers folder turns token vectors into one: pooling, normalisation, window, prompt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from guerdon.errors import UserError

Pooling = Literal["mean", "cls", "max"]

# Positions are counted from the padding id on in these architectures, which costs two of them.
_OFFSET_POSITIONS = {"roberta", "xlm-roberta", "camembert", "mpnet", "longformer"}
_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}


@dataclass(frozen=True)
class SentenceLayout:
    """What follows the transformer, as its folder says.

    Attributes:
        pooling: how token vectors become one, or None where only sentence-transformers itself knows.
        normalize: whether vectors get unit length.
        max_length: tokens per window, special tokens included.
        prompt: text put before every input by default.
        lowercase: whether texts are lower-cased before the tokenizer sees them.
    """

    pooling: Pooling | None
    normalize: bool
    max_length: int
    prompt: str = ""
    lowercase: bool = False


def read_layout(folder: Path) -> SentenceLayout:
    """The layout of a folder; one without ``modules.json`` is a plain transformer: mean pooling, not normalised.

    Raises:
        UserError: the folder has no ``config.json`` of a transformer.
    """
    modules = [(str(m["type"]).rsplit(".", 1)[-1], str(m["path"])) for m in _read(folder / "modules.json", [])]
    names = [name for name, _ in modules]
    root = folder / modules[0][1] if modules else folder
    config = _read(root / "config.json", {})
    if not config:
        raise UserError(
            f"{folder} has no config.json of a transformer; give a sentence-transformers or transformers folder"
        )
    sentence = _read(root / "sentence_bert_config.json", {})
    settings = _read(folder / "config_sentence_transformers.json", {})
    pooling: Pooling | None = "mean"
    if modules:
        simple = names in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        pooling = _pooling(_read(folder / modules[1][1] / "config.json", {})) if simple else None
    return SentenceLayout(
        pooling=pooling,
        normalize="Normalize" in names,
        max_length=_max_length(root, config, sentence),
        prompt=str((settings.get("prompts") or {}).get(settings.get("default_prompt_name"), "")),
        lowercase=bool(sentence.get("do_lower_case", False)),
    )


def transformer_folder(folder: Path) -> Path:
    """Where the transformer itself is: the folder, or the first module's below it."""
    modules = _read(folder / "modules.json", [])
    return folder / str(modules[0]["path"]) if modules else folder


def _pooling(config: dict[str, Any]) -> Pooling | None:
    if not config.get("include_prompt", True):
        return None
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else [key for key, value in config.items() if value is True]
    modes = [_POOLING_FLAGS.get(mode, mode) for mode in modes if mode.startswith("pooling_mode") or mode == named]
    found = [mode for mode in get_args(Pooling) if modes == [mode]]
    return found[0] if found else None


def _max_length(root: Path, config: dict[str, Any], sentence: dict[str, Any]) -> int:
    limits = [sentence.get("max_seq_length"), _read(root / "tokenizer_config.json", {}).get("model_max_length")]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int):
        limits.append(positions - 2 if config.get("model_type") in _OFFSET_POSITIONS else positions)
    return min([int(limit) for limit in limits if isinstance(limit, (int, float)) and 0 < limit < 1e6], default=512)


def _read(path: Path, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default
