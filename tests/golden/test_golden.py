"""Every golden file passes, and its adapter does nothing but call guerdon."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.golden.runner import ADAPTERS, failures, golden_files

ADAPTER_FILES = sorted(path for path in ADAPTERS.glob("*.py") if path.name != "__init__.py")
LOGIC = (
    *(ast.If, ast.IfExp, ast.BoolOp, ast.Match),
    *(ast.For, ast.AsyncFor, ast.While),
    *(ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Assert, ast.Raise),
)


@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.stem)
def test_the_expected_values_come_out(path: Path) -> None:
    total, failed = failures(path)
    assert total, f"{path.name} holds no case"
    assert not failed, "\n".join(failed)


def adapter_faults(source: str) -> list[str]:
    """What an adapter contains beyond imports, constants and single expressions."""
    tree = ast.parse(source)
    faults = [f"line {node.lineno}: {type(node).__name__}" for node in ast.walk(tree) if isinstance(node, LOGIC)]
    filters = [node for node in ast.walk(tree) if isinstance(node, ast.comprehension) and node.ifs]
    faults += [f"line {node.target.lineno}: a comprehension with a condition" for node in filters]
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assign() | ast.AnnAssign():
                pass
            case ast.Import() | ast.ImportFrom():
                faults += _import_faults(node)
            case ast.FunctionDef():
                faults += _function_faults(node)
            case _:
                faults.append(f"line {node.lineno}: {type(node).__name__}")
    return faults


def _import_faults(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    if isinstance(node, ast.ImportFrom) and node.level:
        return [f"line {node.lineno}: a relative import"]
    dotted = [f"{module}.{name}" if module else name for name in names]
    private = [name for name in dotted if any(p.startswith("_") and p != "__future__" for p in name.split("."))]
    return [f"line {node.lineno}: imports {name}, which is not public" for name in private] + [
        f"line {node.lineno}: imports {name}" for name in dotted if name.split(".")[0] == "tests"
    ]


def _function_faults(node: ast.FunctionDef) -> list[str]:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if len(body) == 1 and isinstance(body[0], ast.Return):
        return []
    return [f"line {node.lineno}: {node.name} is more than one return of one expression"]


@pytest.mark.parametrize("path", ADAPTER_FILES, ids=lambda path: path.stem)
def test_an_adapter_only_calls(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not adapter_faults(source)
    assigned = [node for node in ast.parse(source).body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    targets = [ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]) for node in assigned]
    assert "PARTS" in targets


def test_adapters_and_files_belong_together() -> None:
    assert {path.stem for path in ADAPTER_FILES} == {path.stem.replace("-", "_") for path in golden_files()}


@pytest.mark.parametrize(
    "source",
    [
        "PARTS = {'a': lambda x: 1 if x else 2}",
        "PARTS = {'a': lambda x: x or 2}",
        "PARTS = {'a': lambda xs: [x for x in xs if x]}",
        "def a(x):\n    y = x\n    return y\nPARTS = {'a': a}",
        "def a(x):\n    for y in x:\n        return y",
        "def a(x):\n    try:\n        return x\n    finally:\n        pass",
        "for a in range(3):\n    pass",
        "class A:\n    pass",
        "from guerdon.rewards import _kernel",
        "from tests.golden import compare",
        "from . import sibling",
    ],
)
def test_logic_in_an_adapter_is_found(source: str) -> None:
    assert adapter_faults(source)


def test_single_expressions_are_allowed() -> None:
    source = '''"""Adapter."""
from __future__ import annotations
import numpy as np
from guerdon.text.overlap import token_f1
def a(**inputs):
    """The official variant."""
    return token_f1([text.lower() for text in inputs["lambda"]])
PARTS = {"a": a, "b": token_f1, "c": lambda x: np.asarray(x)}
'''
    assert adapter_faults(source) == []
