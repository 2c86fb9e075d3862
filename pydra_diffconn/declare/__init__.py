"""What authors and users write: blocks, parameters, constraints, losses, equivalents."""
