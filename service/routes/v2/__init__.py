"""The Open Inference Protocol over REST: one file per resource, HTTP in, one call, HTTP out."""
