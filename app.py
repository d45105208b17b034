"""The dashboard's navigation; every page is a file in ``pages/``."""

from __future__ import annotations

from assay.pages.components.navigation import run_app

run_app()
