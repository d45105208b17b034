"""What is shown of a place: its name, never its folder."""

from __future__ import annotations

import re

# From the root, from home, from here, on a drive, or in an object store.
PATH_BEGIN = r"(?:(?:~|\.{1,2})?/|[A-Za-z]:[\\/]|\\\\|[sS]3://)"


def name_of(place: str) -> str:
    """The last part of a path; a name on the hub or of a built-in part as it is.

    A relative path of three parts or more, or one with a file's ending, is no name on the hub.
    """
    is_path = re.match(PATH_BEGIN, place) is not None
    parts = [part for part in re.split(r"[\\/]", place) if part not in ("", ".", "..", "~")]
    if is_path or len(parts) > 2 or (len(parts) == 2 and re.search(r"\.\w{2,8}$", parts[-1])):
        return parts[-1] if parts else "…"
    return place
