"""What results say about themselves: one file a kind, written, checked on reading, and shown."""
