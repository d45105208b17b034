"""Everything that is stored on disk. Importing any part declares all kinds of files."""

from assay.cache import kinds as kinds
