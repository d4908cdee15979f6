"""What a person types that needs more than a few lines, a file a command; `service.__main__` registers them."""
