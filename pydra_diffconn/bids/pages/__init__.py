"""What is told of a folder: the pages of people, group and fit, with their numbers, and the paragraph of methods."""
