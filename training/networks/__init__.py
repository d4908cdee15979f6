"""The networks, a file each; every operation is a named module, for its name is what the service shows."""
