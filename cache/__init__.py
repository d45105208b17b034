"""What is kept on the disk. Whatever part is used, it knows every kind of file."""

from assay.cache import kinds as kinds
