"""What a report shows of places on the machine that made it: names, never folders.

A report goes to others. Where models and data lie tells them about users, customers and machines,
and nothing about the audit: digests say what was read.
"""

from __future__ import annotations

import re

# A path in a text: from the root, from home, from here, on a drive, or in an object store; the last
# part is its name.
_BEGIN = r"(?:(?:~|\.{1,2})?/|[A-Za-z]:[\\/]|\\\\|[sS]3://)"
# It follows a space, a quote, a bracket or a sign between words; after // comes no path but a host.
_PATH = re.compile(
    rf"(?:^|(?<=[\s'\"“‘(\[{{=,;:|]))(?:file:/*(?=/))?(?!//){_BEGIN}[^\s'\"“”‘’`<>|,;()\[\]{{}}]+"
)
# A path with spaces stands in quotes, as in command lines and errors.
_QUOTED = re.compile(rf"(?<![\w'])(['\"])({_BEGIN}[^'\"\n]+)\1")


class DocumentText(str):
    """Text of a document, which is shown letter by letter."""


def without_folders(text: str) -> str:
    """The text with every path of this machine cut to its last part."""
    text = _QUOTED.sub(lambda found: f"{found[1]}{name_of(found[2])}{found[1]}", text)
    return _PATH.sub(lambda found: _cut(found[0]), text)


def name_of(place: str) -> str:
    """The last part of a path; a name on the hub or of a built-in part as it is.

    A relative path of three parts or more, or one with a file's ending, is no name on the hub.
    """
    is_path = re.match(_BEGIN, place) is not None
    parts = [part for part in re.split(r"[\\/]", place) if part not in ("", ".", "..", "~")]
    if is_path or len(parts) > 2 or (len(parts) == 2 and re.search(r"\.\w{2,8}$", parts[-1])):
        return parts[-1] if parts else "…"
    return place


def _cut(path: str) -> str:
    """The path's name, and the punctuation of the sentence behind it."""
    bare = path.rstrip(".:!?")
    return name_of(bare) + path[len(bare) :]
