"""The main job on data that ship with the package."""
