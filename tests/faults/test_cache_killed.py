"""The cache under kill -9, under several writers at once, and across forks."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from hashlib import sha256

import numpy as np
import pytest

from headstart.features.cache import FeatureCache
from headstart.features.shard import find_shards

DIM = 700
KEY = {"weights": "w"}


def digest(i):
    return sha256(str(i).encode()).digest()


def features(numbers):
    return np.asarray(numbers, np.float32)[:, None] + np.arange(DIM, dtype=np.float32) / DIM


WRITER = f"""
import sys
import numpy as np
from hashlib import sha256
from headstart.features.cache import FeatureCache
cache = FeatureCache(sys.argv[1])
print("ready", flush=True)
step = np.arange({DIM}, dtype=np.float32) / {DIM}
for i in range(int(sys.argv[2]), 10**9, 7):
    with cache.space({KEY!r}, {DIM}) if i % 3 == 0 else kept as space:
        kept = space
        names = [sha256(str(j).encode()).digest() for j in range(i, i + 7)]
        space.put(names, np.arange(i, i + 7, dtype=np.float32)[:, None] + step)
"""


def check(cache, at_most):
    """Every row that is there is the right one; returns how many are."""
    space = cache.space(KEY, DIM)
    n = 0
    for start in range(0, at_most, 1000):
        numbers = np.arange(start, start + 1000)
        rows, present = space.get([digest(i) for i in numbers])
        np.testing.assert_array_equal(rows[present], features(numbers[present]))
        n += int(present.sum())
    return n


def test_killed_twenty_times_at_any_moment_every_whole_row_stands(tmp_path):
    cache, moments, counts = FeatureCache(tmp_path), random.Random(0), []
    for attempt in range(20):
        start = 3000 * attempt
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(start)], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(moments.uniform(0, 0.08))
            writer.send_signal(signal.SIGKILL)
        assert cache.verify().is_sound
        counts.append(check(cache, start + 3000))
    assert counts == sorted(counts)  # what stood once, stands
    assert counts[-1] > 0
    cache.prune()  # merges what the killed ones left
    assert cache.verify().is_sound
    assert check(cache, start + 3000) == counts[-1]


def work(root, worker, errors):
    try:
        rng = random.Random(worker)
        with FeatureCache(root).space(KEY, DIM) as space:
            for _ in range(30):
                numbers = rng.sample(range(400), 20)
                names = [digest(i) for i in numbers]
                space.put(names, features(numbers))
                rows, present = space.get(names)
                assert present.all()
                np.testing.assert_array_equal(rows, features(numbers))
                if rng.random() < 0.1:
                    FeatureCache(root).prune()
                if rng.random() < 0.1:
                    assert FeatureCache(root).verify().is_sound
                if rng.random() < 0.2:
                    space.close()
    except BaseException as error:
        errors.put(f"{worker}: {error!r}")
        raise


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_write_read_merge_and_verify_at_once(tmp_path, method):
    context = multiprocessing.get_context(method)
    errors = context.SimpleQueue()
    workers = [context.Process(target=work, args=(tmp_path, i, errors)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert errors.empty(), errors.get()
    assert [worker.exitcode for worker in workers] == [0] * 4
    cache = FeatureCache(tmp_path)
    assert cache.verify().is_sound
    assert check(cache, 1000) > 300
    assert not cache.ls()[0].is_live


def test_processes_that_prune_everything_cost_rows_but_never_give_wrong_ones(tmp_path):
    code = (
        "import sys, time; from headstart.features.cache import FeatureCache; print('ready', flush=True)\n"
        "while True: FeatureCache(sys.argv[1]).prune(everything=True); time.sleep(0.001)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as pruner:
        pruner.stdout.readline()
        for i in range(60):
            numbers = list(range(i, i + 5))
            with FeatureCache(tmp_path).space(KEY, DIM) as space:
                space.put([digest(j) for j in numbers], features(numbers))
                rows, present = space.get([digest(j) for j in numbers])
                np.testing.assert_array_equal(rows[present], features(numbers)[present])
        assert pruner.poll() is None
        pruner.kill()
    assert FeatureCache(tmp_path).verify().is_sound


def in_fork(body):
    child = os.fork()
    if child == 0:
        try:
            body()
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_process_writes_a_shard_of_its_own(tmp_path):
    cache = FeatureCache(tmp_path)
    with cache.space(KEY, DIM) as space:
        space.put([digest(0)], features([0]))

        def child():
            np.testing.assert_array_equal(space.get([digest(0)])[0], features([0]))
            assert space.put([digest(0), digest(1)], features([0, 1])) == 1
            space.close()

        in_fork(child)
        space.put([digest(2)], features([2]))
        np.testing.assert_array_equal(space.get([digest(i) for i in range(3)])[0], features(range(3)))
        assert cache.prune(everything=True) > 0  # the child's shard; ours is still held
        assert len(find_shards(space.folder)) == 1
    assert not cache.ls()[0].is_live
    assert cache.verify().rows == 2


def test_a_fork_while_another_thread_holds_the_lock_does_not_hang(tmp_path):
    space = FeatureCache(tmp_path).space(KEY, DIM)
    space.put([digest(0)], features([0]))
    held, done = threading.Event(), threading.Event()

    def hold():
        with space._lock:
            held.set()
            done.wait(60)

    def child():
        signal.alarm(10)
        np.testing.assert_array_equal(space.get([digest(0)])[0], features([0]))

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
            in_fork(child)
    finally:
        done.set()
        thread.join()
        space.close()


def test_a_writers_lock_does_not_outlive_it_in_a_child(tmp_path):
    cache = FeatureCache(tmp_path)
    space = cache.space(KEY, DIM)
    space.put([digest(0)], features([0]))
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        space.close()
        assert not cache.ls()[0].is_live
        assert cache.prune(everything=True) > 0
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
