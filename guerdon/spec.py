"""Specifications: a reward as plain data (YAML or dict) and back, and its stable hash.

A registered dataclass is written ``{kind: name, field: value, ...}``, for example ``{reward: cosine, reference: explanation}``.
Only registered names can be written or read: no import paths, no code, no pickle. ``paper:<slug>`` stands for what a paper builds.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from guerdon.errors import CompositionError, GuerdonError, SpecError, closest
from guerdon.frozen import freeze
from guerdon.registry import describe, kinds, lookup
from guerdon.reward import Reward, _is_default

MAX_DEPTH = 64
MAX_NODES = 20_000
PAPER = "paper:"


def to_spec(value: Any, *, full: bool = False) -> Any:
    """``value`` as plain data; fields at their default are left out unless ``full``.

    Raises:
        SpecError: something in it is not registered.

    >>> from guerdon.rewards import ExactMatch
    >>> to_spec(0.5 * ExactMatch(reference="answer"))["terms"]
    [{'reward': 'exact_match', 'reference': 'answer'}]
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, tuple):
        return [to_spec(item, full=full) for item in value]
    if isinstance(value, frozenset):
        return sorted((to_spec(item, full=full) for item in value), key=repr)
    if isinstance(value, Mapping):
        return {str(key): to_spec(item, full=full) for key, item in value.items()}
    entry = describe(value)
    if entry is None or not is_dataclass(value):
        raise SpecError(
            f"{type(value).__name__} {value!r:.100} is not registered and cannot be part of a specification"
        )
    kind, name = entry
    said: dict[str, Any] = {kind: name}
    for item in fields(value):
        current = getattr(value, item.name)
        default_name = isinstance(value, Reward) and item.name == "name" and current == value._default_name()
        if not item.init or default_name or (not full and _is_default(item, current)):
            continue
        said[item.name] = to_spec(current, full=full)
    return said


def from_spec(spec: Any) -> Any:
    """The reward (or other registered thing) that a specification describes.

    ``spec`` is a dict, ``"paper:<slug>"``, YAML text, or a path to a YAML file.

    Raises:
        SpecError: unreadable YAML, an unknown name or field, or a value the class refuses.

    >>> from_spec({"reward": "exact_match", "reference": "answer"})
    ExactMatch(reference='answer')
    """
    if isinstance(spec, Path):
        spec = _load(_read(spec))
    elif isinstance(spec, str) and not spec.startswith(PAPER):
        spec = _load(_read(Path(spec)) if _is_path(spec) else spec)
    budget = [MAX_NODES]
    built = _build(spec, budget, 0)
    if describe(built) is None:
        raise SpecError(
            f"the specification {spec!r:.100} describes no reward; start with 'reward: <name>' or 'paper:<slug>'"
        )
    return built


def reward_from_spec(spec: Any) -> Reward:
    """As :func:`from_spec`, where nothing but a reward will do.

    Raises:
        SpecError: as there, or the specification describes something else.
    """
    built = from_spec(spec)
    if not isinstance(built, Reward):
        raise SpecError(f"the specification {str(spec)!r:.100} describes a {type(built).__name__}, not a reward")
    return built


def to_yaml(value: Any) -> str:
    """``value`` as YAML text.

    >>> from guerdon.rewards import ExactMatch
    >>> print(to_yaml(ExactMatch(reference="answer")), end="")
    reward: exact_match
    reference: answer
    """
    import yaml

    return yaml.safe_dump(to_spec(value), sort_keys=False, allow_unicode=True, width=120)


def fingerprint(value: Any) -> str:
    """A stable hash, 16 hexadecimal digits, of everything a registered value says, defaults included.

    Values that are not registered are hashed by their representation.
    """
    try:
        said: Any = to_spec(value, full=True)
    except SpecError:
        said = repr(value)
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _build(spec: Any, budget: list[int], depth: int) -> Any:
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise SpecError(
            f"the specification is nested deeper than {MAX_DEPTH} levels or larger than {MAX_NODES} entries"
        )
    if isinstance(spec, str) and spec.startswith(PAPER):
        return _paper(spec.removeprefix(PAPER), {})
    if isinstance(spec, list):
        return tuple(_build(item, budget, depth + 1) for item in spec)
    if not isinstance(spec, Mapping):
        return spec
    for key in spec:
        if not isinstance(key, str):
            raise SpecError(f"key {key!r} of a specification must be text")
    values = {key: _build(item, budget, depth + 1) for key, item in spec.items()}
    if "paper" in spec:
        slug = values.pop("paper")
        return _paper(slug, values)
    kind = next((key for key in spec if key in kinds()), None)
    if kind is None or not isinstance(spec[kind], str):
        return values
    first = next(iter(spec))
    if first != kind:
        return values
    return _construct(kind, spec[kind], {key: value for key, value in values.items() if key != kind})


def _construct(kind: str, name: str, values: Mapping[str, Any]) -> Any:
    cls = lookup(kind, name)
    known = [item.name for item in fields(cls) if item.init]
    for key in values:
        if key not in known:
            raise SpecError(f"{kind} {name!r} has no field {key!r}; {closest(key, known)}")
    build = getattr(cls, "from_fields", cls)
    try:
        return build(**{key: freeze(value) for key, value in values.items()})
    except GuerdonError:
        raise
    except (TypeError, ValueError) as error:
        raise SpecError(f"{kind} {name!r} cannot be made from {dict(values)!r:.200}: {error}") from error


def _paper(slug: Any, options: Mapping[str, Any]) -> Any:
    from guerdon.paper import find_paper

    try:
        return find_paper(str(slug)).build(**options)
    except TypeError as error:
        raise CompositionError(f"paper {slug!r} cannot be built with {dict(options)!r:.200}: {error}") from error


def _is_path(text: str) -> bool:
    return "\n" not in text and text.endswith((".yaml", ".yml", ".json"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from error


def _load(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = " ".join(str(error).split())[:300]
        raise SpecError(f"the specification is not readable YAML: {problem}") from error
