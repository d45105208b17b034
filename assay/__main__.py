"""``python -m assay`` is the command line."""

from assay.core.cli import main

main()
