"""One audit as a self-contained document to sign, print, send or present."""
