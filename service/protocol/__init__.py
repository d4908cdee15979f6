"""The Open Inference Protocol, apart from how it travels: what REST and gRPC share."""
