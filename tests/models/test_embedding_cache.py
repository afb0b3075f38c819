"""The cache of vectors: bounds, restarts, several processes, forks, broken files."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.models import embedding_cache as module
from guerdon.models.embedding_cache import (
    DiskCache,
    EmbeddingCache,
    Entry,
    MemoryCache,
    configure_embedding_cache,
    embedding_cache,
)


def entries(start: int, stop: int, width: int = 4) -> dict[bytes, Entry]:
    return {b"%d" % i: Entry(np.full(width, i, dtype=np.float32), i % 2 == 1) for i in range(start, stop)}


def test_memory_forgets_the_least_recently_used_first() -> None:
    cache = MemoryCache(limit=3 * (16 + 300))
    cache.put(entries(0, 3))
    assert set(cache.get([b"0"])) == {b"0"}
    cache.put(entries(3, 4))
    assert set(cache.get([b"0", b"1", b"2", b"3"])) == {b"0", b"2", b"3"}
    assert cache.bytes == 3 * (16 + 300)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(0, 4000))
def test_memory_never_holds_more_than_its_limit(numbers: list[int], limit: int) -> None:
    cache = MemoryCache(limit)
    for i in numbers:
        cache.put(entries(i, i + 1))
    assert cache.bytes == len(cache) * 316 <= limit


def test_memory_keeps_copies_that_nobody_can_change() -> None:
    matrix = np.ones((1000, 4), dtype=np.float32)
    cache = MemoryCache()
    cache.put({b"k": Entry(matrix[0], False)})
    matrix[:] = 7
    kept = cache.get([b"k"])[b"k"].vector
    assert kept.tolist() == [1, 1, 1, 1]
    assert kept.base is None
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 2


def test_disk_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "deeper" / "vectors.sqlite"
    EmbeddingCache(path=file).put(entries(0, 1200))
    fresh = EmbeddingCache(path=file)
    found = fresh.get([b"%d" % i for i in range(1300)])
    assert len(found) == 1200
    assert found[b"7"].vector.tolist() == [7, 7, 7, 7]
    assert (found[b"7"].windowed, found[b"8"].windowed) == (True, False)
    assert len(fresh.memory) == 1200


def test_disk_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "vectors.sqlite", limit=100 * 316)
    for start in range(0, 400, 20):
        cache.put(entries(start, start + 20))
    left = sorted(int(key) for key in cache.get([b"%d" % i for i in range(400)]))
    assert 80 <= len(left) <= 100
    assert left == list(range(400 - len(left), 400))


def test_a_file_that_is_no_database_is_reported_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "vectors.sqlite"
    file.write_bytes(b"this is no database" * 100)
    cache = EmbeddingCache(path=file)
    with pytest.warns(RuntimeWarning, match="not used any more"):
        cache.put(entries(0, 2))
    assert set(cache.get([b"0", b"1", b"2"])) == {b"0", b"1"}
    assert file.read_bytes().startswith(b"this is no database")


def test_a_damaged_row_counts_as_unknown(tmp_path: Path) -> None:
    file = tmp_path / "vectors.sqlite"
    DiskCache(file).put(entries(0, 2))
    with sqlite3.connect(file) as database:
        database.execute("UPDATE embedding SET vector = ? WHERE key = ?", (b"xyz", b"0"))
    assert set(DiskCache(file).get([b"0", b"1"])) == {b"1"}


def write_and_read(file: str, start: int, barrier: object) -> None:
    cache = DiskCache(file)
    barrier.wait(30)  # type: ignore[attr-defined]
    for i in range(start, start + 100, 10):
        cache.put(entries(i, i + 10))
    found = cache.get([b"%d" % i for i in range(start, start + 100)])
    os._exit(0 if len(found) == 100 and not cache.broken else 1)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes_write_one_file(tmp_path: Path, method: str) -> None:
    file = str(tmp_path / "vectors.sqlite")
    context = multiprocessing.get_context(method)
    barrier = context.Barrier(3)
    workers = [context.Process(target=write_and_read, args=(file, 50 * i, barrier)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(DiskCache(file).get([b"%d" % i for i in range(200)])) == 200


def test_threads_share_one_cache(tmp_path: Path) -> None:
    cache = EmbeddingCache(path=tmp_path / "vectors.sqlite")
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, start + 40):
            cache.put(entries(i, i + 1))
            if cache.get([b"%d" % i])[b"%d" % i].vector[0] != i:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(20 * k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.disk is not None
    assert len(cache.disk.get([b"%d" % i for i in range(140)])) == 140


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_while_a_thread_holds_the_lock_leaves_the_child_a_working_cache(tmp_path: Path) -> None:
    cache = EmbeddingCache(path=tmp_path / "vectors.sqlite")
    cache.put(entries(0, 5))
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.memory._locked():
            held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        cache.put(entries(5, 10))
        ok = len(cache.get([b"%d" % i for i in range(10)])) == 10
        os._exit(0 if ok else 1)
    release.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(cache.get([b"%d" % i for i in range(10)])) == 10


def test_the_environment_names_the_file_for_processes_that_start_later(tmp_path: Path) -> None:
    source = "from guerdon.models.embedding_cache import embedding_cache as c; print(c().disk.path)"
    environment = {**os.environ, "GUERDON_EMBEDDING_CACHE": str(tmp_path / "v.sqlite")}
    done = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "v.sqlite")


def test_configuring_replaces_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cache", None)
    monkeypatch.delenv("GUERDON_EMBEDDING_CACHE", raising=False)
    assert embedding_cache().disk is None
    made = configure_embedding_cache(memory_bytes=0, path=tmp_path / "v.sqlite")
    assert embedding_cache() is made
    made.put(entries(0, 3))
    assert len(made.memory) == 0
    assert len(made.get([b"0", b"1", b"2"])) == 3
    with pytest.raises(UserError, match="memory_bytes=-1"):
        configure_embedding_cache(memory_bytes=-1)
