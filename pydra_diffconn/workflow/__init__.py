"""A Pydra workflow, read and changed."""
