"""Metrics of the selections themselves, each compared with random selections."""
