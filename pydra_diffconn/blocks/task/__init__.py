"""From the events of a task to what it does to the brain: designs, amplitudes, beta series and interactions."""
