"""What is claimed, measured: one command each, our own figures beside a rival's in the same run."""
