"""From voxels or vertices to parcels."""
