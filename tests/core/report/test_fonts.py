"""Names in Chinese, Japanese and Korean on figures."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

# Draws a figure with a name in each of these scripts, and prints the SVG.
_DRAW = """
import sys
from assay.core.report.figures.drawing import REPORT, Drawing
with REPORT.figure(1) as figure:
    figure.text(0, 0, "Sport 中 あ 한")
drawing = Drawing("name", "", "", "", figure)
assert drawing.png.startswith(b"\\x89PNG")
sys.stdout.write(drawing.svg.decode())
"""


def write_font(path, family, characters):
    """A font with a triangle for each character."""
    pen = TTGlyphPen(None)
    for at, point in enumerate([(0, 0), (500, 800), (900, 0)]):
        (pen.lineTo if at else pen.moveTo)(point)
    pen.closePath()
    glyph, names = pen.glyph(), [f"uni{ord(one):04X}" for one in characters]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", *names])
    font.setupCharacterMap({ord(c): name for c, name in zip(characters, names, strict=True)})
    font.setupGlyf(dict.fromkeys([".notdef", *names], glyph))
    font.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (1000, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable(
        {"familyName": family, "styleName": "Regular", "psName": family.replace(" ", "")}
    )
    font.setupOS2()
    font.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)


@pytest.mark.parametrize("is_installed", [False, True])
def test_an_installed_font_draws_what_the_own_one_lacks(tmp_path, is_installed):
    """A font that was installed for a script draws it, several fonts where none has all; without
    one the figure is drawn all the same, with boxes."""
    fonts = tmp_path / "share" / "fonts"
    fonts.mkdir(parents=True)
    (fonts / "broken.ttf").write_bytes(b"no font")
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "share"), "MPLCONFIGDIR": str(tmp_path)}
    if is_installed:
        # matplotlib has made its list of fonts before they are installed.
        subprocess.run([sys.executable, "-c", _DRAW], env=env, check=True, capture_output=True)
        write_font(fonts / "aa.ttf", "Aa Han Test", "中あ")
        write_font(fonts / "ab.ttf", "Ab Hangul Test", "한")
    drawn = subprocess.run(
        [sys.executable, "-c", _DRAW], env=env, check=True, capture_output=True, text=True
    ).stdout
    assert "DejaVuSans-" in drawn
    assert ("AaHanTest-" in drawn, "AbHangulTest-" in drawn) == (is_installed, is_installed)
