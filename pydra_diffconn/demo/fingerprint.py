"""The main job: recognise people across two sessions from short windows, classically and with learned parameters."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn, losses
from pydra_diffconn.blocks import BandPass, Choose, Correlation, FisherZ, PartialCorrelation, ShrinkCovariance
from pydra_diffconn.demo import sample

WINDOW = 60  # frames: two minutes, where full scans would be near the ceiling
LEARN_FROM = 10  # people; the others are scored


@dataclass
class Score:
    """How well unseen people are recognised."""

    gap: float
    """Between self and others, in standard deviations of the others."""
    accuracy: float


@dataclass
class Outcome:
    """What a demonstration gave, and where it lies."""

    folder: Path
    result: Any
    classical: Score
    learned: Score

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


@workflow.define(outputs=["connectome"])
def Fingerprint(without_gsr, with_gsr, tr: float):
    """A connectome from two denoisings of one run, every step a block.

    As marked it starts at the field's habit: no global signal regression, 0.01 to 0.1 Hz, and a shrinkage so strong
    that the partial correlation is the Pearson correlation in all but scale.
    """
    series = workflow.add(
        Choose(option_1=without_gsr, option_2=with_gsr, weights=Learn([1.0, 0.0])), name="GlobalSignal"
    )
    band = workflow.add(BandPass(timeseries=series.chosen, tr=tr, low=Learn(0.01), high=Learn(0.1)))
    correlation = workflow.add(Correlation(timeseries=band.timeseries))
    shrunk = workflow.add(ShrinkCovariance(covariance=correlation.connectome, shrinkage=Learn(0.999)))
    partial = workflow.add(PartialCorrelation(covariance=shrunk.covariance))
    return workflow.add(FisherZ(connectome=partial.connectome)).connectome


def run(output: Path, steps: int = 30, worker: str = "cf", progress: bool = True, work: Path | None = None) -> Outcome:
    """Run the demonstration: classical, learned on some people, written back, classical again, scored on the others.

    Parameters
    ----------
    output : Path
        Folder for connectomes (BIDS derivatives), `fit/` and `report.html`.
    steps : int
        Gradient steps.
    worker : str
        Pydra worker of the classical runs.
    work : Path, optional
        Pydra's cache, several hundred MB; by default a temporary folder, removed at the end.
    """
    if work is None:
        with tempfile.TemporaryDirectory(prefix="diffconn-") as temporary:
            return run(output, steps, worker, progress, Path(temporary))
    from pydra_diffconn import fit
    from pydra_diffconn.losses import Identifiability

    windows = sample.windows(WINDOW)
    people = sample.people()
    learned_from = set(people[:LEARN_FROM])
    training = [w for w in windows if w.person in learned_from]
    say = print if progress else lambda *_: None
    say(f"Data: {sample.SOURCE}")
    say(f"{len(people)} people, 2 sessions, {len(windows)} windows of {WINDOW * sample.TR:.0f} s")

    say("1/4 classical connectomes, through Pydra")
    classical = _connectomes(Fingerprint, windows, work, worker)
    say(f"2/4 learning on {LEARN_FROM} people; {len(people) - LEARN_FROM} stay unseen")
    result = fit(
        _task(Fingerprint, training),
        Identifiability("connectome"),
        _who(training, people),
        steps=steps,
        optimizer=_optimizer(),
        progress=progress,
    )
    say("3/4 the learned values in the same workflow, through Pydra again")
    learned = _connectomes(result.workflow, windows, work, worker)
    say("4/4 connectomes, scores and report")
    unseen = np.array([w.person not in learned_from for w in windows])
    outcome = Outcome(output, result, *(_score(c, windows, people, unseen) for c in (classical, learned)))
    _write(outcome, windows, classical, learned, people, unseen)
    return outcome


def _optimizer() -> Any:
    import optax

    return optax.adam(0.2)


def _task(workflow_class: type, windows: list[sample.Window]) -> Any:
    inputs = {"without_gsr": [w.without_gsr for w in windows], "with_gsr": [w.with_gsr for w in windows]}
    return workflow_class(tr=sample.TR).split(("without_gsr", "with_gsr"), **inputs)


def _who(windows: list[sample.Window], people: list[str]) -> dict[str, np.ndarray]:
    return {
        "person": np.array([people.index(w.person) for w in windows]),
        "session": np.array([w.session for w in windows]),
    }


def _connectomes(workflow_class: type, windows: list[sample.Window], cache: Path, worker: str) -> np.ndarray:
    return np.stack(_task(workflow_class, windows)(worker=worker, cache_root=cache).connectome)


def _score(connectomes: np.ndarray, windows: list[sample.Window], people: list[str], chosen: np.ndarray) -> Score:
    who = {name: values[chosen] for name, values in _who(windows, people).items()}
    gap = float(losses.self_others_gap(connectomes[chosen], who["person"], who["session"]))
    return Score(gap, losses.identification_accuracy(connectomes[chosen], who["person"], who["session"]))


def _write(
    outcome: Outcome,
    windows: list[sample.Window],
    classical: np.ndarray,
    learned: np.ndarray,
    people: list[str],
    unseen: np.ndarray,
) -> None:
    from pydra_diffconn.bids import derivatives

    output = outcome.folder
    derivatives.write_description(
        output, "pydra-diffconn demonstration", [{"URL": "https://github.com/izachp/psychosis-FC-prediction"}]
    )
    outcome.result.save(output / "fit")
    names = [f"parcel{number + 1:03d}" for number in sample.parcels()]
    for window, before, after in zip(windows, classical, learned, strict=True):
        entities = {
            "sub": window.person.removeprefix("sub-"),
            "ses": window.session,
            "task": "rest",
            "run": window.number,
        }
        facts = {"RepetitionTime": sample.TR, "Frames": WINDOW}
        for desc, matrix in (("classical", before), ("learned", after)):
            values = {
                p.name: np.asarray(p.start if desc == "classical" else p.value).tolist() for p in outcome.result.learned
            }
            metadata = {"RelationshipMeasure": "Fisher z of shrunk partial correlation", "Parameters": values, **facts}
            derivatives.write_relmat(
                output, entities, matrix, names, metadata, atlas="419parc", desc=desc, stat="fisherz"
            )
    _write_report(outcome, windows, classical, learned, _who(windows, people), unseen)


def _write_report(
    outcome: Outcome,
    windows: list[sample.Window],
    classical: np.ndarray,
    learned: np.ndarray,
    who: dict,
    unseen: np.ndarray,
) -> None:
    from pydra_diffconn import report
    from pydra_diffconn.learning import telling
    from pydra_diffconn.losses import identifiability
    from pydra_diffconn.report import figures

    first = int(np.flatnonzero(unseen)[0])
    person, session = who["person"][unseen], who["session"][unseen]
    apart = session[:, None] != session[None, :]
    same, others = (person[:, None] == person[None, :]) & apart, (person[:, None] != person[None, :]) & apart
    alike = [np.asarray(identifiability.edge_similarity(c[unseen])) for c in (classical, learned)]
    before, after = outcome.classical, outcome.learned
    cards = [
        report.Card(f"{before.gap:.2f} → {after.gap:.2f}", "gap between self and others, s.d. (unseen people)"),
        report.Card(
            f"{before.accuracy:.0%} → {after.accuracy:.0%}", "windows recognised across sessions (unseen people)"
        ),
        report.Card(f"{len(set(person))} of {len(set(who['person']))}", "people unseen in learning"),
    ]
    rows = [
        ["classical", f"{before.gap:.3f}", f"{before.accuracy:.1%}"],
        ["learned", f"{after.gap:.3f}", f"{after.accuracy:.1%}"],
    ]
    window = windows[first]
    label = f"{window.person}, session {window.session}, window {window.number}"
    sections = [
        report.Section(
            "Held-out score",
            "People who took no part in learning; windows of one session are looked up among those of the other.",
            {"head": ["workflow", "gap self - others (s.d.)", "recognised"], "rows": rows},
            [report.Figure(figures.similarity(alike[0], alike[1], same, others), "Similarity across sessions.")],
        ),
        report.Section(
            "The data",
            sample.SOURCE,
            figures=[
                report.Figure(figures.carpet(window.without_gsr, sample.TR, label), "Parcel series, without GSR.")
            ],
        ),
        report.Section(
            "Connectome",
            "As written, a shrinkage of 0.999 makes the partial correlation the Pearson correlation at a thousandth of "
            "its size; the patterns are to be compared, not the scales.",
            figures=[report.Figure(figures.connectomes(classical[first], learned[first]), label)],
        ),
        *telling.fit_sections(outcome.result.learned, outcome.result.history, sample.TR),
    ]
    lead = "The same Pydra workflow before and after learning its marked parameters."
    notes = [] if after.gap > before.gap else ["Learning did not improve the score on unseen people."]
    report.write_page(outcome.report, "People recognised from short windows", lead, sections, cards, notes)
