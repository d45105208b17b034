"""A clock that stands until it is moved."""

from __future__ import annotations


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now
