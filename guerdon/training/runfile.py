"""RunFile: a training run as a validated file. Unknown keys are errors, values can be set from the command line."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from guerdon.errors import SpecError, UserError, closest

BASE = "base"
Names = Annotated[list[str], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tiny(_Strict):
    """The shape of a policy built from nothing, with a byte-level BPE vocabulary learned from the training texts."""

    vocabulary: int = Field(2048, ge=300)
    hidden: int = Field(128, ge=8)
    feed_forward: int = Field(344, ge=8)
    layers: int = Field(3, ge=1)
    heads: int = Field(4, ge=1)
    positions: int = Field(512, ge=32)


class Lora(_Strict):
    """LoRA by peft; adapters are merged into the weights at the end of each stage."""

    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    target_modules: str | list[str] = "all-linear"


class Policy(_Strict):
    """The model to train: ``tiny``, a local folder, or a hub id."""

    model: str = "tiny"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    trust_remote_code: bool = False
    lora: Lora | None = None
    tiny: Tiny = Tiny()


class Data(_Strict):
    """Questions with options, the right letter and an expert's explanation; for a judge the options are what it judges.

    ``source`` is ``admission`` (the demonstration's), ``answer-pairs`` or ``answer-checks`` (small sums for a judge, see
    :mod:`guerdon.data.answer_pairs`), a JSONL or Parquet file, a folder saved by ``datasets``, or a hub id. ``completion`` is the
    completion to fine-tune on, with columns in braces (``{{`` and ``}}`` stand for braces themselves).
    ``columns`` maps question, options, answer, explanation, split and language to the names they have there. ``answer`` says
    whether completions name the right option by its letter or by its words; ``where`` keeps the rows whose column has one of the
    listed values.
    """

    source: str = "admission"
    columns: dict[str, str] = {}
    language: str | None = None
    where: dict[str, list[str]] = {}
    train: str = "train"
    validation: str = "validation"
    test: str = "test"
    instruction: str = ""
    answer: Literal["letter", "words"] = "letter"
    completion: str = "<explanation>{explanation}</explanation><answer>{answer}</answer>"
    limit: int | None = Field(None, ge=1)

    @field_validator("completion")
    @classmethod
    def _columns_in_braces(cls, template: str) -> str:
        for _, column, form, conversion in string.Formatter().parse(template):
            if column is not None and (not column.isidentifier() or form or conversion):
                raise ValueError(
                    f"{column!r} in braces is no column's name; double the braces that stand for themselves"
                )
        return template

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the completion, such as ``<answer>`` and ``</answer>``."""
        return tuple(dict.fromkeys(re.findall(r"</?\w+>", self.completion)))


class Stage(_Strict):
    """One stage of training.

    ``start`` is the stage whose model it continues (default: the one before; ``base`` is the untrained policy). ``quality`` chooses
    between expert explanations and the mixed ones of the demonstration, of which ``annotators`` write one each per question.
    ``updates_of`` takes as many updates as another stage. ``early_stopping`` keeps the model that is best on validation and stops
    after so many evaluations without improvement. ``arguments`` go to TRL's config as they are; ``reward`` is a specification
    (GRPO only).
    """

    name: str
    kind: Literal["cpt", "sft", "grpo"]
    start: str | None = None
    quality: Literal["expert", "mixed"] = "expert"
    annotators: int = Field(1, ge=1)
    updates_of: str | None = None
    early_stopping: int | None = Field(None, ge=1)
    reward: Any = None
    arguments: dict[str, Any] = {}


class Evaluation(_Strict):
    """How systems are compared on held-out questions: ``samples`` completions each, scored by ``reward``'s parts."""

    systems: Names
    reward: Any = "paper:shaping-explanations"
    samples: int = Field(4, ge=1)
    temperature: float = Field(1.0, gt=0.0)
    max_new_tokens: int = Field(96, ge=1)
    batch_size: int = Field(128, ge=1)
    compare: tuple[str, str] | None = None
    languages: list[str] = []
    limit: int | None = Field(None, ge=1)


class RunFile(_Strict):
    """A whole run: policy, data, stages, evaluation. ``notes`` are shown in the report."""

    name: str
    notes: str = ""
    output: str
    seed: int = 0
    policy: Policy = Policy()
    data: Data = Data()
    stages: Annotated[list[Stage], Field(min_length=1)]
    evaluation: Evaluation

    @model_validator(mode="after")
    def _names_exist(self) -> RunFile:
        known = [BASE]
        for stage in self.stages:
            if stage.name in known:
                raise ValueError(f"two stages are called {stage.name!r}")
            if stage.start is not None and stage.start not in known:
                raise ValueError(f"stage {stage.name!r} starts from {stage.start!r}; {closest(stage.start, known)}")
            if (stage.kind == "grpo") != (stage.reward is not None):
                raise ValueError(f"stage {stage.name!r}: a reward belongs to a grpo stage, and a grpo stage needs one")
            known.append(stage.name)
        for stage in self.stages:
            if stage.updates_of is not None and stage.updates_of not in known:
                raise ValueError(
                    f"stage {stage.name!r} takes the updates of {stage.updates_of!r}; {closest(stage.updates_of, known)}"
                )
        for system in [*self.evaluation.systems, *(self.evaluation.compare or ())]:
            if system not in known:
                raise ValueError(f"evaluation names the system {system!r}; {closest(system, known)}")
        return self

    def stage(self, name: str) -> Stage:
        """The stage of a name."""
        return next(stage for stage in self.stages if stage.name == name)

    def start_of(self, stage: Stage) -> str:
        """The name of the stage that a stage continues."""
        before = [BASE, *(other.name for other in self.stages)]
        return stage.start or before[before.index(stage.name) - 1]


def read_run(path: str | Path, settings: Iterable[str] = ()) -> RunFile:
    """The run of a YAML file, with ``a.b=c`` settings applied; a stage is named by its name, as in ``stages.grpo.seed=1``.

    Raises:
        SpecError: unreadable, or not of the documented form; every wrong key is named.
        UserError: a setting that names nothing.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"run file {path} cannot be read: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(data, dict):
        raise SpecError(f"run file {path} holds no mapping; see examples/explain/quickstart.yaml")
    for setting in settings:
        _apply(data, setting)
    return parse_run(data, str(path))


def parse_run(data: dict[str, Any], source: str = "run") -> RunFile:
    """A run from plain data.

    Raises:
        SpecError: not of the documented form.
    """
    try:
        return RunFile.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'run'}: {e['msg']}" for e in error.errors())
        raise SpecError(f"{source}: {problems}") from None


def _apply(data: dict[str, Any], setting: str) -> None:
    path, found, text = setting.partition("=")
    if not found or not path:
        raise UserError(f"--set {setting!r} must be of the form a.b=value")
    *parents, last = path.split(".")
    place: Any = data
    for key in parents:
        place = _child(place, key, setting)
    if not isinstance(place, dict):
        raise UserError(f"--set {setting!r}: {'.'.join(parents)} is no mapping")
    place[last] = yaml.safe_load(text)


def _child(place: Any, key: str, setting: str) -> Any:
    if isinstance(place, list):
        named = {str(item.get("name")): item for item in place if isinstance(item, dict)}
        if key not in named:
            raise UserError(f"--set {setting!r}: no entry {key!r}; {closest(key, named)}")
        return named[key]
    if not isinstance(place, dict):
        raise UserError(f"--set {setting!r}: nothing below {key!r}")
    return place.setdefault(key, {})
