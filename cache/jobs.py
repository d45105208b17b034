"""Running and queued jobs: one SQLite file that pages and workers share.

Write-ahead logging and a long busy timeout let several processes read and write at once.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from assay.cache.files.quarantine import quarantine
from assay.cache.files.sqlite import find_damage, open_to_read, open_to_write
from assay.cache.store import Store
from assay.core.specs.addresses import without_password

_VERSION = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL, folder TEXT NOT NULL,
    title TEXT NOT NULL,
    result_id TEXT, state TEXT NOT NULL, stage TEXT NOT NULL DEFAULT '',
    progress REAL NOT NULL DEFAULT 0, eta_s REAL, created_at REAL NOT NULL, started_at REAL,
    ended_at REAL, heartbeat_at REAL, pid INTEGER, pid_started_at REAL, error TEXT,
    is_cancel_requested INTEGER NOT NULL DEFAULT 0)
"""
_COLUMNS = (
    "job_id, command, folder, title, result_id, state, stage, progress, eta_s, created_at, "
    "started_at, ended_at, heartbeat_at, pid, pid_started_at, error, is_cancel_requested"
)
_SILENT_S = 60.0
LOST = "The process ended unexpectedly (killed, or out of memory); resume the job to continue."


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """One long computation; times in seconds since the epoch, progress from 0 to 1."""

    job_id: int
    command: tuple[str, ...]
    folder: Path  # the folder that the command's relative paths refer to
    title: str
    result_id: str | None
    state: JobState
    stage: str
    progress: float
    eta_s: float | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    heartbeat_at: float | None
    pid: int | None
    pid_started_at: float | None
    error: str | None
    is_cancel_requested: bool
    log: Path

    @property
    def is_lost(self) -> bool:
        """Marked as running, but its process is gone; a reused process number does not count."""
        if self.state is not JobState.RUNNING or self.pid is None:
            return False
        try:
            process = psutil.Process(self.pid)
            started_at, status = process.create_time(), process.status()
        except psutil.NoSuchProcess:
            return True
        if status == psutil.STATUS_ZOMBIE:
            return True
        if self.pid_started_at is None or abs(started_at - self.pid_started_at) <= 1:
            return False
        # Setting the clock also changes start times: a job with a recent heartbeat is the same
        # process.
        return time.time() - (self.heartbeat_at or 0) > _SILENT_S


class JobTable:
    """Every change is one short transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store, self._path, self._logs = store, store.jobs_database, store.logs
        if store.is_for_reading:
            return
        # Two processes that switch a new file to the write-ahead log refuse each other at once,
        # whatever the timeout; the file remembers the switch.
        with FileLock(self._path.with_suffix(".lock")):
            damage = find_damage(self._path) or self._find_nonsense()
            if damage:
                quarantine(store, self._path, damage)
            with self._connection() as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            with self._transaction() as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version != _VERSION or not self._has_our_columns(connection):
                    # A history of jobs is not a result: an older one is not worth a migration.
                    connection.execute("DROP TABLE IF EXISTS jobs")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.execute(_SCHEMA)

    def _find_nonsense(self) -> str | None:
        """Why rows of an existing file are not jobs: SQLite has no checksums and reads anything."""
        if not self._path.exists():
            return None
        with self._connection() as connection:
            if not self._has_our_columns(connection):
                return None
            try:
                query = f"SELECT {_COLUMNS} FROM jobs"
                for row in connection.execute(query).fetchall():
                    self._job(row)
            except (ValueError, TypeError, sqlite3.OperationalError) as error:
                is_empty = "no such table" in str(error)
                return None if is_empty else f"one of its jobs is malformed ({error})"
        return None

    @staticmethod
    def _has_our_columns(connection: sqlite3.Connection) -> bool:
        names = {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}
        return not names or names == set(_COLUMNS.split(", "))

    def submit(self, command: Sequence[str], title: str, folder: Path | None = None) -> int:
        """Queue ``assay *command``, to run in ``folder`` or else here; returns the job's number."""
        return self._insert(command, title, JobState.QUEUED, folder)

    def begin(self, command: Sequence[str], title: str) -> int:
        """Register this process as a running job; returns the job's number."""
        job_id = self._insert(command, title, JobState.QUEUED)
        self.start(job_id)
        return job_id

    def start(self, job_id: int, pid: int | None = None) -> None:
        """Record that process ``pid`` (by default this one) runs the job."""
        process = psutil.Process(pid)
        self._update(
            job_id,
            state=JobState.RUNNING,
            pid=process.pid,
            pid_started_at=process.create_time(),
            started_at=time.time(),
            heartbeat_at=time.time(),
            ended_at=None,
            error=None,
        )

    def claim_next(self, pid: int) -> Job | None:
        """Take the oldest queued job for process ``pid``; two workers never take the same one."""
        started_at = psutil.Process(pid).create_time()
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE jobs SET state = ?, pid = ?, pid_started_at = ?, started_at = ?, "
                "heartbeat_at = ?, ended_at = NULL, error = NULL WHERE job_id = "
                f"(SELECT min(job_id) FROM jobs WHERE state = ?) RETURNING {_COLUMNS}",
                [JobState.RUNNING, pid, started_at, time.time(), time.time(), JobState.QUEUED],
            ).fetchone()
        return self._job(row) if row else None

    def report(self, job_id: int, stage: str, progress: float, eta_s: float | None) -> None:
        """Record the progress of a running job; a job that has ended keeps its final state."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET stage = ?, progress = ?, eta_s = ?, heartbeat_at = ? "
                "WHERE job_id = ? AND state = ?",
                [stage, progress, eta_s, time.time(), job_id, JobState.RUNNING],
            )

    def attach_result(self, job_id: int, result_id: str) -> None:
        """Record which audit or decompression the job builds."""
        self._update(job_id, result_id=result_id)

    def finish(self, job_id: int, state: JobState, error: str | None = None) -> None:
        """Record how the job ended."""
        done = {"progress": 1.0} if state is JobState.DONE else {}
        self._update(job_id, state=state, error=error, ended_at=time.time(), eta_s=None, **done)

    def request_cancel(self, job_id: int) -> None:
        """Cancel a queued job at once and ask a running one to stop."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, ended_at = ? WHERE job_id = ? AND state = ?",
                [JobState.CANCELLED, time.time(), job_id, JobState.QUEUED],
            )
            connection.execute("UPDATE jobs SET is_cancel_requested = 1 WHERE job_id = ?", [job_id])

    def requeue(self, job_id: int) -> None:
        """Queue an ended or lost job again; it finds what it had computed by its contents."""
        self.sweep_lost()
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, is_cancel_requested = 0, error = NULL, pid = NULL, "
                "ended_at = NULL, stage = '', progress = 0, eta_s = NULL "
                "WHERE job_id = ? AND state IN (?, ?)",
                [JobState.QUEUED, job_id, JobState.FAILED, JobState.CANCELLED],
            )

    def remove(self, job_id: int) -> None:
        """Delete a job that has ended, and its log."""
        job = self.get(job_id)
        if job and job.state not in (JobState.RUNNING, JobState.QUEUED):
            with self._transaction() as connection:
                connection.execute("DELETE FROM jobs WHERE job_id = ?", [job_id])
            job.log.unlink(missing_ok=True)

    def sweep_lost(self) -> None:
        """Mark jobs whose process is gone as failed, unless they ended since they were read."""
        if self._store.is_for_reading:
            return
        for job in self.all():
            if job.is_lost:
                with self._transaction() as connection:
                    connection.execute(
                        "UPDATE jobs SET state = ?, error = ?, ended_at = ?, eta_s = NULL "
                        "WHERE job_id = ? AND state = ? AND pid = ? AND pid_started_at IS ?",
                        [
                            JobState.FAILED,
                            LOST,
                            time.time(),
                            job.job_id,
                            JobState.RUNNING,
                            job.pid,
                            job.pid_started_at,
                        ],
                    )

    def all(self) -> list[Job]:
        """Every job, newest first."""
        return self._jobs("ORDER BY job_id DESC")

    def get(self, job_id: int) -> Job | None:
        """One job, or None."""
        return next(iter(self._jobs("WHERE job_id = ?", job_id)), None)

    def _jobs(self, which: str, *parameters: int) -> list[Job]:
        """Some jobs; none if the store is read-only and has no table."""
        query = f"SELECT {_COLUMNS} FROM jobs {which}"
        if not self._store.is_for_reading:
            with self._connection() as connection:
                return [self._job(row) for row in connection.execute(query, parameters)]
        try:
            with open_to_read(self._path) as connection:
                connection.row_factory = sqlite3.Row
                return [self._job(row) for row in connection.execute(query, parameters)]
        except (sqlite3.Error, OSError, ValueError, TypeError):
            return []

    def log_tail(self, job_id: int, n_lines: int) -> str:
        """The last lines of a job's log."""
        log = self._log(job_id)
        if not log.exists():
            return ""
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - 400 * n_lines))
            lines = stream.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-n_lines:])

    def _insert(
        self, command: Sequence[str], title: str, state: JobState, folder: Path | None = None
    ) -> int:
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO jobs (command, folder, title, state, created_at) "
                "VALUES (?, ?, ?, ?, ?)",
                # Pages show what is stored here, so passwords are removed: they go to the server
                # and nowhere else.
                [
                    json.dumps([without_password(word) for word in command]),
                    str(folder) if folder else os.getcwd(),
                    without_password(title),
                    state,
                    time.time(),
                ],
            )
            return int(cursor.lastrowid or 0)

    def _update(self, job_id: int, **columns: Any) -> None:
        settings = ", ".join(f"{name} = ?" for name in columns)
        with self._transaction() as connection:
            connection.execute(
                f"UPDATE jobs SET {settings} WHERE job_id = ?", [*columns.values(), job_id]
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with open_to_write(self._path) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._store.require_writing()
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _log(self, job_id: int) -> Path:
        return self._logs / f"job-{job_id}.log"

    def _job(self, row: sqlite3.Row) -> Job:
        values = dict(row)
        return Job(
            **values
            | {
                "command": tuple(json.loads(values["command"])),
                "folder": Path(values["folder"]),
                "state": JobState(values["state"]),
                "is_cancel_requested": bool(values["is_cancel_requested"]),
                "log": self._log(values["job_id"]),
            }
        )
