"""Where a model's files are, and which weights they hold."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from guerdon.errors import MissingExtra, UserError

CACHE_VARIABLE = "GUERDON_CACHE"

_DEFINING = (".safetensors", ".bin", ".json", ".txt", ".model")
_IDLE_FOLDERS = {"onnx", "openvino", ".git", ".cache"}
_DOWNLOADED = ("*.safetensors", "*.json", "*.txt", "*.model")


def cache_folder() -> Path:
    """The folder for what guerdon derives and can derive again: ``GUERDON_CACHE``, else ``~/.cache/guerdon``."""
    said = os.environ.get(CACHE_VARIABLE)
    if said:
        return Path(said).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "guerdon"


def model_folder(model: str, revision: str | None = None) -> Path:
    """The folder of a model: a local path as it is, a hub id by way of the hub's cache (``HF_HUB_OFFLINE`` is respected).

    Raises:
        UserError: neither a folder nor a model that the hub or its cache has.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or model.startswith((".", "~")):
        raise UserError(f"model={model!r} is no folder; give the folder of a sentence-transformers model, or a hub id")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise MissingExtra("huggingface_hub", extra="encoder") from error
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(_DOWNLOADED)))
    except (HFValidationError, OSError, ValueError) as error:
        at = f" at revision {revision!r}" if revision else ""
        raise UserError(
            f"model={model!r}{at} is neither a folder nor to be had from the hub or its cache: {error}"
        ) from error


def folder_hash(folder: Path) -> str:
    """32 hexadecimal digits that change with any file that decides what the model computes: weights, tokenizer, configuration.

    Raises:
        UserError: the folder holds no such file.
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in _DEFINING and path.is_file() and not _IDLE_FOLDERS & set(path.relative_to(folder).parts)
    )
    if not files:
        raise UserError(f"{folder} holds no model: no file ends in {', '.join(_DEFINING)}")
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode())
    return whole.hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; remembered in the cache folder until the file's size or time of change differs."""
    real = path.resolve()
    status = real.stat()
    state = [str(real), status.st_size, status.st_mtime_ns]
    record = cache_folder() / "sha256" / f"{hashlib.sha256(str(real).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["file"] == state:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with real.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _remember(record, json.dumps({"file": state, "sha256": digest}))
    return digest


def _remember(record: Path, text: str) -> None:
    """Write a record at once or not at all; a cache folder that cannot be written costs only time."""
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=record.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, record)
    except OSError:
        return
