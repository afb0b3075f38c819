"""Pretrained weights of transformers: what the descriptions of local models have in common, and how they are loaded."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args

from guerdon.errors import MissingExtra, UserError
from guerdon.models.checks import check_least
from guerdon.models.loaded import torch_usable_after_fork
from guerdon.models.zero3 import loading_outside_zero3

Dtype = Literal["auto", "float32", "float16", "bfloat16", "float64"]


def check_weights(description: Any, dtypes: tuple[str, ...] = get_args(Dtype), **least: int) -> None:
    """Raise where ``model``, ``dtype`` or a number below its ``least`` cannot be; None is no number.

    Raises:
        UserError: naming the field.
    """
    if not description.model or not isinstance(description.model, str):
        raise UserError(f"model={description.model!r} must be a folder or a hub id")
    if description.dtype not in dtypes:
        raise UserError(f"dtype={description.dtype!r} is unknown; choose one of {', '.join(dtypes)}")
    check_least(description, **least)


def shown(description: Any) -> str:
    """A description with the fields that differ from their defaults."""
    said = [
        f"{f.name}={getattr(description, f.name)!r}"
        for f in fields(description)
        if getattr(description, f.name) != (f.default_factory() if callable(f.default_factory) else f.default)
    ]
    return f"{type(description).__name__}({', '.join(said)})"


def hub_options(description: Any) -> dict[str, Any]:
    """What ``from_pretrained`` is told of where things come from."""
    return {"revision": description.revision, "trust_remote_code": description.trust_remote_code}


def load_weights(kind: Any, description: Any) -> Any:
    """The model of a transformers auto class, on its device, to be read only.

    Raises:
        OSError, ValueError: as transformers does.
    """
    import torch

    torch_usable_after_fork()
    dtype = description.dtype if description.dtype == "auto" else getattr(torch, description.dtype)
    device = description.device
    if device == "auto":
        device = f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
    with loading_outside_zero3():
        model = kind.from_pretrained(description.model, dtype=dtype, **hub_options(description))
    return model.to(device).eval().requires_grad_(False)


def load_causal_lm(description: Any, **tokenizer_options: Any) -> tuple[Any, Any]:
    """A causal language model and its tokenizer.

    Raises:
        UserError: they cannot be loaded.
        MissingExtra: torch or transformers is not installed.
    """
    try:
        import torch  # noqa: F401 - asked for before anything is fetched
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise MissingExtra(str(error.name or "transformers"), extra="lm") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(description.model, **tokenizer_options, **hub_options(description))
        return load_weights(AutoModelForCausalLM, description), tokenizer
    except (OSError, ValueError) as error:
        raise not_loaded(description, "a causal language model", error) from error


def not_loaded(description: Any, what: str, error: Exception) -> UserError:
    """The error that says what could not be loaded, and why."""
    return UserError(
        f"model={description.model!r} cannot be loaded as {what} "
        f"({' '.join(str(error).split())[:300]}); give a folder, or a hub id this machine can reach"
    )
