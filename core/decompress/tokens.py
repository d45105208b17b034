"""An estimate of a text's number of tokens, if the server does not report it."""

from __future__ import annotations

# For English and the tokenizers of current models. Other scripts have two or three bytes per
# letter, but also more tokens per letter, so bytes work for all.
BYTES_A_TOKEN = 4


def approximate_tokens(text: str) -> int:
    """One token for every four bytes of UTF-8, at least one.

    Counts against the budget if a server reports no usage.
    """
    return max(1, -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN))
