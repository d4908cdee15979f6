"""Turns pictures that were answered wrongly, and their true labels, into files to learn from."""
