"""A paragraph for the methods section of a paper, from the settings that stand beside the results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydra_diffconn.bids.pages.references import cite, cited
from pydra_diffconn.bids.postprocess import ENDS

Processing = Mapping[str, Any]
FILTERS = {
    "xcpd": "zero-phase Butterworth filter of order {order}, run forwards and backwards over the series extended by its"
    " end values",
    "nilearn": "zero-phase Butterworth filter of order {order}, run forwards and backwards over the series extended by"
    " its odd reflection",
}
AT_ENDS = {
    "hold": "and held at the first and last kept value before and after these",
    "extrapolate": "which went on before the first and after the last kept frame",
    "cut": "and those before the first and after the last kept frame took no part in trends and filters",
}
"""What became of censored frames at the ends, by the setting `ends`."""
MEASURES = {
    "Pearson correlation": "the Pearson correlation",
    "partial correlation": "the partial correlation" + cite(["smith2011"]),
    "Pearson correlation, shrunk": "the Pearson correlation of a shrunk covariance",
    "tangent": "the projection of the covariance to the tangent space at the mean of all runs"
    + cite(["varoquaux2010"]),
}


def methods(
    processing: Processing,
    strategy: str = "",
    atlases: Sequence[str] = (),
    spaces: Sequence[str] = (),
    measures: Sequence[str] = ("Pearson correlation",),
    versions: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """State exactly what was done, and cite it.

    Parameters
    ----------
    processing : mapping
        `Processing` of a side-car: every setting, with the columns that were regressed.
    strategy : str
        Name of the confound strategy.
    atlases, spaces : sequence of str
        Of the results.
    measures : sequence of str
        `RelationshipMeasure` of the connectomes.
    versions : mapping, optional
        `SoftwareVersions` of a side-car.

    Returns
    -------
    A paragraph in Markdown with citations as Pandoc reads them, and the BibTeX entries it cites.

    >>> text, bibtex = methods({"order": "xcpd", "fd_threshold": 0.3}, "36P", ["Demo"])
    >>> "more than 0.3 mm" in text, "@article{power2012," in bibtex
    (True, True)
    """
    parts: list[Callable[[Processing], str]] = [
        lambda p: _software(p, spaces, versions or {}),
        _start,
        _censoring,
        _components,
        _order,
        lambda p: _confounds(p, strategy),
        lambda p: _parcels(p, atlases),
        lambda p: _connectomes(p, measures),
        _learned,
    ]
    text = " ".join(filter(None, (part(processing) for part in parts)))
    return text, "\n".join(one.bibtex for one in cited(text))


def _software(processing: Processing, spaces: Sequence[str], versions: Mapping[str, str]) -> str:
    version = f" {versions['pydra-diffconn']}" if "pydra-diffconn" in versions else ""
    others = ", ".join(
        f"{name} {number}".strip() + cite([key])
        for name, key in (("Pydra", "jarecka2020"), ("JAX", "jax2018"), ("nilearn", "nilearn"))
        for number in [versions.get(name.lower(), "")]
    )
    where = f" in the space {_listed(spaces)}" if spaces else ""
    return (
        f"Runs preprocessed by fMRIPrep{cite(['esteban2019'])}{where} were denoised and parcellated by "
        f"pydra-diffconn{version}{cite(['ciric2022'])}, which builds on {others}."
    )


def _start(processing: Processing) -> str:
    dummy = processing.get("dummy_scans", 0)
    if processing.get("dummy_scans_asked") == "auto":
        return "The frames at the start of each run that fMRIPrep called non-steady were left out."
    return f"The first {_count(dummy, 'frame')} of each run {_were(dummy)} left out." if dummy else ""


def _censoring(processing: Processing) -> str:
    threshold, dvars = processing.get("fd_threshold"), processing.get("dvars_threshold")
    if threshold is None and dvars is None:
        return "No frame was censored."
    reasons = []
    if threshold is not None:
        reasons.append(f"a framewise displacement of more than {threshold:.4g} mm, {_displacement(processing)}")
    if dvars is not None:
        reasons.append(f"a standardised DVARS of more than {dvars:.4g}")
    joined = " and " if processing.get("exceeds") == "all" else " or "
    text = f"Frames with {joined.join(reasons)}, were censored{cite(['power2012', 'power2014'])}"
    if processing.get("fd_softness"):
        text += f", by a weight that falls smoothly around the threshold (softness {processing['fd_softness']:.3g} mm)"
    around = [
        f"{_count(processing[name], 'frame')} {name} each"
        for name in ("before", "after")
        if processing.get(name)
    ]  # fmt: skip
    if around:
        text += f", with {' and '.join(around)}"
    if processing.get("min_segment", 1) > 1:
        text += f"; stretches of fewer than {processing['min_segment']} kept frames were censored, too"
    if processing.get("fd_threshold_final"):
        text += f"; connectomes are of the frames that moved at most {processing['fd_threshold_final']:.4g} mm"
    least = processing.get("min_time")
    left_out = f" Runs of which less than {least:.4g} s were left took no part." if least else ""
    return f"{text}.{left_out}"


def _displacement(processing: Processing) -> str:
    if processing.get("fd_convention", "power") == "jenkinson":
        how = "by the formula of Jenkinson" + cite(["jenkinson2002"])
    else:
        radius = processing.get("head_radius", 50.0)
        size = "the radius of a ball as large as the brain" if radius == "auto" else f"a head radius of {radius:g} mm"
        how = f"by the formula of Power with {size}" + cite(["power2012"])
    kind = processing.get("motion_filter")
    if kind is None:
        return how
    low, high = processing.get("band_stop_min"), processing.get("band_stop_max")
    band = f"between {low:g} and {high:g}" if kind == "notch" and high else f"above {low:g}"
    return f"{how} from realignment parameters without the frequencies {band} per minute{cite(['fair2020'])}"


def _components(processing: Processing) -> str:
    if not processing.get("components"):
        return ""
    source = ["dupre2021"] if processing.get("ica") == "tedana" else ["pruim2015"]
    kind = f"Components of an independent component analysis that were labelled as noise{cite(source)} were"
    if processing["components"] == "aggressive":
        return f"{kind} among the confounds, by their courses."
    return f"{kind} removed first, by their own part of a regression on all components."


def _order(processing: Processing) -> str:
    order, band = processing.get("order", "xcpd"), _band(processing)
    smoothed = processing.get("smoothing") or 0
    first = f"Images were smoothed by {smoothed:g} mm (full width at half maximum). " if smoothed else ""
    if order == "simultaneous":
        taken = f", frequencies outside {band}" if band else ""
        return (
            f"{first}A linear trend{taken} and the confounds were removed in one projection, estimated on the kept "
            f"frames, so that no step brings back what another removed{cite(['lindquist2019', 'hallquist2013'])}."
        )
    source = cite(["mehta2024"]) if order == "xcpd" else cite(["nilearn"])
    name = "XCP-D" if order == "xcpd" else "nilearn"
    text = (
        f"{first}In the order of operations of {name}{source}, censored frames of series and confounds were bridged by "
        f"cubic splines, {AT_ENDS[processing.get('ends') or ENDS[order]]}; then linear trends were removed"
    )
    if band:
        how = FILTERS[order].format(order=processing.get("filter_order", 2))
        text += f", then both were filtered to {band} ({how}), so that the regression brings back no frequency"
        text += cite(["hallquist2013", "lindquist2019"])
    return f"{text}. Bridged frames had no weight in any later estimate."


def _band(processing: Processing) -> str:
    low, high = processing.get("high_pass"), processing.get("low_pass")
    if low and high:
        return f"{low:.4g}–{high:.4g} Hz"  # noqa: RUF001
    return f"above {low:.4g} Hz" if low else f"below {high:.4g} Hz" if high else ""


def _confounds(processing: Processing, strategy: str) -> str:
    columns = list(processing.get("columns") or [])
    sources = [*(processing.get("citations") or []), "ciric2018", "parkes2018"]
    if not columns:
        return "No confounds were regressed out." if not processing.get("components") else ""
    penalty = processing.get("penalty") or 0
    ridge = f", with a ridge penalty of {penalty:.3g}" if penalty else ""
    named = f"The strategy {strategy}" if strategy else "The confound strategy"
    row = "0" if processing.get("first_row") == "zero" else "the second value"
    return (
        f"{named}{cite(sources)} regressed out {_count(len(columns), 'confound')} ({families(columns)}), with "
        f"coefficients estimated on the kept frames{ridge}; where a derivative has no first value, {row} stood for it."
    )


def families(columns: Sequence[str]) -> str:
    """Return names of confounds, those of one kind together.

    >>> families(["trans_x", "trans_y", "trans_x_derivative1", "csf", "a_comp_cor_00", "a_comp_cor_01", "cosine00"])
    'trans (2), trans_derivative1, csf, a_comp_cor (2), cosine'
    """
    found: dict[str, int] = {}
    for column in columns:
        kind = re.sub(r"^(trans|rot)_[xyz]", r"\1", column)
        kind = re.sub(r"_?\d\d+$", "", kind)
        found[kind] = found.get(kind, 0) + 1
    return ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in found.items())


def _parcels(processing: Processing, atlases: Sequence[str]) -> str:
    least = processing.get("min_coverage", 0.5)
    which = f" of the {'atlas' if len(atlases) == 1 else 'atlases'} {_listed(atlases)}" if atlases else ""
    return (
        f"Series were averaged over each parcel{which}; parcels with data in less than {least:.0%} of their places "
        "were treated as missing."
    )


def _connectomes(processing: Processing, measures: Sequence[str]) -> str:
    told = []
    for measure in measures:
        text = MEASURES.get(measure, measure)
        if measure not in ("Pearson correlation", "tangent") and measure in MEASURES:
            amount = processing.get("shrinkage")
            how = "shrunk as by Ledoit and Wolf" if amount is None else f"with a shrinkage of {amount:.3g}"
            text += f" ({how}{cite(['ledoit2004']) if amount is None else ''})"
        told.append(text)
    return f"The connectomes are {_listed(told)} of the parcels' kept frames." if told else ""


def _learned(processing: Processing) -> str:
    learned = processing.get("learned") or {}
    if not learned:
        return ""
    values = []
    for name, one in learned.items():
        told = f"{one['start']:.4g} at the start, {one['value']:.4g} {one.get('unit') or ''}".strip()
        values.append(f"{name.rpartition('.')[2]} ({told})")
    return (
        f"These settings were learned by gradient descent through the whole workflow{cite(['ciric2022'])}: "
        f"{_listed(values)}."
    )


def _listed(words: Sequence[str]) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
