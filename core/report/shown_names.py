"""What a report shows of places on the machine that made it: names, never folders.

A report goes to others. Where models and data lie tells them about users, customers and machines,
and nothing about the audit: digests say what was read.
"""

from __future__ import annotations

import re

from assay.core.specs.place_names import PATH_BEGIN, name_of

# A path in a text follows a space, a quote, a bracket or a sign between words; after // comes no
# path but a host.
_PATH = re.compile(
    rf"(?:^|(?<=[\s'\"“‘(\[{{=,;:|]))(?:file:/*(?=/))?(?!//){PATH_BEGIN}[^\s'\"“”‘’`<>|,;()\[\]{{}}]+"
)
# A path with spaces stands in quotes, as in command lines and errors.
_QUOTED = re.compile(rf"(?<![\w'])(['\"])({PATH_BEGIN}[^'\"\n]+)\1")


class DocumentText(str):
    """Text of a document, which is shown letter by letter."""


def without_folders(text: str) -> str:
    """The text with every path of this machine cut to its last part."""
    text = _QUOTED.sub(lambda found: f"{found[1]}{name_of(found[2])}{found[1]}", text)
    return _PATH.sub(lambda found: _cut(found[0]), text)


def _cut(path: str) -> str:
    """The path's name, and the punctuation of the sentence behind it."""
    bare = path.rstrip(".:!?")
    return name_of(bare) + path[len(bare) :]
