"""Fonts of figures: matplotlib's own, then whatever is installed for the scripts that it lacks.

A name from a file may be Chinese, Japanese or Korean. matplotlib's own font has none of these, and
without another one it draws boxes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.ft2font import FT2Font

_OWN = "DejaVu Sans"
# A character of each script that the font above lacks: Chinese, Japanese, Korean.
_SAMPLES = "中あ한"
# It has a box for every character there is.
_PLACEHOLDERS = "Last Resort"
_REGULAR = 400


@cache
def font_families() -> list[str]:
    """matplotlib's own font and, for each script, the first installed font that has it."""
    _find_new()
    families, missing = [_OWN], set(_SAMPLES)
    for entry in sorted(fontManager.ttflist, key=_order):
        if not missing:
            break
        found = set(_covered(entry, missing))
        if found:
            families.append(entry.name)
            missing -= found
    return families


def _find_new() -> None:
    """matplotlib keeps a list of fonts and would miss one that was installed since."""
    known = {os.path.realpath(entry.fname) for entry in fontManager.ttflist}
    for file in font_manager.findSystemFonts():
        if os.path.realpath(file) not in known:
            try:
                fontManager.addfont(file)
            except (OSError, RuntimeError, UnicodeDecodeError):  # a file that is no font
                continue


def _order(entry: FontEntry) -> tuple[bool, bool, str, str]:
    """Regular fonts without serifs first; always the same one of several."""
    is_regular = entry.style == "normal" and entry.weight in (_REGULAR, "normal", "regular")
    return (not is_regular, "serif" in entry.name.lower(), entry.name, entry.fname)


def _covered(entry: FontEntry, wanted: set[str]) -> Iterator[str]:
    if entry.name.startswith(_PLACEHOLDERS):
        return
    try:
        font = FT2Font(entry.fname)
    except (OSError, RuntimeError):  # removed since, or no font
        return
    for character in wanted:
        if font.get_char_index(ord(character)):
            yield character
