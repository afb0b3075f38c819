"""JSON that a text states, and whether it keeps to a JSON Schema (jsonschema)."""

from __future__ import annotations

import importlib
import json
from functools import lru_cache
from typing import Any

from guerdon.text.code import code_blocks
from guerdon.text.json_text import NOT_JSON, json_values, parse_json

VALID, INVALID, BAD_SCHEMA = "valid", "invalid", "bad schema"

_LONGEST_MESSAGE = 200
_QUICK = 2_000  # characters of a document whose check is quick whatever it says
# Keywords with which a document can make the check slow: regular expressions, comparing all items with each other.
_SLOW_KEYWORDS = ('"pattern"', '"patternProperties"', '"uniqueItems"', '"$ref"', '"$dynamicRef"', '"format"')


def stated_json(text: str) -> Any:
    """The JSON value that ``text`` states, or ``NOT_JSON``.

    All of the text; else the last fenced block, which must be JSON if it is labelled so; else the last object or array in the
    text.

    >>> stated_json('Here:\\n```json\\n{"a": 1}\\n```\\nDone.'), stated_json('{"a": 1} no: {"a": 2}'), stated_json("{")
    ({'a': 1}, {'a': 2}, NOT_JSON)
    """
    value = parse_json(text)
    if value is not NOT_JSON:
        return value
    blocks = [block for block in code_blocks(text) if block.language in ("", "json", "jsonc", "json5")]
    if blocks:
        value = parse_json(blocks[-1].code)
        if value is not NOT_JSON or blocks[-1].language:
            return value
    found = json_values(text, "{[")
    return found[-1].value if found else NOT_JSON


def is_quick(schema: str, document: str) -> bool:
    """Whether a check is over at once whatever the document says: it is short, and the schema asks for nothing that may explode.

    >>> is_quick('{"type": "object"}', "{}"), is_quick('{"pattern": "(a+)+b"}', '"aaa"')
    (True, False)
    """
    return len(document) <= _QUICK and not any(keyword in schema for keyword in _SLOW_KEYWORDS)


def check_schema(pair: tuple[str, str]) -> tuple[str, str]:
    """Whether a document keeps to a schema, both JSON texts: ``(schema, document) -> ("valid" | "invalid" | "bad schema", why)``.

    The draft is the one the schema names, 2020-12 if none. References outside of the schema are never fetched: they make it a bad
    schema. ``why`` is the error that says most, with the path to it.

    >>> check_schema(('{"type": "object", "required": ["a"]}', '{"b": 1}'))
    ('invalid', "'a' is a required property")
    >>> check_schema(('{"properties": {"a": {"type": "integer"}}}', '{"a": "x"}'))
    ('invalid', "a: 'x' is not of type 'integer'")
    """
    schema, document = pair
    validator, fault = _validator(schema)
    if fault:
        return BAD_SCHEMA, fault
    referencing: Any = importlib.import_module("referencing.exceptions")
    try:
        value = json.loads(document)
        errors = importlib.import_module("jsonschema").exceptions
        error = errors.best_match(validator.iter_errors(value))
    except RecursionError:
        return INVALID, "nested too deeply"
    except referencing.Unresolvable as missing:
        return BAD_SCHEMA, f"{missing}"[:_LONGEST_MESSAGE]
    if error is None:
        return VALID, ""
    path = "/".join(str(step) for step in error.absolute_path)
    return INVALID, f"{path}: {error.message}"[:_LONGEST_MESSAGE] if path else error.message[:_LONGEST_MESSAGE]


def preload() -> None:
    """Load jsonschema, so that processes forked from this one have it."""
    check_schema(("{}", "{}"))


@lru_cache(maxsize=256)
def _validator(schema: str) -> tuple[Any, str]:
    """A validator for a schema, or why there is none."""
    jsonschema: Any = importlib.import_module("jsonschema")
    referencing: Any = importlib.import_module("referencing")
    try:
        parsed = json.loads(schema)
        validator = jsonschema.validators.validator_for(parsed, default=jsonschema.Draft202012Validator)
        validator.check_schema(parsed)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return None, f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
    except jsonschema.SchemaError as error:
        return None, error.message[:_LONGEST_MESSAGE]
    return validator(parsed, registry=referencing.Registry()), ""
