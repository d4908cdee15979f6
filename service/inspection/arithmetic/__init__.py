"""Turns one number that a network computed into the arithmetic that made it."""
