"""The dashboard's navigation; every page is a file in ``pages/``."""

from __future__ import annotations

from pages.parts.entry import run_app

run_app()
