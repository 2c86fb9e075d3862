"""What a machine with one NVIDIA GPU can tell: `python -m tests.benchmarks.gpu`."""
