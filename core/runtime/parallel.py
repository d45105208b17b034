"""Work in parallel: in threads, and in processes that end with this one."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, TypeVar

import torch

from assay.core.runtime.settings import count_from

_Thing = TypeVar("_Thing")
_Made = TypeVar("_Made")
_LOOK_EVERY_S = 0.5


class _Process(SpawnProcess):
    """A spawned process that does not run the caller's script again.

    Python's own would. A script that starts an audit without ``if __name__ == "__main__"`` would
    then start one in every process. Nothing that we send to a process belongs to that module.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = script


class _Context(SpawnContext):
    Process = _Process


# Forked processes can use neither a GPU that this process has used, nor its threads.
context = _Context()


@contextmanager
def processes(
    n: int, prepare: Callable[..., None], arguments: tuple[Any, ...]
) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes each call ``prepare`` first; an error here ends them at once."""
    pool = ProcessPoolExecutor(
        n, mp_context=context, initializer=_start, initargs=(os.getpid(), prepare, arguments)
    )
    try:
        yield pool
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def as_they_come(futures: set[Future[_Made]], meanwhile: Callable[[], None]) -> Iterator[_Made]:
    """Results in any order; ``meanwhile`` is called every half second, and once after the last."""
    waiting = futures
    while waiting:
        done, waiting = wait(waiting, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        meanwhile()
        for future in done:
            yield future.result()


def _start(parent: int, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    prepare(*arguments)


def _end_with(parent: int) -> None:
    """If its parent is killed, a process would wait forever; this ends it within seconds."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def in_threads(
    work: Callable[[_Thing], _Made], things: Iterable[_Thing], n_at_most: int
) -> list[_Made]:
    """``work`` for each item, in order.

    As many in parallel as models use threads (``ASSAY_THREADS``), but at most ``n_at_most``.
    """
    n_at_once = min(torch.get_num_threads(), n_at_most)
    if n_at_once == 1:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(n_at_once) as pool:
        return list(pool.map(work, things))


def side_by_side(calls: Sequence[Callable[[], _Made]], device: str) -> list[_Made]:
    """What each call returns, in order; several at the same time where that uses idle cores.

    Calls must not share a model: its hooks would see the inputs of both.
    """
    n_at_once = min(len(calls), n_side_by_side(device))
    if n_at_once < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(n_at_once) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def n_side_by_side(device: str) -> int:
    """How many models can run at the same time, each on its own threads.

    Two on two cores, where each uses one thread; otherwise one, which leaves one core at most idle.
    ``ASSAY_WORKERS`` overrides the number of cores.
    """
    if torch.device(device).type != "cpu":
        return 1
    n_cores = count_from("ASSAY_WORKERS") or os.cpu_count() or 1
    return max(1, n_cores // torch.get_num_threads())
