"""How many tokens a text has, about, where nobody says it."""

from __future__ import annotations

# Of English in the tokenizers of today's models; other scripts take two or three bytes a letter and
# have more tokens a letter, so that bytes serve for all.
BYTES_A_TOKEN = 4


def approximate_tokens(text: str) -> int:
    """A token for every four bytes of UTF-8, at least one: what is counted against a budget where a
    server reports no usage."""
    return max(1, -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN))
