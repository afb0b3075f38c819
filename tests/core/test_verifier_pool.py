"""The verifier pool: deadlines that hold, crashes that stay alone, and nothing left behind, from wherever it is called."""

from __future__ import annotations

import asyncio
import gc
import math
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.scores import Outcome
from guerdon.verifier_pool import Checked, VerifierPool, function_name, usable_cores, verifier_pool
from guerdon.verifying.frames import Channel, Frame, Kind, load_plain
from guerdon.verifying.worker import described
from tests.core import verifier_checks as checks

DEADLINE = 0.5
ROOT = str(Path(__file__).parents[2])
MIXED = ["a", "hang", "b", "raise", "c", "segfault", "d"]
OUTCOMES = ["scored", "timed_out", "scored", "instrument_error", "scored", "instrument_error", "scored"]


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool(workers=2, deadline=DEADLINE, memory_mb=256) as shared:
        yield shared


def outcomes(checked: list[Checked]) -> list[str]:
    return [item.outcome.value for item in checked]


def offspring() -> list[psutil.Process]:
    """The living processes below this one; other tests' pools may end meanwhile."""
    return [process for process in psutil.Process().children(recursive=True) if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


# -- results ----------------------------------------------------------------------------------------------------------


def test_results_keep_the_order_of_the_items(pool: VerifierPool) -> None:
    checked = pool.map(checks.double, iter(range(2000)))
    assert [item.value for item in checked] == [2 * i for i in range(2000)]
    assert all(item.ok and item.outcome is Outcome.SCORED and item.seconds >= 0 for item in checked)


def test_no_items_need_no_process() -> None:
    fresh = VerifierPool(workers=1)
    before = len(offspring())
    assert fresh.map(checks.double, []) == []
    assert len(offspring()) == before


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()))
@settings(max_examples=25)
def test_plain_data_comes_back_as_it_was(pool: VerifierPool, items: list[Any]) -> None:
    assert [item.value for item in pool.map(checks.echo, items)] == items


def test_containers_and_large_items(pool: VerifierPool) -> None:
    deep = {"a": [1, (2.5, None)], "b": {3, 4}, "c": b"\x00", "d": float("inf")}
    assert pool.map(checks.echo, [deep])[0].value == deep
    large = "x" * 1_500_000
    assert [len(item.value) for item in pool.map(checks.enlarge, [large] * 5)] == [3_000_000] * 5


# -- misbehaviour -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hang", "sleep", "swallow", "offspring"])
def test_an_item_over_its_deadline_is_timed_out_and_no_other(pool: VerifierPool, how: str) -> None:
    checked = pool.map(checks.behave, ["a", how, "b", "c"])
    assert outcomes(checked) == ["scored", "timed_out", "scored", "scored"]
    assert checked[1].value is None and not checked[1].ok and "0.5 s" in checked[1].message
    assert [item.value for item in checked if item.ok] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("segfault", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("exit", "exit status 0"),
        ("memory", "memory limit"),
        ("raise", "ValueError: no such thing"),
        ("quit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt"),
        ("deep", "RecursionError"),
        ("strange", "Fraction is not plain data"),
        ("unprintable", "Unprintable"),
    ],
)
def test_a_check_that_breaks_is_an_instrument_error(pool: VerifierPool, how: str, said: str) -> None:
    checked = pool.map(checks.behave, ["a", how, "b"])
    assert outcomes(checked) == ["scored", "instrument_error", "scored"]
    assert said in checked[1].message and checked[1].value is None


def test_what_a_check_prints_goes_nowhere(pool: VerifierPool, capfd: pytest.CaptureFixture[str]) -> None:
    assert pool.map(checks.behave, ["shout"])[0].value == "quiet"
    assert capfd.readouterr() == ("", "")


def test_many_bad_items_side_by_side(pool: VerifierPool) -> None:
    items = ["hang", "abort", "ok", "raise"] * 3
    expected = {"hang": "timed_out", "abort": "instrument_error", "ok": "scored", "raise": "instrument_error"}
    assert outcomes(pool.map(checks.behave, items)) == [expected[item] for item in items]


def test_a_crash_is_tried_once_more_alone(pool: VerifierPool, tmp_path: Path) -> None:
    checked = pool.map(checks.crash_once, [str(tmp_path / name) for name in "abc"])
    assert [item.value for item in checked] == ["second time"] * 3


def test_a_worker_that_talks_nonsense_is_replaced(pool: VerifierPool) -> None:
    assert outcomes(pool.map(checks.forge, [0])) == ["instrument_error"]
    assert pool.map(checks.double, [4])[0].value == 8


def test_a_deadline_may_be_given_per_call(pool: VerifierPool) -> None:
    assert outcomes(pool.map(checks.pause, [0.8], deadline=30)) == ["scored"]
    assert outcomes(pool.map(checks.pause, [0.8])) == ["timed_out"]


def test_a_module_that_cannot_be_loaded_is_an_instrument_error(pool: VerifierPool, tmp_path: Path) -> None:
    module = tmp_path / "only_here_guerdon.py"
    module.write_text("def check(item):\n    return item\n", encoding="utf-8")
    sys.path.insert(0, str(tmp_path))  # after the pool's processes were started
    try:
        pool.map(checks.double, [1])
        check = __import__("only_here_guerdon").check
        found = pool.map(check, [1, 2])
    finally:
        sys.path.remove(str(tmp_path))
    assert outcomes(found) == ["instrument_error"] * 2 and "cannot be loaded" in found[0].message


# -- from wherever it is called ---------------------------------------------------------------------------------------


def test_alike_in_a_worker_thread(pool: VerifierPool) -> None:
    with ThreadPoolExecutor(1) as executor:
        assert outcomes(executor.submit(pool.map, checks.behave, MIXED).result()) == OUTCOMES


def test_alike_in_many_threads_at_once(pool: VerifierPool) -> None:
    with ThreadPoolExecutor(8) as executor:
        jobs = [executor.submit(pool.map, checks.double, range(k, k + 200)) for k in range(8)]
        jobs.append(executor.submit(pool.map, checks.behave, MIXED))
        for k, job in enumerate(jobs[:-1]):
            assert [item.value for item in job.result()] == [2 * i for i in range(k, k + 200)]
        assert outcomes(jobs[-1].result()) == OUTCOMES


async def test_alike_in_an_event_loop_that_goes_on(pool: VerifierPool) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    other = asyncio.create_task(beat())
    first, second = await asyncio.gather(pool.amap(checks.behave, MIXED), pool.amap(checks.double, [1, 2, 3]))
    other.cancel()
    assert outcomes(first) == OUTCOMES and [item.value for item in second] == [2, 4, 6]
    assert beats > 5


async def test_cancelling_drops_what_has_not_begun(pool: VerifierPool) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(pool.amap(checks.pause, [0.3] * 5000), 0.1)
    assert (await pool.amap(checks.double, [3]))[0].value == 6


def run_in_child(connection: Any) -> None:
    with VerifierPool(workers=1, deadline=DEADLINE) as own:
        found: list[list[str]] = []
        thread = threading.Thread(target=lambda: found.append(outcomes(own.map(checks.behave, MIXED))))
        thread.start()
        thread.join()
    connection.send(found[0])


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_alike_in_a_thread_of_a_daemon_process(pool: VerifierPool, method: Any) -> None:
    # As in a Ray actor or a data loader: not the main thread, and a process that may have no multiprocessing children.
    pool.map(checks.double, [1])
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context(method).Process(target=run_in_child, args=(theirs,), daemon=True)
    process.start()
    assert ours.recv() == OUTCOMES
    process.join()
    assert pool.map(checks.double, [2])[0].value == 4, "the parent's pool is its own"


def test_alike_in_a_ray_actor() -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False)
    try:

        class Actor:
            def run(self) -> list[str]:
                with VerifierPool(workers=1, deadline=DEADLINE) as own:
                    return outcomes(own.map(checks.behave, MIXED))

        assert ray.get(ray.remote(Actor).remote().run.remote()) == OUTCOMES
    finally:
        ray.shutdown()


def test_a_forked_child_gets_processes_of_its_own(pool: VerifierPool) -> None:
    mine = pool.map(checks.worker_of, [0])[0].value
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            theirs = pool.map(checks.worker_of, [0])[0].value
            os.write(writing, pickle.dumps(theirs))
            pool.close()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        theirs = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    assert theirs[1] != mine[1], "another warden"
    assert pool.map(checks.worker_of, [0])[0].value[1] == mine[1], "the parent's one goes on"


def test_nothing_of_the_trainer_is_in_a_worker(pool: VerifierPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "heavy_module_of_the_trainer", os)
    assert pool.map(checks.loaded_modules, [["heavy_module_of_the_trainer", "pytest", "guerdon"]])[0].value == [
        "guerdon"
    ]


def test_a_module_is_prepared_once_for_all_its_workers(pool: VerifierPool) -> None:
    places = [item.value for item in pool.map(checks.worker_of, range(300))]
    wardens, prepared = {place[1] for place in places}, {place[2] for place in places}
    assert len(wardens) == 1 and prepared == wardens, "preload() ran in the process that workers are forked from"


# -- what can be asked of it ------------------------------------------------------------------------------------------


def local_function() -> Any:
    def inner(item: Any) -> Any:
        return item

    return inner


@pytest.mark.parametrize("function", [lambda item: item, local_function(), "text".upper, int("3").__add__])
def test_only_functions_that_have_a_name_elsewhere(pool: VerifierPool, function: Any) -> None:
    with pytest.raises(UserError, match="importable module"):
        pool.map(function, [1])


def test_functions_of_the_main_module_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(item: Any) -> Any:
        return item

    check.__module__, check.__qualname__ = "__main__", "check"
    monkeypatch.setattr(sys.modules["__main__"], "check", check, raising=False)
    with pytest.raises(UserError, match="not in __main__"):
        function_name(check)


def test_items_that_cannot_be_sent_are_refused(pool: VerifierPool) -> None:
    with pytest.raises(UserError, match="cannot be sent"):
        pool.map(checks.echo, [threading.Lock()])


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"deadline": 0.0}, {"deadline": math.inf}, {"memory_mb": -1}, {"recycle": 0}]
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        VerifierPool(**wrong)


def test_a_pool_pickles_as_its_settings() -> None:
    copy = pickle.loads(pickle.dumps(VerifierPool(3, deadline=1.5, memory_mb=64, recycle=7)))
    assert repr(copy) == "VerifierPool(workers=3, deadline=1.5, memory_mb=64, recycle=7)"


def test_the_shared_pool_has_a_worker_per_core() -> None:
    assert verifier_pool() is verifier_pool()
    assert verifier_pool().workers == usable_cores() == len(os.sched_getaffinity(0))


# -- nothing is left behind -------------------------------------------------------------------------------------------


def test_workers_are_recycled() -> None:
    with VerifierPool(workers=1, recycle=50) as own:
        used = Counter(item.value[0] for item in own.map(checks.worker_of, range(500)))
        assert len(used) >= 5 and max(used.values()) <= 100
        assert len(offspring()) <= len([*used]) and len(psutil.Process(next(iter_wardens(own))).children()) <= 1


def iter_wardens(own: VerifierPool) -> Iterator[int]:
    yield own.map(checks.worker_of, [0])[0].value[1]


def test_a_warden_that_dies_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    with VerifierPool(workers=2, deadline=20) as own:
        warden = own.map(checks.worker_of, [0])[0].value[1]
        done = own.submit(checks.pause, [0.05] * 40)
        os.kill(warden, signal.SIGKILL)
        assert [item.value for item in done.result()] == [0.05] * 40
        assert own.map(checks.worker_of, [0])[0].value[1] != warden


def test_a_warden_that_dies_when_idle_is_missed_only_when_needed() -> None:
    with VerifierPool(workers=1) as own:
        warden = psutil.Process(own.map(checks.worker_of, [0])[0].value[1])
        warden.kill()
        warden.wait()
        assert own.map(checks.double, [2])[0].value == 4


def test_processes_that_cannot_start_fail_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    checked = VerifierPool(workers=1).map(checks.double, [1, 2])
    assert outcomes(checked) == ["instrument_error"] * 2 and "again and again" in checked[0].message


def test_closing_settles_what_was_not_finished_and_the_pool_can_be_used_again() -> None:
    own = VerifierPool(workers=1, deadline=60)
    done = own.submit(checks.pause, [30.0] * 3)
    own.close()
    assert outcomes(done.result()) == ["instrument_error"] * 3 and "closed" in done.result()[0].message
    assert own.map(checks.double, [5])[0].value == 10
    own.close()
    own.close()


def test_a_pool_nobody_holds_ends_its_processes() -> None:
    before = {process.pid for process in offspring()}
    own = VerifierPool(workers=1)
    own.map(checks.double, [1])
    started = [process for process in offspring() if process.pid not in before]
    assert len(started) == 2
    del own
    gc.collect()
    assert not psutil.wait_procs(started, timeout=10)[1]


@pytest.mark.parametrize("how", ["kill", "exit", "raise"])
def test_no_process_outlives_the_trainer(how: str) -> None:
    ends = {"kill": "os.kill(os.getpid(), 9)", "exit": "sys.exit(0)", "raise": "raise ValueError"}
    script = (
        "import os, sys\n"
        "from guerdon.verifier_pool import verifier_pool\n"
        "from tests.core import verifier_checks as checks\n"
        "pool = verifier_pool()\n"
        "print(*pool.map(checks.worker_of, [0])[0].value[:2], flush=True)\n"
        "stuck = pool.submit(checks.behave, ['hang'] * 4, deadline=600)\n"
        "pool.map(checks.double, [1]) if pool.workers > 4 else None\n"
        f"{ends[how]}\n"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    worker, warden = (int(number) for number in run.stdout.split())
    left = [psutil.Process(pid) for pid in (worker, warden) if psutil.pid_exists(pid)]
    assert not psutil.wait_procs(left, timeout=20)[1]


def test_soak() -> None:
    """Thousands of items, one in a hundred of which hangs: every one comes back, and nothing is left."""
    processes, files, threads = len(offspring()), open_files(), threading.active_count()
    with VerifierPool(workers=2, deadline=0.2, recycle=500) as own:
        for _ in range(3):
            checked = own.map(checks.behave, ["hang" if i % 100 == 50 else f"item {i}" for i in range(1000)])
            assert [item.ok for item in checked[50::100]] == [False] * 10
            assert set(outcomes(checked[50::100])) == {"timed_out"}
            assert sum(item.value == f"ITEM {i}" for i, item in enumerate(checked)) >= 980
        assert len(offspring()) <= processes + 3, "a warden and two workers"
        assert open_files() <= files + 2 and threading.active_count() <= threads + 1
    assert len(offspring()) <= processes
    assert open_files() == files


# -- frames -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.integers(1, 50))
def test_frames_survive_any_fragmentation(payloads: list[bytes], piece: int) -> None:
    frames = [Frame(Kind.RESULTS, i, i + 1, i + 2, payload) for i, payload in enumerate(payloads)]
    data = b"".join(frame.packed() for frame in frames)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = Channel(theirs, blocking=False)
        got: list[Frame] = []
        for start in range(0, len(data), piece):
            ours.sendall(data[start : start + piece])
            got += channel.receive() or []
        assert got == frames
        assert channel.receive() == []
        ours.close()
        assert channel.receive() is None


def test_a_channel_keeps_what_the_other_end_has_no_room_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending, receiving = Channel(ours, blocking=False), Channel(theirs, blocking=False)
        frame = Frame(Kind.WORK, 1, 0, 1, b"x" * 5_000_000)
        sending.send(frame)
        assert sending.waiting
        got: list[Frame] = []
        while not got:
            sending.flush()
            got += receiving.receive() or []
        assert got == [frame] and not sending.waiting


def test_only_plain_data_is_read_from_a_worker() -> None:
    assert load_plain(pickle.dumps([1, "a", None, {"b": (2.0,)}])) == [1, "a", None, {"b": (2.0,)}]
    for value in (Fraction(1, 2), os.system, ValueError("x")):
        with pytest.raises(pickle.UnpicklingError, match="not plain data"):
            load_plain(pickle.dumps(value))


def test_an_error_is_described_in_one_line() -> None:
    assert described(ValueError("a\n b")) == "ValueError: a b"
    assert described(checks.Unprintable()) == "Unprintable"
    assert len(described(ValueError("x" * 10_000))) <= 300
    assert described(ValueError("\ud800")).encode()
