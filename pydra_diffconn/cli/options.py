"""The options that `diffconn run` shares with others: which runs, and how they are processed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

ANY = click.Path(path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, path_type=Path)
ORDERS = click.Choice(["xcpd", "nilearn", "simultaneous"])
CONVENTIONS = click.Choice(["power", "jenkinson"])
FILTERS = click.Choice(["lp", "notch", "none"])
ENDS = click.Choice(["hold", "extrapolate", "cut"])
EXCEEDS = click.Choice(["any", "all"])
FIRST_ROWS = click.Choice(["copy_second", "zero"])
TYPES = click.Choice(["censored", "interpolated"])
KINDS = click.Choice(["pearson", "partial", "shrunk", "tangent"])

# long name, short name or none, setting, type, help; the defaults are those of `Settings`, whose imports are heavy
PROCESSING: tuple[tuple[str, str | None, str, Any, str], ...] = (
    ("--order-of-operations", None, "order", ORDERS, "Of filter, censoring and regression. [default: xcpd]"),
    ("--high-pass", None, "high_pass", float, "Hz; 0 for none. [default: 0.01]"),
    ("--low-pass", None, "low_pass", float, "Hz; 0 for none. [default: 0.08]"),
    ("--bpf-order", None, "filter_order", int, "Of the Butterworth filter. [default: 2]"),
    ("--dummy-scans", None, "dummy_scans", str, "Frames left out at the start, or 'auto'. [default: 0]"),
    ("--fd-thresh", "-f", "fd_threshold", float, "mm of displacement above which a frame is censored. [default: 0.3]"),
    ("--fd-thresh-final", None, "fd_threshold_final", float, "mm, stricter, of connectomes alone. [default: the same]"),
    ("--fd-convention", None, "fd_convention", CONVENTIONS, "Of framewise displacement. [default: power]"),
    ("--head-radius", "-r", "head_radius", str, "mm, or 'auto': of the brain mask. [default: 50]"),
    ("--dvars-thresh", None, "dvars_threshold", float, "Of standardised DVARS. [default: none]"),
    ("--censor-if-exceeds", None, "exceeds", EXCEEDS, "One threshold or all of them. [default: any]"),
    ("--censor-before", None, "before", int, "Frames censored before each censored one. [default: 0]"),
    ("--censor-after", None, "after", int, "Frames censored after each censored one. [default: 0]"),
    ("--min-segment", None, "min_segment", int, "Shortest stretch of frames that is kept. [default: 1]"),
    ("--ends", None, "ends", ENDS, "Censored frames at the ends, for filters. [default: by the order]"),
    ("--motion-filter-type", None, "motion_filter", FILTERS, "Of the realignment parameters. [default: none]"),
    ("--band-stop-min", None, "band_stop_min", float, "Breaths per minute."),
    ("--band-stop-max", None, "band_stop_max", float, "Breaths per minute."),
    ("--motion-filter-order", None, "motion_filter_order", int, "[default: 4]"),
    ("--first-row", None, "first_row", FIRST_ROWS, "For the first frame of differences. [default: copy_second]"),
    (
        "--custom-confounds",
        None,
        "custom_confounds",
        str,
        "Folder with a table of your own for each run. [default: none]",
    ),
    ("--smoothing", None, "smoothing", float, "mm FWHM; 0 for none. [default: 0]"),
    ("--min-coverage", None, "min_coverage", float, "Least share of a parcel that has data. [default: 0.5]"),
    ("--min-time", None, "min_time", float, "Seconds that must be left after censoring. [default: 240]"),
    ("--output-type", None, "output_type", TYPES, "Series of the kept frames alone, or of all. [default: censored]"),
    ("--shrinkage", None, "shrinkage", float, "Of shrunk and partial connectomes. [default: Ledoit & Wolf's]"),
)
WISHES = (
    ("--denoised/--no-denoised", "denoised", "Write the denoised image, too. [default: no]"),
    ("--alff/--no-alff", "alff", "Write the amplitude of low frequencies. [default: no]"),
    ("--reho/--no-reho", "reho", "Write regional homogeneity, of volumes. [default: no]"),
)
AGAIN = "; may be given again."
SELECTION: tuple[tuple[str, str | None, str, Any, str], ...] = (
    ("--participant-label", None, "participant_label", str, f"With or without sub-{AGAIN} [default: all]"),
    ("--session-id", None, "session_id", str, f"With or without ses-{AGAIN} [default: all]"),
    ("--task-id", "-t", "task_id", str, f"With or without task-{AGAIN} [default: all]"),
    ("--space", None, "space", str, f"MNI152NLin2009cAsym, MNI152NLin2009cAsym:res-2, fsLR ...{AGAIN} [default: all]"),
    (
        "--atlases",
        None,
        "atlases",
        str,
        f"Name, path of an image of labels, or IMAGE:TABLE{AGAIN} [default: all in BIDS_DERIV/atlases]",
    ),
    ("--atlas-dir", None, "atlas_dir", FOLDER, f"Folder of BIDS atlases{AGAIN}"),
    ("--nuisance-regressors", "-p", "nuisance_regressors", str, f"Strategy or file of your own{AGAIN} [default: 36P]"),
    ("--connectomes", None, "connectomes", KINDS, f"Kind of connectome{AGAIN} [default: pearson]"),
)


def processing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the processing; those that are not given keep the default of `Settings`."""
    for flags, name, told in reversed(WISHES):
        command = click.option(flags, name, default=None, help=told)(command)
    return _added(command, PROCESSING, multiple=False)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose runs, atlases and strategies."""
    return _added(command, SELECTION, multiple=True)


def _added(command: Callable[..., Any], options: Any, multiple: bool) -> Callable[..., Any]:
    for long, short, name, kind, told in reversed(options):
        flags = (short, long) if short else (long,)
        command = click.option(*flags, name, type=kind, multiple=multiple, help=told)(command)
    return command
