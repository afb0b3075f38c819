"""Rubric: criteria as data, which judges go through, files hold and statistics prune."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from guerdon.errors import UserError, closest
from guerdon.registry import register
from guerdon.text.json_text import NOT_JSON, parse_json
from guerdon.text.rubric_text import rubric_items

Kind = Literal["hard", "soft"]
Style = Literal["plain", "tagged", "sections"]
KINDS, STYLES = ("hard", "soft"), ("plain", "tagged", "sections")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TAGS = {"hard": "[Hard Rule]", "soft": "[Principle]"}


@register("value", "criterion")
@dataclass(frozen=True)
class Criterion:
    """One thing to be checked about a completion.

    Attributes:
        id: its name in a rubric: letters, digits, ``_``, ``.``, ``-``.
        text: what should be true of the completion, in words a judge can check on the completion alone.
        weight: how much a soft criterion counts; negative makes it a fault to be avoided.
        kind: ``"hard"``, must be met, or ``"soft"``, is weighed.
        scope: the kind of prompt it is for, as a column of the batch says; "" for all.

    Raises:
        UserError: an id, text, weight or kind that cannot be.

    >>> Criterion("short", "The response has at most 100 words.", kind="hard")
    Criterion(id='short', text='The response has at most 100 words.', weight=1.0, kind='hard', scope='')
    """

    id: str
    text: str
    weight: float = 1.0
    kind: Kind = "soft"
    scope: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise UserError(f"id={self.id!r:.80} of a criterion must be up to 64 letters, digits, '_', '.' or '-'")
        if not isinstance(self.text, str) or not self.text.strip():
            raise UserError(f"text={self.text!r:.80} of criterion {self.id!r} must be a text that says what is checked")
        if self.kind not in KINDS:
            raise UserError(f"kind={self.kind!r} of criterion {self.id!r} is unknown; {closest(str(self.kind), KINDS)}")
        if isinstance(self.weight, bool) or not isinstance(self.weight, (int, float)) or not math.isfinite(self.weight):
            raise UserError(f"weight={self.weight!r} of criterion {self.id!r} must be a finite number")
        if self.kind == "hard" and self.weight < 0:
            raise UserError(f"weight={self.weight} of the hard criterion {self.id!r} must not be negative")
        object.__setattr__(self, "weight", float(self.weight))


@register("value", "rubric")
@dataclass(frozen=True)
class Rubric:
    """Criteria in order, with a name and a version.

    ``criteria`` may be given as :class:`Criterion`, records of their fields, or bare texts; where an id is missing it is
    ``c1``, ``c2``, ... by position.

    Raises:
        UserError: no criteria, an id given twice, or a criterion that cannot be.

    >>> rubric = Rubric(["The response is kind.", {"id": "short", "text": "The response is short.", "kind": "hard"}])
    >>> rubric.ids, len(rubric), rubric["short"].kind
    (('c1', 'short'), 2, 'hard')
    >>> print(rubric.render())
    1. The response is kind.
    2. The response is short. (must)
    """

    criteria: tuple[Criterion, ...]
    name: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        given = self.criteria
        if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
            raise UserError(f"criteria={given!r:.80} must be a list of criteria, records or texts")
        criteria = tuple(_criterion(item, k) for k, item in enumerate(given, 1))
        if not criteria:
            raise UserError("criteria is empty; a rubric needs at least one")
        ids = [criterion.id for criterion in criteria]
        twice = next((one for k, one in enumerate(ids) if one in ids[:k]), None)
        if twice is not None:
            raise UserError(f"criteria has the id {twice!r} twice; give each criterion its own")
        object.__setattr__(self, "criteria", criteria)
        object.__setattr__(self, "name", str(self.name))
        object.__setattr__(self, "version", str(self.version))

    @classmethod
    def from_text(cls, text: str, *, name: str = "", version: str = "") -> Rubric:
        """The rubric a model wrote: a list tagged ``[Hard Rule]`` and ``[Principle]``, sections, JSON or a plain list.

        Raises:
            UserError: no criterion can be read.

        >>> [c.kind for c in Rubric.from_text("1. It is short. [Hard Rule]\\n2. It is kind. [Principle]").criteria]
        ['hard', 'soft']
        """
        items = rubric_items(text)
        if not items:
            raise UserError(f"no criterion can be read from {text!r:.120}; write a numbered list or JSON")
        criteria = (
            Criterion(f"c{k}", item["text"], kind="hard" if item["type"] == "hard_rule" else "soft")
            for k, item in enumerate(items, 1)
        )
        return cls(tuple(criteria), name, version)

    @property
    def ids(self) -> tuple[str, ...]:
        """The criteria's ids in order."""
        return tuple(criterion.id for criterion in self.criteria)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that criteria name, sorted."""
        return tuple(sorted({criterion.scope for criterion in self.criteria} - {""}))

    @property
    def fingerprint(self) -> str:
        """A stable hash, 16 hexadecimal digits, of the criteria in order; name and version do not count.

        >>> Rubric(["Short."]).fingerprint == Rubric(["Short."], name="other").fingerprint
        True
        """
        said = json.dumps([asdict(criterion) for criterion in self.criteria], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.criteria)

    def __getitem__(self, id: str) -> Criterion:
        try:
            return self.criteria[self.ids.index(id)]
        except ValueError:
            raise UserError(f"the rubric has no criterion {id!r}; {closest(str(id), self.ids)}") from None

    def keeping(self, ids: Iterable[str], *, version: str | None = None) -> Rubric:
        """The rubric of these criteria, in its own order.

        >>> Rubric(["a", "b", "c"]).keeping(["c3", "c1"]).ids
        ('c1', 'c3')
        """
        wanted = {self[id].id for id in ids}
        kept = tuple(criterion for criterion in self.criteria if criterion.id in wanted)
        return replace(self, criteria=kept, version=self.version if version is None else version)

    def within(self, scope: str) -> tuple[Criterion, ...]:
        """The criteria that are for prompts of this scope: those that name it and those for all."""
        return tuple(criterion for criterion in self.criteria if criterion.scope in ("", scope))

    def render(self, style: Style = "plain") -> str:
        """The rubric as a prompt shows it: ``"plain"`` numbered, ``"tagged"`` with kinds, ``"sections"`` hard rules first.

        >>> print(Rubric([{"text": "It is short.", "kind": "hard"}]).render("sections"))
        Hard Rules:
        1. It is short.
        <BLANKLINE>
        Principles:
        None
        """
        if style not in STYLES:
            raise UserError(f"style={style!r} is unknown; {closest(str(style), STYLES)}")
        texts = [(" ".join(criterion.text.split()), criterion.kind) for criterion in self.criteria]
        if style == "sections":
            hard, soft = (_numbered([text for text, kind in texts if kind == one]) for one in KINDS)
            return f"Hard Rules:\n{hard}\n\nPrinciples:\n{soft}"
        if style == "tagged":
            return _numbered([f"{text} {_TAGS[kind]}" for text, kind in texts])
        return _numbered([f"{text} (must)" if kind == "hard" else text for text, kind in texts])

    def as_dict(self) -> dict[str, Any]:
        """As plain data, what files hold; fields at their default are left out.

        >>> Rubric(["It is short."], name="brevity").as_dict()
        {'name': 'brevity', 'criteria': [{'id': 'c1', 'text': 'It is short.'}]}
        """
        defaults = {"weight": 1.0, "kind": "soft", "scope": ""}
        criteria = [
            {key: value for key, value in asdict(criterion).items() if key not in defaults or value != defaults[key]}
            for criterion in self.criteria
        ]
        named = {key: value for key, value in (("name", self.name), ("version", self.version)) if value}
        return {**named, "criteria": criteria}


def _criterion(item: Any, number: int) -> Criterion:
    if isinstance(item, Criterion):
        return item
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, Mapping):
        raise UserError(
            f"criteria[{number - 1}]={item!r:.80} must be a text or a record with id, text, weight, kind, scope"
        )
    known = ("id", "text", "weight", "kind", "scope")
    for key in item:
        if key not in known:
            raise UserError(f"criteria[{number - 1}] has an unknown field {key!r}; {closest(str(key), known)}")
    return Criterion(**{"id": f"c{number}", "text": "", **item})


def _numbered(texts: list[str]) -> str:
    return "\n".join(f"{k}. {text}" for k, text in enumerate(texts, 1)) or "None"


def rubric_of(value: Any, *, name: str = "rubric") -> Rubric | None:
    """The rubric that a column or a file holds: a :class:`Rubric`, its record, a list of criteria, JSON or a rubric as text.

    None where there is none: None, "" or an empty list.

    Raises:
        UserError: what holds no rubric, naming ``name``.

    >>> rubric_of(["It is short."]).ids, rubric_of("1. It is kind. [Principle]").criteria[0].text, rubric_of([])
    (('c1',), 'It is kind.', None)
    """
    if isinstance(value, Rubric):
        return value
    if isinstance(value, str):
        parsed = parse_json(value)
        if (
            parsed is NOT_JSON
            or not isinstance(parsed, (list, dict))
            or (isinstance(parsed, dict) and "criteria" not in parsed)
        ):
            return Rubric.from_text(value) if value.strip() else None
        value = parsed
    if value is None or (isinstance(value, (list, tuple)) and not value):
        return None
    return validated(value if isinstance(value, Mapping) else {"criteria": value}, name=name)


# -- files ------------------------------------------------------------------------------------------------------------


def load_rubric(path: str | Path) -> Rubric:
    """The rubric of a ``.yaml``, ``.yml`` or ``.json`` file: ``name``, ``version`` and ``criteria``, nothing else.

    Raises:
        UserError: the file cannot be read, or what it holds is no rubric; the message says where and why.
    """
    file = Path(path)
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise UserError(f"rubric {str(file)!r} must be a .yaml, .yml or .json file")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"rubric {str(file)!r} cannot be read: {error}") from None
    return validated(_parsed(text, file), name=str(file))


def save_rubric(rubric: Rubric, path: str | Path) -> None:
    """Write a rubric to a ``.yaml``, ``.yml`` or ``.json`` file that :func:`load_rubric` reads back.

    Raises:
        UserError: another suffix.
    """
    file = Path(path)
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise UserError(f"rubric {str(file)!r} must be a .yaml, .yml or .json file")
    file.write_text(rubric_yaml(rubric) if file.suffix != ".json" else _json(rubric), encoding="utf-8")


def rubric_yaml(rubric: Rubric) -> str:
    """A rubric as YAML text.

    >>> print(rubric_yaml(Rubric(["It is short."])), end="")
    criteria:
    - id: c1
      text: It is short.
    """
    import yaml

    return yaml.safe_dump(rubric.as_dict(), sort_keys=False, allow_unicode=True, width=120)


def _json(rubric: Rubric) -> str:
    return json.dumps(rubric.as_dict(), ensure_ascii=False, indent=2) + "\n"


def _parsed(text: str, file: Path) -> Any:
    if file.suffix == ".json":
        value = parse_json(text)
        if value is NOT_JSON:
            raise UserError(f"rubric {str(file)!r} is not readable JSON")
        return value
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"rubric {str(file)!r} is not readable YAML: {' '.join(str(error).split())[:300]}") from None


def validated(value: Any, *, name: str = "rubric") -> Rubric:
    """The rubric that plain data describes, every field checked; unknown fields are errors.

    Raises:
        UserError: with the place and the reason of the first faults.

    >>> validated({"criteria": [{"text": "Short.", "wieght": 2}]})
    Traceback (most recent call last):
    guerdon.errors.UserError: rubric: criteria[0].wieght: Extra inputs are not permitted
    """
    from pydantic import ValidationError

    try:
        said = _model().model_validate(_records(_plain(value))).model_dump(exclude_unset=True)
    except ValidationError as error:
        faults = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise UserError(f"{name}: {'; '.join(faults[:3])}{more}") from None
    try:
        return Rubric(**said)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


@cache
def _model() -> Any:
    from pydantic import BaseModel, ConfigDict, create_model

    strict = ConfigDict(extra="forbid", strict=True)
    of_criterion: Any = {"id": (str, "c"), "text": (str, ...), "weight": (float, 1.0), "scope": (str, "")}
    criterion: Any = create_model("Criterion", __config__=strict, **of_criterion, kind=(Kind, "soft"))
    rubric: type[BaseModel] = create_model(
        "Rubric", __config__=strict, criteria=(list[criterion], ...), name=(str, ""), version=(str, "")
    )
    return rubric


def _records(value: Any) -> Any:
    """The data with bare texts as records, and a version that YAML reads as a number as text."""
    if not isinstance(value, dict):
        return value
    said = dict(value)
    if isinstance(said.get("criteria"), list):
        said["criteria"] = [{"text": item} if isinstance(item, str) else item for item in said["criteria"]]
    if isinstance(said.get("version"), (int, float)):
        said["version"] = str(said["version"])
    return said


def _place(location: tuple[Any, ...]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(steps).lstrip(".") or "the rubric"


def _plain(value: Any) -> Any:
    if isinstance(value, Criterion):
        return asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
