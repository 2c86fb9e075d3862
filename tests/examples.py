"""What hypothesis draws: how many examples, and lists of few lengths."""

from hypothesis import settings
from hypothesis import strategies as st


def examples(usual: int, programs: bool = False) -> settings:
    """Return the settings that draw so many examples, or 5 with `--hypothesis-profile quick`, 20 times more with `long`.

    Where each example is a program of its own, the same are drawn in every run, whose compiled programs are kept; only
    `long` draws others.
    """
    wanted = usual * settings.default.max_examples // 100
    return settings(
        max_examples=max(wanted, min(5, usual)),
        derandomize=settings.default.derandomize or (programs and wanted <= usual),
    )


def lists(elements: st.SearchStrategy, *lengths: int) -> st.SearchStrategy[list]:
    """Return a strategy for lists of one of these lengths: each shape of an array is a compilation of its own."""
    return st.sampled_from(lengths).flatmap(lambda length: st.lists(elements, min_size=length, max_size=length))
