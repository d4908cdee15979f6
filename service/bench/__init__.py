"""Measures how fast a server answers over HTTP, without flattering it: `convscope bench`."""
