"""Computes pieces on the workers of a Ray cluster, one per device.

Ray starts the workers, moves pieces and results, and says who was lost. A worker that is lost with
its machine is not waited for: its pieces go to the others, and another worker is asked for. Results
come back to this process, which alone writes to the store. So a cluster needs no file system that
locks across machines, and nothing is committed by halves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from assay.core.engines.engine import Made, Piece, Prepare, Tag
from assay.core.engines.ray_workers import Worker, versions
from assay.core.errors import AssayError, InputError

# A worker computes one piece while the next one waits for it.
_PIECES_A_WORKER = 2
# A piece that ends this many workers is at fault itself: for example, memory is too small for it.
_MOST_LOSSES = 3
_LOOK_EVERY_S = 2.0
# How long to wait while the cluster has no worker at all.
_PATIENCE_S = 600.0


class ClusterError(AssayError):
    """The cluster cannot do the work."""


@dataclass(frozen=True)
class Device:
    """What one worker needs: a GPU, or else a number of cores."""

    is_gpu: bool
    n_cores: int = 1

    @property
    def resources(self) -> dict[str, float]:
        """As Ray names them."""
        return {"num_gpus": 1, "num_cpus": 0} if self.is_gpu else {"num_cpus": self.n_cores}

    def count(self, there: dict[str, float]) -> int:
        """How many workers a machine with these resources has room for."""
        if self.is_gpu:
            return int(there.get("GPU", 0))
        return int(there.get("CPU", 0)) // self.n_cores

    def __str__(self) -> str:
        return "a GPU" if self.is_gpu else f"{self.n_cores} free CPU cores"


class RayEngine:
    """Use it as a context manager. The cluster is joined, or started on this machine, when the
    first piece is computed.

    ``load`` gives what a worker holds; it is sent to the workers. ``address``: of a running
    cluster; None starts one on this machine, which listens on localhost only. ``note`` tells the
    user.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        device: Device,
        address: str | None,
        note: Callable[[str], None],
    ) -> None:
        self._load, self._device, self._address, self._note = load, device, address, note
        self._ray: Any = None
        self._workers: list[Any] = []
        self._loading: dict[Any, Any] = {}
        self._at_end = ExitStack()
        self._looked_at = float("-inf")

    def __enter__(self) -> RayEngine:
        check_ray_there()
        return self

    def __exit__(self, *_: object) -> None:
        with self._at_end:
            if self._ray is not None:
                self._ray.shutdown()
                self._ray = None

    def computed(
        self,
        here: Callable[[Piece], Made],
        there: Prepare,
        pieces: Iterable[tuple[Tag, Piece]],
    ) -> Iterator[tuple[Tag, Made]]:
        """See ``Engine``. At most two pieces a worker are under way."""
        run = _Run(iter(pieces))
        while run.draw():
            if self._ray is None:
                self._join()
            if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._ask_for_workers()
            self._send(run, there)
            yield from self._received(run)

    def _join(self) -> None:
        ray = _imported(is_ours=self._address is None)
        quiet = {"log_to_driver": False, "logging_level": "warning"}
        # Ray prints what it hears of its machines; a command's result must stand alone on stdout.
        self._at_end.enter_context(redirect_stdout(sys.stderr))
        n_cores = max(self._device.n_cores, os.cpu_count() or 1)
        try:
            with _sigterm_kept():
                if self._address is not None:
                    ray.init(self._address, **quiet)
                else:
                    ray.init("local", include_dashboard=False, num_cpus=n_cores, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ClusterError(
                f"The Ray cluster {self._address or 'on this machine'} cannot be reached: "
                f"{str(error).splitlines()[0]}"
            ) from error
        self._ray = ray
        if self._address is None and not _is_local(ray):
            raise ClusterError(
                "Ray was imported before, so it would listen on all network interfaces. Start a "
                "cluster yourself and give its --address."
            )

    def _ask_for_workers(self) -> None:
        """Have one worker for each device of the machines that are there now."""
        self._looked_at = time.monotonic()
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        n_wanted = sum(map(self._device.count, alive))
        actor = self._ray.remote(max_restarts=0, **self._device.resources)(Worker)
        for _ in range(n_wanted - len(self._workers) - len(self._loading)):
            worker = actor.remote()
            self._loading[worker.hold.remote(self._load)] = worker

    def _send(self, run: _Run, prepare: Prepare) -> None:
        for worker in self._workers:
            while run.n_with(worker) < _PIECES_A_WORKER and run.draw(none_under_way=True):
                tag, piece, n_losses = run.waiting.popleft()
                reference = worker.compute.remote(prepare, piece)
                run.under_way[reference] = (worker, tag, piece, n_losses)

    def _received(self, run: _Run) -> Iterator[tuple[Any, Any]]:
        asked = [*run.under_way, *self._loading]
        done, _ = self._ray.wait(asked, timeout=_LOOK_EVERY_S) if asked else ([], [])
        if not asked:
            time.sleep(_LOOK_EVERY_S)
        self._check_patience(run)
        for reference in done:
            if reference in self._loading:
                self._welcome(reference)
            else:
                yield from self._result(run, reference)

    def _welcome(self, reference: Any) -> None:
        worker = self._loading.pop(reference)
        try:
            theirs = self._get(reference)
        except _Lost:
            self._note("a worker of the cluster was lost while it loaded the models")
            return
        if theirs != versions():
            raise ClusterError(
                f"A worker of the cluster has other versions ({_words(theirs)}) than this machine "
                f"({_words(versions())}); its numbers could differ, so install the same everywhere."
            )
        self._workers.append(worker)
        self._note(f"workers of the cluster: {len(self._workers)}")

    def _result(self, run: _Run, reference: Any) -> Iterator[tuple[Any, Any]]:
        worker, tag, piece, n_losses = run.under_way.pop(reference)
        try:
            made = self._get(reference)
        except _Lost as lost:
            if worker in self._workers:
                self._workers.remove(worker)
                self._note("a worker of the cluster was lost; others do its work again")
            if n_losses + 1 == _MOST_LOSSES:
                raise ClusterError(
                    f"{_MOST_LOSSES} workers of the cluster ended with the same documents, "
                    f"probably for lack of memory: {lost}"
                ) from lost
            run.waiting.appendleft((tag, piece, n_losses + 1))
        else:
            yield tag, made

    def _get(self, reference: Any) -> Any:
        """A result; the worker's own error if it raised one, ``_Lost`` if it is no more."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except (
            errors.RayActorError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
            errors.WorkerCrashedError,
            errors.NodeDiedError,
        ) as error:
            raise _Lost(str(error).splitlines()[0]) from error

    def _check_patience(self, run: _Run) -> None:
        if self._workers:
            run.waits_since = None
            return
        now = time.monotonic()
        if run.waits_since is None:
            run.waits_since = now
            self._note("waiting for workers of the cluster, which load the models")
        elif now - run.waits_since > _PATIENCE_S:
            raise ClusterError(
                f"For {_PATIENCE_S / 60:.0f} minutes no machine of the Ray cluster had room for a "
                f"worker, which needs {self._device}. What was computed so far is kept."
            )


class _Lost(Exception):
    """A worker was lost with its machine, or killed."""


@dataclass
class _Run:
    """The pieces of one call: still to draw, waiting for a worker, and under way."""

    pieces: Iterator[tuple[Any, Any]]
    waiting: deque[tuple[Any, Any, int]] = field(default_factory=deque)
    under_way: dict[Any, tuple[Any, Any, Any, int]] = field(default_factory=dict)
    waits_since: float | None = None

    def draw(self, none_under_way: bool = False) -> bool:
        """Whether there is a piece to send, or (unless ``none_under_way``) one that was sent."""
        if not self.waiting:
            self.waiting.extend((tag, piece, 0) for tag, piece in _first(self.pieces))
        return bool(self.waiting) or (bool(self.under_way) and not none_under_way)

    def n_with(self, worker: Any) -> int:
        return sum(own is worker for own, *_ in self.under_way.values())


def _first(pieces: Iterator[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    for piece in pieces:
        yield piece
        return


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Ray would end the process at once on SIGTERM, where a job ends as cancelled."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and before is not None:
            signal.signal(signal.SIGTERM, before)


def _is_local(ray: Any) -> bool:
    return all(node["NodeManagerAddress"] in ("127.0.0.1", "::1") for node in ray.nodes())


def _words(known: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in known.items())


def check_ray_there() -> None:
    """InputError if Ray is not installed; importing it takes seconds."""
    if find_spec("ray") is None:
        raise InputError(
            "Ray for --engine ray",
            "an installation without it",
            "install it: pip install 'assay-audit[cluster]'",
        )


def _imported(is_ours: bool) -> Any:
    """Ray without usage statistics; a cluster of ours then listens on localhost only."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if is_ours:
        # Ray's own switch for machines without clusters, read when it is imported.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    return ray
