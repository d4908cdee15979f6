"""What a person types, a file a command; none imports PyTorch before it is called: `--help` must not wait for it."""
