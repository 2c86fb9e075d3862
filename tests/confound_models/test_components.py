"""Components of an ICA and which are noise, from the files that ICA-AROMA, fMRIPost-AROMA and tedana leave."""

import numpy as np
import pandas as pd
import pytest
from pydra.compose import workflow

from pydra_diffconn.blocks import NonAggressiveRegression
from pydra_diffconn.confound_models import NoiseComponents, noise_components

RNG = np.random.default_rng(0)
MIXING = RNG.standard_normal((40, 5))
SERIES = RNG.standard_normal((40, 3)) + MIXING[:, [1, 4]] @ RNG.standard_normal((2, 3))


def plain(folder, name="sub-01_desc-MELODIC_mixing.tsv"):
    np.savetxt(folder / name, MIXING, delimiter="\t", fmt="%.17g")
    return folder / name


def named(folder, name="sub-01_desc-ICA_mixing.tsv"):
    pd.DataFrame(MIXING, columns=[f"ICA_{n}" for n in range(5)]).to_csv(folder / name, sep="\t", index=False)
    return folder / name


def metrics(folder, name, **columns):
    kinds = ["accepted", "rejected", "accepted", "ignored", "rejected"]
    pd.DataFrame({**columns, "classification": kinds}).to_csv(folder / name, sep="\t", index=False)
    return folder / name


def text(folder, name, content):
    (folder / name).write_text(content)
    return folder / name


MADE = {
    "fMRIPrep to 23": lambda f: (plain(f), text(f, "sub-01_AROMAnoiseICs.csv", "2,5\n")),
    "ICA-AROMA": lambda f: (plain(f, "melodic_mix"), text(f, "classified_motion_ICs.txt", "2\n5\n")),
    "fMRIPost-AROMA": lambda f: (
        plain(f, "sub-01_desc-melodic_mixing.tsv"),
        metrics(f, "sub-01_desc-aroma_metrics.tsv", HFC=0.4),
    ),
    "tedana": lambda f: (
        named(f),
        metrics(f, "sub-01_desc-tedana_metrics.tsv", Component=[f"ICA_{n:02d}" for n in range(5)], kappa=1.0),
    ),
    "tedana, in another order": lambda f: (
        named(f),
        text(
            f,
            "sub-01_desc-ICA_status_table.tsv",
            "Component\tclassification\nICA_04\trejected\nICA_01\trejected\nICA_00\taccepted\nICA_02\taccepted\n"
            "ICA_03\taccepted\n",
        ),
    ),
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_courses_and_noise_are_read_whoever_wrote_them(tmp_path, made):
    found = noise_components(*made(tmp_path))
    np.testing.assert_allclose(found.courses, MIXING, rtol=1e-15)
    np.testing.assert_array_equal(found.noise, [0, 1, 0, 0, 1])
    assert len(set(found.names)) == 5


def test_no_component_may_be_noise(tmp_path):
    assert not noise_components(plain(tmp_path), text(tmp_path, "AROMAnoiseICs.csv", "")).noise.any()


@workflow.define(outputs=["cleaned"])
def Cleaned(bold, mixing, status):
    read = workflow.add(NoiseComponents(mixing=mixing, status=status))
    step = NonAggressiveRegression(timeseries=bold, components=read.components, noise=read.noise)
    return workflow.add(step).timeseries


def test_they_go_into_a_regression_that_is_not_aggressive(tmp_path, x64):
    mixing, status = MADE["tedana"](tmp_path)
    found = Cleaned(bold=SERIES, mixing=mixing, status=status)(worker="debug", cache_root=tmp_path / "work").cleaned
    design = MIXING - MIXING.mean(axis=0)
    weights = np.linalg.lstsq(design, SERIES - SERIES.mean(axis=0), rcond=None)[0]
    expected = SERIES - design[:, [1, 4]] @ weights[[1, 4]]
    np.testing.assert_allclose(found - found.mean(axis=0), expected - expected.mean(axis=0), atol=1e-10)


BAD = {
    "too many": (lambda f: text(f, "AROMAnoiseICs.csv", "2,6"), "names component 6, .* has 5"),
    "no numbers": (lambda f: text(f, "AROMAnoiseICs.csv", "2;5"), "is no table of numbers"),
    "no classification": (lambda f: text(f, "m.tsv", "Component\tkappa\nICA_0\t1\n"), "no columns Component and"),
    "another run": (
        lambda f: metrics(f, "m.tsv", Component=[f"ICA_{n}" for n in range(5, 10)]),
        "does not say what ICA_0 of",
    ),
    "other rows": (lambda f: text(f, "m.tsv", "classification\naccepted\n"), "1 rows for the 5 components"),
    "another word": (lambda f: text(f, "m.tsv", "classification\n" + "bad\n" * 5), "'bad' is none of rejected"),
}


@pytest.mark.parametrize(("status", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_told(tmp_path, status, said):
    with pytest.raises(ValueError, match=said):
        noise_components(named(tmp_path), status(tmp_path))


def test_a_mixing_matrix_that_is_none_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"mixing.tsv is no table of numbers"):
        noise_components(text(tmp_path, "mixing.tsv", "a\tb\n1\tx\n"), text(tmp_path, "n.csv", "1"))
