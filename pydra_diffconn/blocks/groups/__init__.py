"""What people of several sites differ by that is nobody's own."""
