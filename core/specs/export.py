"""What is exported: an audit's selection or a decompression's examples, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.options import Names, option
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class ExportSpec:
    """One result as a file for other programs."""

    name: str = option(
        is_argument=True,
        help="An audit or a decompression, as `assay list` shows it, or its file.",
    )
    out: str = option(
        names=Names.NEW_FILE,
        help="A .jsonl or .parquet file. An audit can also go to a .csv file, a decompression to a "
        "folder that the `datasets` library reads.",
    )
    strategy: Strategy = option(
        Strategy.SELECT, help="For an audit: the strategy whose selection to write."
    )
    marked: bool = option(
        False,
        help="For an audit: write all documents with a mark, tag or note instead of a selection.",
    )
    chat: bool = option(False, help="For a decompression: write chat messages.")
    without_flagged: bool = option(False, help="For a decompression: leave out flagged examples.")
    only_accepted: bool = option(
        False, help="For a decompression: only examples that were accepted."
    )
