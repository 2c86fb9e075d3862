"""From connectomes to what they predict."""
