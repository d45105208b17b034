"""What results say about themselves: one file per kind, which is checked on reading."""
