"""`diffconn fit`: a configuration that is checked, a comparison, and parameters that `run` applies."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from pydra_diffconn.bids.fit_config import read_config
from pydra_diffconn.bids.learned import learned_settings
from pydra_diffconn.bids.learning import loss_and_scores
from pydra_diffconn.bids.settings import Settings
from pydra_diffconn.cli.fit import EXAMPLE
from pydra_diffconn.demo.folder import write_folder
from pydra_diffconn.losses import HeldOutPrediction
from pydra_diffconn.losses.quality_control import retained
from pydra_diffconn.losses.states import edges as edges_of

CONFIG = """
loss = "{loss}"
{more}
strategy = "6P"
connectome = "partial"
folds = {folds}
steps = 4
validation = 0.0
[settings]
min_time = 60
[learn]
low_pass = [0.06, 0.2]
shrinkage = [0.05, 0.9]
[classical]
connectome = ["pearson", "partial"]
low_pass = [0.08, 0.15]
"""


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("five") / "fmriprep", people=5, frames=100)


def diffconn(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pydra_diffconn.cli", *map(str, arguments)], capture_output=True, text=True, timeout=400
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "more"), [("identifiability", ""), ("prediction", 'target = "age"'), ("qcfc", "retention = 0.5")]
)
def test_each_loss_goes_from_folder_to_applied_parameters(five, tmp_path, loss, more):
    (tmp_path / "fit.toml").write_text(CONFIG.format(loss=loss, more=more, folds=5))
    told = diffconn("fit", five, tmp_path / "out", "--config", tmp_path / "fit.toml", "--worker", "debug")
    assert told.returncode == 0, told.stderr
    assert "with the best of 4 classical pipelines" in told.stdout or "with the best of 3 classical" in told.stdout
    found = json.loads((tmp_path / "out" / "fit" / "comparison.json").read_text())
    assert (
        "low_pass         start 0.08 -> learned 0." in told.stdout
        and "(classical pipelines: 0.08, 0.15)" in told.stdout
    )
    assert found["Sentence"] in " ".join(told.stdout.split("\n")) and found["Groups"] == 5
    settings, recorded = learned_settings(tmp_path / "out" / "fit")
    assert set(settings) == {"low_pass", "shrinkage"} and 0.06 < settings["low_pass"] < 0.2
    if loss != "identifiability":
        return
    applied = diffconn(
        "run", five, tmp_path / "applied", "participant", "-p", "6P", "--min-time", "60", "--connectomes", "partial",
        "--parameters", tmp_path / "out" / "fit", "--participant-label", "01", "--worker", "debug",
    )  # fmt: skip
    assert applied.returncode == 0, applied.stderr
    (path, _) = sorted((tmp_path / "applied" / "sub-01").rglob("*partialcorrelation_relmat.json"))
    processing = json.loads(path.read_text())["Processing"]
    assert processing["low_pass"] == settings["low_pass"] and processing["learned"] == recorded["learned"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss = 'fingerprint'\n[learn]\nlow_pass = [0.1, 0.2]", "expected one of identifiability, prediction, qcfc"),
        ("lose = 'qcfc'", "there is no key 'lose' .*loss"),
        ("loss = 'prediction'\n[learn]\nlow_pass = [0.1, 0.2]", "needs target = 'COLUMN'"),
        ("[learn]\nlowpass = [0.1, 0.2]", "lowpass cannot be learned here .*low_pass"),
        ("[learn]\nlow_pass = [0.2, 0.1]", r"expected \[low, high\]"),
        ("loss = 'qcfc'", "nothing to learn"),
        ("[learn]\nshrinkage = [0.1, 0.2]", "shrinkage is none of a Pearson connectome"),
        ("[learn]\nlow_pass = [0.1, 0.2]\n[classical]\nfd = [1]", r"\[classical\] fd; expected"),
        ("[learn]\nlow_pass = [0.1, 0.2]\n[classical]\nconnectome = 'tangent'", "connectome = 'tangent'"),
    ],
)
def test_a_configuration_that_cannot_be_is_one_error(tmp_path, text, said):
    (tmp_path / "fit.toml").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_config(tmp_path / "fit.toml")


def test_the_example_is_a_configuration(tmp_path):
    (tmp_path / "fit.toml").write_text(EXAMPLE)
    config = read_config(tmp_path / "fit.toml")
    assert len(config.grid()) == 3 * 2 * 3 * 2 and set(config.learnables({})) == {"low_pass", "shrinkage"}


@pytest.mark.parametrize(
    ("asked", "own", "start"),
    [
        ("[0.06, 0.2]", 0.08, 0.08),
        ("[0.09, 0.16]", 0.08, 0.12),
        ("[0.09, 0.16]", None, 0.12),
        ("{start = 0.1, within = [0.06, 0.2]}", 0.08, 0.1),
    ],
)
def test_learning_starts_where_the_setting_stands(tmp_path, asked, own, start):
    (tmp_path / "fit.toml").write_text(f"[learn]\nlow_pass = {asked}")
    config = read_config(tmp_path / "fit.toml")
    assert float(config.learnables({"low_pass": own})["low_pass"]) == pytest.approx(start)
    assert config.connectome == Settings().connectomes[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "folds", "people", "said"),
    [
        ("identifiability", 9, 5, "folds = 9, and there are 5 groups (participant_id) to learn from; expected 2 to 5"),
        ("identifiability", 2, 4, "learns from says nothing by the loss: 2 people there"),
        ("identifiability", 3, 3, "needs at least 4 people, each beside 3 others"),
    ],
)
def test_what_says_nothing_is_one_error(five, tmp_path, loss, folds, people, said):
    more = f"participant_label = {[f'{number:02d}' for number in range(1, people + 1)]}"
    (tmp_path / "fit.toml").write_text(CONFIG.format(loss=loss, more=more, folds=folds))
    told = diffconn("fit", five, tmp_path / "out", "--config", tmp_path / "fit.toml", "--worker", "debug")
    assert told.returncode == 2 and said in " ".join(told.stderr.split()), told.stderr


def test_a_person_is_predicted_from_the_others_alone(rng):
    connectomes, person = rng.standard_normal((8, 5, 5)), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    age = np.array([20.0, 20, 40, 40, 55, 55, 70, 70])
    with jax.enable_x64(True):
        given = {"person": person, "target": age}
        found = float(HeldOutPrediction("connectome", folds=None)({"connectome": jnp.asarray(connectomes)}, given))
    features, errors = edges_of(connectomes), []
    for one in range(8):
        train = person != person[one]
        unit = np.sqrt(features[train].var(axis=0).mean())
        centre, mean = features[train].mean(axis=0), age[train].mean()
        ridge = KernelRidge(alpha=1.0 * features.shape[1] / 100, kernel="linear")
        ridge.fit((features[train] - centre) / unit, age[train] - mean)
        errors.append(ridge.predict((features[one : one + 1] - centre) / unit)[0] + mean - age[one])
    assert found == pytest.approx(np.mean(np.square(errors)) / age.var(), rel=1e-8)


def test_what_is_retained_is_compared_with_those_who_lay_still(rng):
    connectomes, quality = rng.standard_normal((6, 5, 5)), np.array([0.1, 0.5, 0.2, 0.9, 0.3, 0.8])
    found = np.asarray(retained(jnp.asarray(connectomes), quality))
    edges, still = edges_of(connectomes), quality <= np.median(quality)
    for run in range(6):
        others = still & (np.arange(6) != run)
        assert found[run] == pytest.approx(np.corrcoef(edges[run], edges[others].mean(axis=0))[0, 1], abs=1e-5)


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match="expected one of identifiability"):
        loss_and_scores("accuracy")
