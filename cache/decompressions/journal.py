"""All questions to one model and its answers, stored before they are used.

The journal is SQLite with write-ahead logging and not DuckDB: DuckDB locks out every other process
while one writes, but a page must be able to show an unfinished run (ARCHITECTURE §5). When a run is
complete, its calls are copied into the DuckDB file that holds its results. The journal itself is
kept for the model, so that another run only asks what is new.

Answers that arrive together are one transaction. A process that is killed loses only the calls in
flight.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from string import whitespace
from typing import Any

from filelock import FileLock

from assay.cache.files.quarantine import quarantine
from assay.cache.files.sqlite import find_damage, open_to_read
from assay.cache.store import Store
from assay.core.errors import full_disk_explained
from assay.core.specs.hashing import canonical_json
from assay.core.specs.model_calls import FINISHES, Answer, Call

# Raise it when the tables change: journals of another version are kept, but neither read nor
# written.
_VERSION = 1
_SCHEMA = """
CREATE TABLE calls (call_key TEXT PRIMARY KEY, stage TEXT NOT NULL,
    prompt TEXT NOT NULL, is_chat INTEGER NOT NULL, sampling TEXT NOT NULL, schema TEXT,
    continuation TEXT, seed INTEGER NOT NULL, sample_index INTEGER NOT NULL,
    attempt INTEGER NOT NULL, text TEXT NOT NULL, finish TEXT NOT NULL, logprob REAL,
    n_prompt_tokens INTEGER NOT NULL, n_tokens INTEGER NOT NULL, duration_s REAL NOT NULL,
    answered_at REAL NOT NULL);
CREATE TABLE uses (run_id TEXT NOT NULL, call_key TEXT NOT NULL,
    position INTEGER NOT NULL, rung TEXT, PRIMARY KEY (run_id, call_key));
CREATE TABLE runs (run_id TEXT PRIMARY KEY, facts TEXT NOT NULL,
    started_at REAL NOT NULL, ended_at REAL);
CREATE TABLE found_topics (run_id TEXT NOT NULL, topic_id INTEGER NOT NULL,
    parent_id INTEGER, name TEXT NOT NULL, level INTEGER NOT NULL, n_votes INTEGER NOT NULL,
    n_samples INTEGER NOT NULL, PRIMARY KEY (run_id, topic_id));
"""
CALL_COLUMNS = (
    "call_key, stage, prompt, is_chat, sampling, schema, continuation, seed, sample_index, "
    "attempt, text, finish, logprob, n_prompt_tokens, n_tokens, duration_s, answered_at"
)


class Journal:
    """The journal of one model, for one run. Close it, or use it as a context manager.

    FullDisk if there is no room for an answer; earlier answers stay.
    """

    def __init__(self, store: Store, model_sha256: str, run_id: str) -> None:
        self._run_id = run_id
        path = journal_path(store, model_sha256)
        self._folder = path.parent
        with full_disk_explained(self._folder), FileLock(path.with_suffix(".lock")):
            damage = find_damage(path)
            if damage:
                quarantine(store, path, damage)
            if not path.exists():
                _create(path)
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        # A killed process loses nothing. A power failure may lose the last answers, which are asked
        # again; waiting for the disk at each answer would leave the model idle.
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Record that the run starts or restarts, and what it is about."""
        with self._transaction() as connection:
            # Earlier versions stored refusals and empty answers as answers: these are asked again.
            connection.execute(
                "DELETE FROM calls WHERE finish NOT IN ('stop', 'length') "
                "OR (continuation IS NULL AND trim(text, ?) = '')",
                [whitespace],
            )
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, NULL) ON CONFLICT (run_id) DO UPDATE "
                "SET ended_at = NULL",
                [self._run_id, canonical_json(dict(facts)), time.time()],
            )
            # As the run repeats its steps, it records what it uses again, in the same order.
            connection.execute("DELETE FROM uses WHERE run_id = ?", [self._run_id])
            connection.execute("DELETE FROM found_topics WHERE run_id = ?", [self._run_id])

    def end(self) -> None:
        """Record that the run is over: its results are sealed, or there are none."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE runs SET ended_at = ? WHERE run_id = ?", [time.time(), self._run_id]
            )

    def find(self, calls: Sequence[Call]) -> dict[str, Answer]:
        """Answers that are already stored, by the call's key."""
        found: dict[str, Answer] = {}
        for call in calls:
            row = self._connection.execute(
                "SELECT text, finish, n_prompt_tokens, n_tokens, duration_s, logprob FROM calls "
                "WHERE call_key = ? AND finish IN (?, ?)",
                [call.key, *FINISHES],
            ).fetchone()
            if row:
                found[call.key] = Answer(*row)
        return found

    def keep(self, answered: Sequence[tuple[Call, Answer]]) -> None:
        """Commit answers that arrived together; refusals have another type and are not stored."""
        with self._transaction() as connection:
            connection.executemany(
                f"INSERT OR IGNORE INTO calls ({CALL_COLUMNS}) VALUES ({', '.join('?' * 17)})",
                [_row(call, answer) for call, answer in answered],
            )

    def use(self, calls: Sequence[Call], first_position: int) -> None:
        """Record that this run uses these answers, in this order."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO uses VALUES (?, ?, ?, NULL)",
                [(self._run_id, call.key, first_position + i) for i, call in enumerate(calls)],
            )

    def set_rungs(self, rungs: Mapping[str, str]) -> None:
        """Record how answers were parsed, by the call's key."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE uses SET rung = ? WHERE run_id = ? AND call_key = ?",
                [(rung, self._run_id, key) for key, rung in rungs.items()],
            )

    def show_topics(self, topics: Sequence[Sequence[Any]]) -> None:
        """Add to the tree that pages show during the run; see ``found_topics``."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO found_topics VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(self._run_id, *topic) for topic in topics],
            )

    def used_calls(self) -> dict[str, list[Any]]:
        """The run's calls in the order it used them: columns of equal length, rung among them."""
        cursor = self._connection.execute(
            f"SELECT position, rung, {CALL_COLUMNS} FROM uses JOIN calls USING (call_key) "
            "WHERE run_id = ? ORDER BY position",
            [self._run_id],
        )
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        calls = {name: [row[at] for row in rows] for at, name in enumerate(names)}
        return {**calls, "is_chat": [bool(one) for one in calls["is_chat"]]}  # SQLite has none

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with full_disk_explained(self._folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()


def journal_path(store: Store, model_sha256: str) -> Path:
    """The path of a model's journal."""
    return store.journals / f"v{_VERSION}-{model_sha256[:16]}.sqlite"


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that has not ended: it goes on, or was stopped."""

    run_id: str
    journal: Path
    title: str
    started_at: float


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: calls by stage, answers by how they were parsed, and names of topics in the
    order in which they were found."""

    n_calls: dict[str, int]
    rungs: dict[str, int]
    topics: tuple[str, ...]


def read_running(store: Store) -> list[UnfinishedRun]:
    """Unfinished runs, the latest first."""
    runs: list[UnfinishedRun] = []
    for path in store.journals.glob(f"v{_VERSION}-*.sqlite"):
        # A damaged journal is moved aside and reported when its model is next asked something.
        with suppress(sqlite3.Error, OSError, ValueError), open_to_read(path) as connection:
            rows = connection.execute(
                "SELECT run_id, facts, started_at FROM runs WHERE ended_at IS NULL"
            ).fetchall()
            runs += [
                UnfinishedRun(run_id, path, str(json.loads(facts)["title"]), at)
                for run_id, facts, at in rows
            ]
    return sorted(runs, key=lambda run: run.started_at, reverse=True)


def read_progress(run: UnfinishedRun) -> RunProgress:
    """How far it is now."""
    with open_to_read(run.journal) as connection:
        own = "FROM uses JOIN calls USING (call_key) WHERE run_id = ?"
        stages = connection.execute(
            f"SELECT stage, count(*) {own} GROUP BY stage", [run.run_id]
        ).fetchall()
        rungs = connection.execute(
            f"SELECT coalesce(rung, 'unread'), count(*) {own} GROUP BY 1", [run.run_id]
        ).fetchall()
        topics = connection.execute(
            "SELECT name FROM found_topics WHERE run_id = ? ORDER BY topic_id", [run.run_id]
        ).fetchall()
    return RunProgress(dict(stages), dict(rungs), tuple(name for (name,) in topics))


def _create(path: Path) -> None:
    """Create an empty journal that is complete before any reader can see it."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)
        connection.execute("PRAGMA journal_mode = WAL")
    os.replace(partial, path)


def _row(call: Call, answer: Answer) -> tuple[Any, ...]:
    return (
        call.key,
        call.stage,
        call.prompt,
        call.is_chat,
        canonical_json(asdict(call.sampling)),
        None if call.schema is None else canonical_json(call.schema),
        call.continuation,
        call.seed,
        call.sample_index,
        call.attempt,
        answer.text,
        answer.finish,
        answer.logprob,
        answer.n_prompt_tokens,
        answer.n_tokens,
        answer.duration_s,
        time.time(),
    )
