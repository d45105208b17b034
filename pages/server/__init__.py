"""The process that serves the pages: access, rejected requests, and errors."""
