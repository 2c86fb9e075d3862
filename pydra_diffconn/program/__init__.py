"""A workflow's graph as one pure function."""
