"""Where pictures come from: a file per source, each giving a `Dataset`."""
