"""Python that a model wrote, run in a process of its own: limited, without network, its output cut off."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

#: What a run is given: code, input, wall seconds, megabytes, most characters of output.
Job = tuple[str, str, float, int, int]

# Runs first in the child. Limits and namespaces are the kernel's; the audit hook stops what is left to honest code and keeps
# careless code from harm. It is no wall against a determined attacker.
_GUARD = r"""
import ctypes, encodings.idna, linecache, os, resource, sys, traceback
code_file, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
try:
    libc.prctl(1, 9)                      # die with the parent
    libc.unshare(0x10000000 | 0x40000000) # a user and a network namespace of its own, where the kernel lets us
    libc.prctl(38, 1, 0, 0, 0)            # no new privileges
except Exception:
    pass
for name, value in (("RLIMIT_CPU", seconds), ("RLIMIT_FSIZE", 1 << 24), ("RLIMIT_NOFILE", 64), ("RLIMIT_CORE", 0)):
    try:
        resource.setrlimit(getattr(resource, name), (value, value))
    except (ValueError, OSError):
        pass
try:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except (ValueError, OSError):
    pass
with open(code_file, encoding="utf-8") as file:
    source = file.read()
here = os.getcwd()
refused = ("socket.", "subprocess.", "ctypes.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.",
           "os.kill", "os.putenv", "ftplib.", "smtplib.", "urllib.", "http.", "shutil.", "os.chdir",
           "os.chmod", "os.chown", "os.link", "os.symlink", "mmap.", "signal.pthread_kill")
written = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.utime")
def inside(path):
    return isinstance(path, (str, bytes)) and os.path.realpath(os.fsdecode(path)).startswith(here + os.sep)
roots = tuple(os.path.realpath(path) + os.sep for path in
              (here, sys.base_prefix, sys.prefix, os.path.dirname(os.__file__), "/usr/lib", "/lib", "/usr/share/zoneinfo"))
plain = ("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero", "/etc/localtime")
def readable(path):
    path = os.path.realpath(os.fsdecode(path)) if isinstance(path, (str, bytes)) else ""
    return path.startswith(roots) or path in plain
def guard(event, args):
    if event.startswith(refused):
        raise PermissionError(event + " is not allowed here")
    if event == "open" and not isinstance(args[0], int):
        mode, flags = args[1], args[2] if len(args) > 2 else 0
        writes = (isinstance(mode, str) and any(c in mode for c in "wax+")) or (isinstance(flags, int) and flags & 3)
        if writes and not inside(args[0]):
            raise PermissionError("files may be written in the working directory only")
        if not writes and not readable(args[0]):
            raise PermissionError("only the standard library and the working directory may be read")
    elif event in written and not inside(args[0]):
        raise PermissionError("files may be changed in the working directory only")
compiled = compile(source, "<code>", "exec")
sys.argv = ["<code>"]
for stream in (sys.stdout, sys.stderr, sys.stdin):
    stream.reconfigure(encoding="utf-8", errors="replace")
del libc, ctypes, resource, file, name, value, stream
sys.addaudithook(guard)
try:
    exec(compiled, {"__name__": "__main__"})
except SystemExit:
    raise
except BaseException as error:
    traceback.print_exception(type(error), error, error.__traceback__.tb_next)
    sys.exit(1)
"""


def run_python(job: Job) -> dict[str, Any]:
    """Run code in a fresh interpreter and say how it ended: ``status`` (ok, failed, timed out, cut off), ``output``, ``seconds``.

    The interpreter sees no environment, no site packages of the user, and an empty directory as its own. Output beyond four times
    the cap ends it. There is no network where the kernel grants a namespace; else, and for files and processes, an audit hook
    refuses. That is enough for the code of a model in training, and no sandbox for code that is out to escape: then run all of it
    in a container.

    >>> run_python(("print(6 * 7)", "", 5.0, 512, 100))["output"]
    '42\\n'
    """
    code, given, seconds, memory, most = job
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guerdon-") as folder:
        path = os.path.join(folder, "code.py")
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(code)
        with open(os.path.join(folder, "stdin"), "w+", encoding="utf-8", errors="replace") as stdin:
            stdin.write(given)
            stdin.seek(0)
            limits = [str(memory << 20), str(max(1, int(seconds) + 1))]
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", _GUARD, path, *limits],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={"LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        try:
            output, ended = _collected(child, started + seconds, most)
        finally:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
    status = ended or ("ok" if child.returncode == 0 else "failed")
    text = output.decode("utf-8", "replace").replace(folder, ".")
    return {"status": status, "output": text, "seconds": time.monotonic() - started}


def _collected(child: subprocess.Popen[bytes], deadline: float, most: int) -> tuple[bytes, str]:
    """What the child writes until it ends, its time is up or it has written too much; and which of the last two it was."""
    assert child.stdout is not None
    output = b""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while len(output) <= 4 * most:
            left = deadline - time.monotonic()
            if left <= 0:
                return output, "timed out"
            if not ready.select(left):
                continue
            part = os.read(child.stdout.fileno(), 65536)
            if not part:
                break
            output += part
        else:
            return output, "cut off"
    # The output is closed; the process may live on.
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return output, "timed out"
    return output, ""
