"""The contrast of two colours, as WCAG 2.2 defines it."""

from __future__ import annotations

from matplotlib.colors import to_rgb


def contrast(one, other):
    """From 1 (alike) to 21; colours as matplotlib takes them."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
