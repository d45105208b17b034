"""Values computed from documents, shared between audits: one DuckDB file per key.

Rows are found by the hash of their text, so an audit only computes documents it has not seen.
Blocks are committed as they come; a killed run continues after the last one. One process holds a
file at a time; others wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.cache.files.blocks import Block, DamagedBlock, pack, rows_per_block, unpack_one
from assay.cache.files.database import (
    FileInUse,
    UnreadableFile,
    explained_errors,
    is_damage,
    open_to_write,
)
from assay.cache.files.locks import waiting_lock
from assay.cache.files.quarantine import quarantine
from assay.cache.files.sealing import at_once
from assay.cache.store import Store
from assay.core.errors import full_disk_explained

_TABLES = """
CREATE TABLE IF NOT EXISTS rows ({columns});
CREATE TABLE IF NOT EXISTS arrays (block INTEGER NOT NULL, name VARCHAR NOT NULL,
    n_rows INTEGER NOT NULL, width INTEGER NOT NULL, scale BLOB NOT NULL, data BLOB NOT NULL,
    sha256 VARCHAR NOT NULL, PRIMARY KEY (block, name));
"""
# How long to wait for a foreign program that holds a file, before giving up.
_PATIENCE_S = 20.0
_LOOK_EVERY_S = 2.0
_BLOCKS_AT_ONCE = 256
_PLACE = {
    "text_hash": "VARCHAR PRIMARY KEY",
    "block": "INTEGER NOT NULL",
    "position": "INTEGER NOT NULL",
}


_BLOCK = ("n_rows", "width", "scale", "data", "sha256")


class DamagedRows(DamagedBlock):
    """This cache, not another file, contains damaged bytes."""


@contextmanager
def _damage_told() -> Iterator[None]:
    """DamagedRows, or FullDisk, for what DuckDB says of the file."""
    try:
        with full_disk_explained():
            yield
    except DamagedBlock as error:
        raise DamagedRows(str(error)) from error
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        raise DamagedRows(str(error).splitlines()[0]) from error


class RowStore:
    """Documents' values and matrix rows. Open it with ``open_rows``.

    ``columns``: the values that a document has besides its rows, as name → SQL type.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> None:
        self._connection = connection
        self._columns = tuple(columns)
        declared = ", ".join(f"{name} {kind}" for name, kind in {**_PLACE, **columns}.items())
        connection.execute(_TABLES.format(columns=declared))
        columns_there = connection.sql("SELECT * FROM rows LIMIT 0").columns
        if columns_there != [*_PLACE, *columns]:
            raise DamagedRows(f"its columns are {', '.join(columns_there)}")

    @_damage_told()
    def missing(self, text_hashes: Sequence[str]) -> list[int]:
        """Positions in ``text_hashes`` that have no row yet."""
        self._register(text_hashes)
        found = self._connection.execute(
            "SELECT position FROM wanted ANTI JOIN rows USING (text_hash) ORDER BY position"
        ).fetchnumpy()["position"]
        self._connection.unregister("wanted")
        return [int(position) for position in found]

    @_damage_told()
    def append(
        self,
        text_hashes: Sequence[str],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """Commit rows together, as blocks: ``values`` has one value or list per row; ``arrays``:
        name → (rows × width). Each row is of another text.
        """
        ((first,),) = self._connection.execute(
            "SELECT coalesce(max(block) + 1, 0) FROM rows"
        ).fetchall()
        numbers = np.arange(len(text_hashes))
        # A row has one place in all arrays, so the widest decides.
        n_together = rows_per_block(max((own.shape[1] for own in arrays.values()), default=1))
        with at_once(self._connection):
            for name, matrix in arrays.items():
                blocks = list(pack(matrix, 0, n_together))
                columns: dict[str, Any] = {
                    "block": np.arange(first, first + len(blocks)),
                    "name": [name] * len(blocks),
                    **{field: [getattr(one, field) for one in blocks] for field in _BLOCK},
                }
                self._insert("arrays", columns)
            columns = {
                "text_hash": list(text_hashes),
                "block": first + numbers // n_together,
                "position": numbers % n_together,
                **{name: values[name] for name in self._columns},
            }
            self._insert("rows", columns)

    def _insert(self, table: str, columns: Mapping[str, Any]) -> None:
        self._connection.register("incoming", pa.table(dict(columns)))
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
        self._connection.unregister("incoming")

    @_damage_told()
    def find(self, text_hashes: Sequence[str]) -> pa.Table:
        """The values of rows, in the given order, and the location of each (``block``, ``at``)."""
        self._register(text_hashes)
        table: pa.Table = self._connection.sql(
            f"SELECT {', '.join((*self._columns, 'block'))}, rows.position AS at FROM wanted "
            "JOIN rows USING (text_hash) ORDER BY wanted.position"
        ).to_arrow_table()
        self._connection.unregister("wanted")
        if len(table) != len(text_hashes):
            raise DamagedBlock("rows are missing")
        return table

    @_damage_told()
    def matrix(self, name: str, found: pa.Table) -> NDArray[np.float32]:
        """An array of the rows that ``find`` returned, (rows × width); may raise DamagedBlock."""
        if not len(found):
            raise ValueError("no rows asked for")
        result: NDArray[np.float32] | None = None
        blocks, positions = found["block"].to_numpy(), found["at"].to_numpy()
        left = set(np.unique(blocks).tolist())
        for number, block in self._blocks(name, left):
            rows = unpack_one(block)
            if result is None:
                result = np.empty((len(found), rows.shape[1]), np.float32)
            here = blocks == number
            if rows.shape[1] != result.shape[1] or positions[here].max() >= len(rows):
                raise DamagedBlock(
                    f"block {number} of {name!r} has another shape than its rows say"
                )
            result[here] = rows[positions[here]]
            left.remove(number)
        if left:
            raise DamagedBlock(f"block {min(left)} has no {name!r}")
        assert result is not None
        return result

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _blocks(self, name: str, numbers: Iterable[int]) -> Iterator[tuple[int, Block]]:
        """With one query: DuckDB reads 2,048 blocks for each, however few are asked for. It skips
        those that are outside the range."""
        asked = sorted(numbers)
        rows = self._connection.execute(
            f"SELECT block, {', '.join(_BLOCK)} FROM arrays "
            "WHERE name = ? AND block BETWEEN ? AND ? AND list_contains(?, block)",
            [name, asked[0], asked[-1], asked],
        )
        while some := rows.fetchmany(_BLOCKS_AT_ONCE):
            yield from ((number, Block(0, *values)) for number, *values in some)

    def _register(self, text_hashes: Sequence[str]) -> None:
        wanted = {"text_hash": list(text_hashes), "position": np.arange(len(text_hashes))}
        self._connection.register("wanted", pa.table(wanted))


@contextmanager
def open_rows(
    store: Store,
    path: Path,
    columns: Mapping[str, str],
    while_waiting: Callable[[], None],
    on_damage: Callable[[str], None],
) -> Iterator[RowStore]:
    """The rows of one file, for this process only.

    ``while_waiting`` is called every few seconds while another process has the file; FileInUse if
    that is a foreign program that does not release it. A damaged file, found when opened or inside
    the ``with``, is set aside and ``on_damage`` is told where. If it was found inside, DamagedRows
    is raised to the caller, who may open the file again and find it empty.
    """
    with waiting_lock(path.with_suffix(".lock"), while_waiting):
        try:
            rows = _opened(store, path, columns, while_waiting)
        except UnreadableFile as unreadable:
            if not unreadable.is_damaged:
                raise
            on_damage(str(quarantine(store, path, unreadable.problem)))
            rows = _opened(store, path, columns, while_waiting)
        try:
            yield rows
        except DamagedRows as damaged:
            with suppress(duckdb.Error):
                rows.close()
            on_damage(str(quarantine(store, path, str(damaged))))
            raise
        finally:
            with suppress(duckdb.Error):
                rows.close()


def _opened(
    store: Store, path: Path, columns: Mapping[str, str], while_waiting: Callable[[], None]
) -> RowStore:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection = open_to_write(path, store.memory)
            break
        except FileInUse:
            if time.monotonic() > give_up_at:
                raise
            while_waiting()
            time.sleep(_LOOK_EVERY_S)
    try:
        with explained_errors(path):
            return RowStore(connection, columns)
    except DamagedRows as damaged:
        connection.close()
        raise UnreadableFile(path, str(damaged), is_damaged=True) from damaged
    except UnreadableFile:
        with suppress(duckdb.Error):
            connection.close()
        raise
