"""Lengths whose Fourier transforms are quick."""


def fast_length(least: int) -> int:
    """Return the first number from `least` on without factors other than 2, 3 and 5."""
    length = least
    while not _is_fast(length):
        length += 1
    return length


def _is_fast(length: int) -> bool:
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    return length == 1
