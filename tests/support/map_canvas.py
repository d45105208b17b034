"""The map in a browser: where a document lies on it, and gestures there."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from support.browser import Tab

from assay.cache.audits.comparison import read_places, read_reference_places
from assay.pages.components.audit.map_chart import bounds_of
from assay.pages.components.audit.map_controls import MAX_POINTS


class Canvas:
    """Of a tab on the map of the audit at ``path``."""

    def __init__(self, tab: Tab, path):
        self.mouse = tab.page.mouse
        self.top = tab.main().locator(".points canvas[role=img]")
        self.top.scroll_into_view_if_needed()
        self.places = read_places(path)
        self.bounds = bounds_of(self.places, read_reference_places(path, MAX_POINTS))
        box = self.top.bounding_box()
        self.corner = np.array([box["x"], box["y"]])
        self.size = np.array([box["width"], box["height"]])

    def shares(self):
        """Every document's place as a share of the canvas, from its upper left corner."""
        left, bottom, right, up = self.bounds
        return (self.places - [left, up]) / [right - left, bottom - up]

    def lonely(self):
        """The document that is farthest from all others, so that no other can be meant."""
        own = self.shares() * self.size
        away = np.linalg.norm(own[:, None] - own[None], axis=2)
        np.fill_diagonal(away, np.inf)
        return int(away.min(axis=1).argmax())

    def colours_at(self, number):
        """The page's own colour, and that of a document's point on it."""
        picture = Image.open(io.BytesIO(self.top.screenshot())).convert("RGB")
        x, y = np.round(self.shares()[number] * self.size).astype(int).tolist()
        near = picture.crop((x - 8, y - 8, x + 9, y + 9))
        page, *_ = sorted(near.getcolors(), reverse=True)
        return [tuple(one / 255 for one in rgb) for rgb in (page[1], near.getpixel((8, 8)))]

    def point_at(self, number):
        self.mouse.move(*(self.corner + self.shares()[number] * self.size))

    def draw_around(self, corners):
        """A lasso through these shares of the canvas."""
        places = [self.corner + np.array(one) * self.size for one in corners]
        self.mouse.move(*places[0])
        self.mouse.down()
        for place in [*places[1:], places[0]]:
            self.mouse.move(*place, steps=4)
        self.mouse.up()

    def click(self, number):
        """Open a document."""
        self.point_at(number)
        self.mouse.down()
        self.mouse.up()
