"""The API, a file per resource: HTTP in, one call, HTTP out."""
