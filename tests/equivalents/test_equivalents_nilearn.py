"""Steps that use nilearn are swapped for blocks; nilearn's own numbers are the oracle."""

import nibabel as nib
import nilearn.image
import nilearn.signal
import numpy as np
import pandas as pd
import pytest
import real_data
from fileformats.generic import File
from nilearn.connectome import ConnectivityMeasure
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker
from pydra.compose import python, workflow
from sklearn.base import clone
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance

from pydra_diffconn import Learn, fit, fuse, proposals, swap

TR, FRAMES = 2.0, 110
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:.*confound.*:UserWarning", "ignore:.*masker")


@python.define(outputs=["cleaned"])
def Clean(
    signals: np.ndarray, confounds: np.ndarray | None = None, low: float | None = None, high: float | None = None
):
    """Clean by nilearn's defaults."""
    from nilearn.signal import clean

    return clean(signals, confounds=confounds, t_r=2.0, low_pass=high, high_pass=low)


@python.define(outputs=["cleaned"])
def CleanRaw(signals: np.ndarray, confounds: np.ndarray):
    return nilearn.signal.clean(
        signals, confounds=confounds, detrend=False, standardize=False, standardize_confounds=False
    )


@python.define(outputs=["cleaned"])
def CleanPadded(signals: np.ndarray, confounds: np.ndarray):
    return nilearn.signal.clean(
        signals,
        confounds=confounds,
        standardize=None,
        high_pass=0.01,
        t_r=TR,
        butterworth__order=2,
        butterworth__padtype="constant",
        butterworth__padlen=80,
    )


@python.define(outputs=["cleaned"])
def CleanUnpadded(signals: np.ndarray, confounds: np.ndarray):
    return nilearn.signal.clean(
        signals, confounds=confounds, standardize=None, high_pass=0.01, t_r=TR, butterworth__padtype=None
    )


@python.define(outputs=["cleaned"])
def CleanToPercent(signals: np.ndarray, confounds: np.ndarray):
    cleaned = nilearn.signal.clean(signals, confounds=np.asarray(confounds), standardize="psc", low_pass=0.12, t_r=TR)
    return cleaned


@python.define(outputs=["cleaned"])
def CleanByCosines(signals: np.ndarray, confounds: np.ndarray):
    return nilearn.signal.clean(
        signals, confounds=confounds, filter="cosine", high_pass=0.01, t_r=2, standardize="zscore_sample"
    )


@python.define(outputs=["out_file"])
def CleanImage(img: File, table: File, mask: File | None = None) -> File:
    image = nib.load(str(img))
    confounds = pd.read_csv(table, sep="\t").to_numpy()
    cleaned = nilearn.image.clean_img(
        image, confounds=confounds, mask_img=mask, high_pass=0.01, low_pass=0.1, t_r=2.0, standardize="zscore_sample"
    )
    cleaned.to_filename("cleaned.nii.gz")
    return File("cleaned.nii.gz")


@python.define(outputs=["series"])
def Extract(image: File, masker: object, confounds: object = None) -> np.ndarray:
    return clone(masker).fit_transform(str(image), confounds=confounds)  # Pydra forbids to change what was given


@python.define(outputs=["series"])
def ExtractHere(image: File, atlas: File) -> np.ndarray:
    from nilearn.maskers import NiftiLabelsMasker

    masker = NiftiLabelsMasker(labels_img=str(atlas), standardize="zscore_sample", detrend=True).fit()
    series = masker.transform(str(image))
    return series


@python.define(outputs=["matrix"])
def Measure(series: np.ndarray, measure: object) -> np.ndarray:
    return measure.fit_transform([series])[0]


@python.define(outputs=["matrix"])
def Correlations(series: np.ndarray) -> np.ndarray:
    """The form of nilearn's own examples."""
    measure = ConnectivityMeasure(cov_estimator=EmpiricalCovariance(), kind="correlation")
    return measure.fit_transform([series])[0]


@python.define(outputs=["cleaned"])
def MoreThanOneCall(signals: np.ndarray):
    signals = signals[4:]
    return nilearn.signal.clean(signals)


@python.define(outputs=["cleaned"])
def Changed(signals: np.ndarray):
    return nilearn.signal.clean(signals) * 2


@workflow.define(outputs=["out"])
def One(task: object):
    """A workflow of one step."""
    node = workflow.add(task, name="step")
    return getattr(node, next(name for name in ("cleaned", "out_file", "series", "matrix") if hasattr(node, name)))


@workflow.define(outputs=["matrix"])
def Pipeline(image: File, masker: object, confounds: np.ndarray):
    """The pipeline of nilearn's examples, as Pydra's tutorials write workflows."""
    series = workflow.add(Extract(image=image, masker=masker, confounds=confounds), name="extract").series
    clean = workflow.add(Clean(signals=series, low=0.01, high=0.1), name="clean").cleaned
    return workflow.add(Correlations(series=clean), name="connect").matrix


@workflow.define(outputs=["matrices"])
def SplitAndCombined(bolds: list):
    """The form of Pydra's tutorial on splitting, with one node per run."""
    clean = workflow.add(Clean(low=0.01, high=0.1).split(signals=bolds))
    connect = workflow.add(Correlations(series=clean.cleaned).combine("Clean.signals"))
    return connect.matrix


@workflow.define
class Canonical(workflow.Task["Canonical.Outputs"]):
    """The form of Pydra's tutorial on classes, with a step that nothing is known of."""

    bold: np.ndarray = workflow.arg(help="time series")
    low: float = workflow.arg(default=0.01, help="cut-off in Hz")

    @staticmethod
    def constructor(bold, low):
        shifted = workflow.add(Shift(series=bold))
        clean = workflow.add(Clean(signals=shifted.out, low=low, high=0.1))
        return workflow.add(Correlations(series=clean.cleaned)).matrix

    class Outputs(workflow.Outputs):
        matrix: np.ndarray


@python.define
def Shift(series: np.ndarray):
    return series + 1


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A run of 110 frames, its atlas of regions, soft maps on the same grid, and a mask."""
    data, labels, affine = real_data.image(FRAMES)
    maps = np.random.default_rng(0).uniform(size=(*labels.shape, 3)) * (labels > 0)[..., None]
    made = {"bold": data, "atlas": labels, "maps": maps, "mask": (labels > 1).astype(np.int16)}
    return saved(made, affine, tmp_path_factory.mktemp("nilearn"))


def saved(made, affine, folder):
    for name, values in made.items():
        nib.save(nib.Nifti1Image(values, affine), folder / f"{name}.nii.gz")
    return {name: folder / f"{name}.nii.gz" for name in made}


@pytest.fixture
def confounds(real_confounds):
    return real_confounds[1 : FRAMES + 1, :8]


@pytest.fixture
def series(real_series):
    varies = real_series.std(axis=0) > 0
    return real_series[:FRAMES, varies][:, :25] + 1000


def run(task, tmp_path):
    return swap(One)(task=task)(worker="debug", cache_root=tmp_path).out


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        (Clean, {"t_r": TR}),
        (Clean, {"t_r": TR, "low_pass": 0.1, "high_pass": 0.01}),
        (Clean, {"t_r": TR, "high_pass": 0.01}),
        (CleanRaw, {"detrend": False, "standardize": None, "standardize_confounds": False}),
        (
            CleanPadded,
            {
                "standardize": None,
                "high_pass": 0.01,
                "t_r": TR,
                "butterworth__order": 2,
                "butterworth__padtype": "constant",
                "butterworth__padlen": 80,
            },
        ),
        (CleanUnpadded, {"standardize": None, "high_pass": 0.01, "t_r": TR, "butterworth__padtype": None}),
        (CleanToPercent, {"standardize": "psc", "low_pass": 0.12, "t_r": TR}),
        (CleanByCosines, {"filter": "cosine", "high_pass": 0.01, "t_r": TR}),
    ],
)
def test_clean(x64, series, confounds, tmp_path, task, settings):
    given = {"low": settings.get("high_pass"), "high": settings.get("low_pass")} if task is Clean else {}
    expected = nilearn.signal.clean(series, confounds=confounds, **settings)
    found = run(task(signals=series, confounds=confounds, **given), tmp_path)
    np.testing.assert_allclose(found, expected, atol=1e-10 * max(1, np.abs(expected).max()))


@python.define(outputs=["cleaned"])
def CleanKept(signals: np.ndarray, confounds: np.ndarray, kept: np.ndarray):
    return nilearn.signal.clean(
        signals,
        confounds=confounds,
        sample_mask=kept,
        t_r=TR,
        low_pass=0.1,
        high_pass=0.01,
        standardize="zscore_sample",
    )


@python.define(outputs=["cleaned"])
def CleanKeptGoingOn(signals: np.ndarray, confounds: np.ndarray, kept: np.ndarray):
    return nilearn.signal.clean(
        signals, confounds=confounds, sample_mask=kept, extrapolate=True, t_r=TR, low_pass=0.1, standardize="psc"
    )


@python.define(outputs=["cleaned"])
def CleanKeptUnfiltered(signals: np.ndarray, confounds: np.ndarray, kept: np.ndarray):
    return nilearn.signal.clean(signals, confounds=confounds, sample_mask=kept, standardize="zscore_sample")


@python.define(outputs=["cleaned"])
def CleanKeptByCosines(signals: np.ndarray, kept: np.ndarray):
    return nilearn.signal.clean(signals, sample_mask=kept, filter="cosine", high_pass=0.01, t_r=TR)


@workflow.define(outputs=["cleaned"])
def Masked(signals, confounds, kept, task: object):
    from attrs import evolve

    return workflow.add(evolve(task, signals=signals, confounds=confounds, kept=kept), name="clean").cleaned


KEPT = np.delete(np.arange(FRAMES), [0, 1, 2, 20, 21, 50])  # no two are mirror images: nilearn would leave them


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        (CleanKept, {"t_r": TR, "low_pass": 0.1, "high_pass": 0.01, "standardize": "zscore_sample"}),
        (CleanKeptGoingOn, {"t_r": TR, "low_pass": 0.1, "extrapolate": True, "standardize": "psc"}),
        (CleanKeptUnfiltered, {"standardize": "zscore_sample"}),
    ],
)
def test_a_sample_mask(x64, series, confounds, tmp_path, task, settings):
    given = {"signals": series, "confounds": confounds, "kept": KEPT}
    expected = nilearn.signal.clean(series.copy(), confounds=confounds, sample_mask=KEPT.copy(), **settings)
    found = swap(Masked)(task=task(), **given)
    made = found(worker="debug", cache_root=tmp_path).cleaned
    np.testing.assert_allclose(made, expected, atol=1e-10 * max(1, np.abs(expected).max()))
    np.testing.assert_allclose(next(iter(fuse(found)({}).values())), expected, atol=1e-9)


@pytest.mark.parametrize("masked", [False, True])
def test_clean_img(x64, files, confounds, tmp_path, masked):
    image, mask = nib.load(files["bold"]), np.asarray(nib.load(files["mask"]).dataobj)
    start = np.maximum(np.argwhere(mask)[0] - 3, 0)  # a corner of the mask: nilearn goes voxel by voxel
    part = tuple(slice(first, first + 6) for first in start)
    mask = mask[part]
    assert 0 < mask.mean() < 1
    files = saved({"bold": image.get_fdata()[part], "mask": mask}, image.affine, tmp_path)
    table = tmp_path / "confounds.tsv"
    pd.DataFrame(confounds).to_csv(table, sep="\t", index=False, float_format="%.17g")
    mask = files["mask"] if masked else None
    settings = {"high_pass": 0.01, "low_pass": 0.1, "t_r": TR, "standardize": "zscore_sample"}
    expected = nilearn.image.clean_img(str(files["bold"]), confounds=confounds, mask_img=mask, **settings)
    found = run(CleanImage(img=File(files["bold"]), table=File(table), mask=mask and File(mask)), tmp_path / "work")
    np.testing.assert_allclose(np.asarray(nib.load(found).dataobj), expected.get_fdata(), atol=1e-8)


SETTINGS = [
    {},
    {"standardize": "zscore_sample", "detrend": True},
    {"standardize": "zscore_sample", "low_pass": 0.1, "high_pass": 0.01, "t_r": TR, "detrend": True},
    {"standardize": "psc", "high_pass": 0.008, "t_r": TR},
]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("labels", SETTINGS[0]),
        ("labels", SETTINGS[2]),
        ("labels", SETTINGS[3]),
        ("labels", {**SETTINGS[0], "strategy": "median"}),
        ("labels", {**SETTINGS[1], "strategy": "standard_deviation"}),
        ("maps", SETTINGS[0]),
        ("maps", SETTINGS[2]),
    ],
)
def test_maskers_that_a_task_was_given(x64, files, confounds, tmp_path, kind, settings):
    mask = {"mask_img": str(files["mask"])} if settings.get("detrend") else {}
    masker = (
        NiftiLabelsMasker(str(files["atlas"]), **mask, **settings)
        if kind == "labels"
        else NiftiMapsMasker(str(files["maps"]), **mask, **settings)
    )
    expected = masker.fit_transform(str(files["bold"]), confounds=confounds)
    found = run(Extract(image=File(files["bold"]), masker=masker, confounds=confounds), tmp_path)
    assert isinstance(found, np.ndarray)  # where the function returns an array, so does what stands for it
    np.testing.assert_allclose(found, expected, atol=1e-10 * max(1, np.abs(expected).max()))


def test_a_masker_that_the_function_makes(x64, files, tmp_path):
    masker = NiftiLabelsMasker(str(files["atlas"]), standardize="zscore_sample", detrend=True)
    found = run(ExtractHere(image=File(files["bold"]), atlas=File(files["atlas"])), tmp_path)
    np.testing.assert_allclose(found, masker.fit_transform(str(files["bold"])), atol=1e-10)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": "correlation"},
        {"kind": "correlation", "cov_estimator": EmpiricalCovariance(), "vectorize": True, "discard_diagonal": True},
        {"kind": "partial correlation", "vectorize": True},
        {"kind": "precision", "cov_estimator": OAS()},
        {"kind": "correlation", "cov_estimator": OAS(), "standardize": False},
        {"kind": "covariance", "cov_estimator": EmpiricalCovariance()},
    ],
)
def test_connectivity_measure(x64, series, tmp_path, settings):
    series = (series - series.mean(axis=0)) / 50
    measure = ConnectivityMeasure(**settings)
    expected = measure.fit_transform([series])[0]
    found = run(Measure(series=series, measure=measure), tmp_path)
    np.testing.assert_allclose(found, expected, atol=1e-10 * max(1, np.abs(expected).max()))


def test_forms_of_pydras_tutorials(x64, series, tmp_path):
    for name, task in {
        "split": SplitAndCombined(bolds=[series, series[::-1].copy()]),
        "class": Canonical(bold=series, low=0.02),
    }.items():
        theirs = next(iter(vars_of(task(worker="debug", cache_root=tmp_path / name))))
        swapped = swap(type(task))(**{f: getattr(task, f) for f in ("bolds", "bold", "low") if hasattr(task, f)})
        ours = next(iter(vars_of(swapped(worker="debug", cache_root=tmp_path / f"{name}_ours"))))
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-10)
    task = swap(Canonical)(low=0.02).split("bold", bold=[series])
    loss, learn = lambda outputs, _: (outputs["matrix"] ** 2).mean(), {"low": Learn()}
    result = fit(task, loss, learn=learn, steps=2, progress=False, cache_root=tmp_path)
    assert result.parameters["low"] != 0.02  # one value for the filter of the series and of the confounds


def vars_of(outputs):
    return [getattr(outputs, name) for name in ("matrices", "matrix") if hasattr(outputs, name)]


def test_a_pipeline_of_nilearn_is_swapped_and_learned(x64, files, confounds, tmp_path):
    masker = NiftiLabelsMasker(str(files["atlas"]), detrend=True)
    given = {"masker": masker, "confounds": confounds}
    found = {one.path: type(one.ours).__name__ for one in proposals(Pipeline(image=File(files["bold"]), **given))}
    assert found == {"extract": "ExtractSeries", "clean": "CleanSeries", "connect": "Connectome"}
    task = swap(Pipeline)(**given).split("image", image=[File(files["bold"])])
    theirs = Pipeline(image=File(files["bold"]), **given)(worker="debug", cache_root=tmp_path / "theirs").matrix
    ours = task(worker="debug", cache_root=tmp_path / "ours").matrix[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-10)
    program = fuse(task, cache_root=tmp_path)
    np.testing.assert_allclose(program(program.parameters, **program.inputs)["matrix"][0], theirs, atol=1e-10)
    result = fit(
        task,
        lambda outputs, _: (outputs["matrix"] ** 2).mean(),
        learn={"clean.filter.low": Learn(), "extract.regress.penalty": Learn(0.1)},
        steps=3,
        progress=False,
        cache_root=tmp_path,
    )
    assert result.improved and result.parameters["clean.filter.low"] != 0.01


@python.define(outputs=["cleaned"])
def FirstFrame(signals: np.ndarray) -> np.ndarray:
    return nilearn.signal.clean(signals)[0]


@python.define(outputs=["cleaned"])
def Rounded(signals: np.ndarray) -> np.ndarray:
    whole = np.asarray(signals, dtype=int)
    return nilearn.signal.clean(whole)


@python.define(outputs=["cleaned"])
def Unchanged(signals: np.ndarray) -> np.ndarray:
    return nilearn.signal.clean(signals, detrend=False, standardize=False)


@python.define(outputs=["cleaned"])
def PercentChange(image: File) -> File:
    cleaned = nilearn.image.clean_img(str(image), standardize="psc")
    cleaned.to_filename("cleaned.nii.gz")
    return File("cleaned.nii.gz")


@python.define(outputs=["cleaned"])
def WithTextFile(signals: np.ndarray, table: File) -> np.ndarray:
    return nilearn.signal.clean(signals, confounds=np.loadtxt(table))


@workflow.define(outputs=["cleaned"])
def OfFiles(image: File):
    return workflow.add(PercentChange(image=image), name="clean").cleaned


@workflow.define(outputs=["cleaned"])
def OfTextFile(signals, table: File):
    return workflow.add(WithTextFile(signals=signals, table=table), name="clean").cleaned


def test_percent_change_of_an_image(x64, files, tmp_path):
    def run(workflow_, name):
        cleaned = workflow_(image=File(files["bold"]))(worker="debug", cache_root=tmp_path / name).cleaned
        return nib.load(str(cleaned)).get_fdata()

    np.testing.assert_allclose(run(swap(OfFiles), "ours"), run(OfFiles, "theirs"), rtol=1e-4, atol=1e-4)


def test_confounds_in_a_file_of_plain_numbers(x64, series, confounds, tmp_path):
    np.savetxt(tmp_path / "confounds.txt", confounds)
    given = {"signals": series, "table": File(tmp_path / "confounds.txt")}
    ours, theirs = (
        workflow_(**given)(worker="debug", cache_root=tmp_path / name).cleaned
        for name, workflow_ in {"ours": swap(OfTextFile), "theirs": OfTextFile}.items()
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


REFUSED = [
    (FirstFrame, {}, "it returns the first frame alone"),
    (Rounded, {}, "changes numbers: 'np.asarray(signals, dtype=int)'"),
    (Unchanged, {}, "it changes nothing"),
    (CleanKeptByCosines, {"kept": KEPT}, "sample_mask with filter = 'cosine'"),
    (MoreThanOneCall, {}, "argument signals is not known before it runs"),
    (Changed, {}, "more than one call: 'nilearn.signal.clean(signals) * 2'"),
    (Extract, {"masker": NiftiLabelsMasker("a.nii", smoothing_fwhm=6)}, "SmoothVolume"),
    (Extract, {"masker": NiftiLabelsMasker("a.nii", strategy="mode")}, "no equivalent for strategy = 'mode'; known"),
    (Extract, {"masker": NiftiLabelsMasker("a.nii", high_variance_confounds=True)}, "CompCor"),
    (Extract, {"masker": NiftiLabelsMasker("a.nii", background_label=-1)}, "0 is the background"),
    (Measure, {"measure": ConnectivityMeasure(kind="tangent")}, "use SpdMean and TangentProject"),
    (Measure, {"measure": ConnectivityMeasure(ShrunkCovariance())}, "cov_estimator = ShrunkCovariance(shrinkage=0.1)"),
    (Measure, {"measure": ConnectivityMeasure(LedoitWolf(assume_centered=True))}, "LedoitWolf(assume_centered=True)"),
]


@pytest.mark.parametrize(("task", "options", "reason"), REFUSED)
def test_what_has_no_equivalent_is_refused_with_the_reason(task, options, reason):
    from pydra_diffconn.workflow.known_steps import equivalent_step, registered

    found, why = equivalent_step(task(**options), registered(), [])
    assert found is None
    assert reason in why
