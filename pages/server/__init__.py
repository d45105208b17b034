"""The process that serves the pages: who may ask, what is refused, where errors go."""
