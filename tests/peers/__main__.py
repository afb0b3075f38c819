"""``python -m tests.peers [PEER ...]``: each peer's tests in a virtual environment of its own, one after the other, and a summary.

``requirements/PEER.txt`` says what is installed beside guerdon, ``PEER.no-deps.txt`` what is installed without what it asks for.
Two peers are on no index: their source is fetched (``SOURCES``), or taken from ``GUERDON_PEER_SOURCES/PEER`` where that is set.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements"
SOURCES = {
    "slime": "https://github.com/THUDM/slime/archive/624b824a898ab0ec1fcb4d373004c7f3852bf515.tar.gz",
    "nemo_gym": "https://github.com/NVIDIA-NeMo/Gym/archive/07d6b0d07b22fcf530b4c211dae2ee23100428e4.tar.gz",
}


def peers() -> list[str]:
    """The peers there are tests for."""
    return sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))


def installed(peer: str, folder: Path) -> Path:
    """The Python of the peer's environment, which is made unless it is there as its requirements say."""
    lists = [REQUIREMENTS / f"{peer}.txt", REQUIREMENTS / f"{peer}.no-deps.txt", ROOT / "pyproject.toml"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in lists if path.exists())).hexdigest()
    python, stamp = folder / "bin" / "python", folder / ".installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", lists[0]], check=True)
    if lists[1].exists():
        subprocess.run([*pip, "--no-deps", "--requirement", lists[1]], check=True)
    subprocess.run([*pip, "--editable", f"{ROOT}[serve]", "pytest>=8.3"], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def source(peer: str, folder: Path) -> Path | None:
    """Where the source of a peer is that cannot be installed."""
    if peer not in SOURCES:
        return None
    if given := os.environ.get("GUERDON_PEER_SOURCES"):
        return Path(given) / peer
    target = folder / "source"
    if not target.exists():
        partial = folder / "source.partial"
        with (
            urllib.request.urlopen(SOURCES[peer], timeout=300) as stream,
            tarfile.open(fileobj=stream, mode="r|gz") as tar,
        ):
            tar.extractall(partial, filter="data")
        partial.rename(target)
    return next(path for path in target.iterdir() if path.is_dir())


def tested(peer: str, folder: Path, arguments: list[str], *, install: bool) -> str:
    """Run the tests of a peer; what became of them."""
    try:
        python = installed(peer, folder) if install else folder / "bin" / "python"
        path = source(peer, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"FAILED to install: {error}"
    environment = os.environ | ({} if path is None else {"PYTHONPATH": str(path)})
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull]
    command += ["--rootdir", ROOT, "--confcutdir", HERE, HERE / f"test_{peer}.py", *arguments]
    started = time.monotonic()
    code = subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode
    return f"{'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s"


def main() -> int:
    """Run what is asked for, everything if nothing is; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(peers()))
    parser.add_argument("--venvs", type=Path, default=ROOT / ".venvs", help="where the environments are")
    parser.add_argument("--no-install", action="store_true", help="take the environments as they are")
    parser.add_argument("--pytest", default="", help="further arguments for pytest")
    asked = parser.parse_args()
    if unknown := set(asked.peers) - set(peers()):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(peers())}")
    results: dict[str, str] = {}
    for peer in asked.peers or peers():
        print(f"== {peer}", flush=True)
        folder = asked.venvs.resolve() / peer
        results[peer] = tested(peer, folder, asked.pytest.split(), install=not asked.no_install)
    print("\n" + "\n".join(f"{peer:12} {said}" for peer, said in results.items()), flush=True)
    return int(any(said.startswith("FAILED") for said in results.values()))


if __name__ == "__main__":
    sys.exit(main())
