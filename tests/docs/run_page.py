"""``python -m tests.docs.run_page PAGE BLOCKS.json``: run the blocks of one page in order, in the current folder.

Python blocks share one namespace, as a reader who types them in order has it; ``pycon`` blocks are doctests, so that
the results they show are checked; shell blocks stop at the first command that fails; YAML and JSON must parse.
"""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.docs.blocks import Block

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run(page: str, block: Block, namespace: dict[str, Any]) -> None:
    """Run one block; any failure raises."""
    where = f"{page}, line {block.line}"
    print(f"== {where} ({block.language})", flush=True)
    match block.language:
        case "python":
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, page, "exec"), namespace)
        case "pycon":
            test = doctest.DocTestParser().get_doctest(block.text, namespace, where, page, block.line - 1)
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            if runner.run(test, clear_globs=False).failed:
                raise SystemExit(f"{where}: the result shown is not the result")
            namespace.update(test.globs)
        case "bash" | "console":
            subprocess.run(["bash", "-euo", "pipefail", "-c", block.script], check=True, stdin=subprocess.DEVNULL)
        case "yaml":
            list(yaml.safe_load_all(block.text))
        case "json":
            json.loads(block.text)


if __name__ == "__main__":
    sys.path.insert(0, "")
    name, path = sys.argv[1:]
    shared: dict[str, Any] = {"__name__": "__main__"}
    for entry in json.loads(Path(path).read_text(encoding="utf-8")):
        run(name, Block(**entry), shared)
