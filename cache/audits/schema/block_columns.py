"""The columns of a matrix stored in blocks of rows."""

from __future__ import annotations

# Matrices are stored as float16 blocks of rows: cache/files/blocks.py.
BLOCK = {
    "first_row": ("INTEGER NOT NULL", "number of the block's first row"),
    "n_rows": ("INTEGER NOT NULL", "rows in the block"),
    "width": ("INTEGER NOT NULL", "columns of the matrix"),
    "scale": ("BLOB NOT NULL", "float32, one for each row: multiply the row by it"),
    "data": ("BLOB NOT NULL", "float16, row-major"),
    "sha256": ("VARCHAR NOT NULL", "of `scale` followed by `data`"),
}
