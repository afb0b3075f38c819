"""``python -m tests.golden [FILE ...]``: run files of golden cases; without arguments, all that are kept here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.golden.runner import failures, golden_files


def main(arguments: list[str] | None = None) -> int:
    """Print each failing case and the count; 0 when every case passes and there is at least one."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="golden cases, one JSON object per line")
    files = parser.parse_args(arguments).files or golden_files()
    results = [failures(path) for path in files]
    failed = [line for _, lines in results for line in lines]
    total = sum(count for count, _ in results)
    for line in failed:
        print(line)
    print(f"{total - len(failed)} passed, {len(failed)} failed")
    return 0 if total and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
