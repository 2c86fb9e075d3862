"""A fit from several starts leaves a valley that one start ends in, and says what each came to."""

import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, Pipeline, Score, bootstrap, compare, cross_validate, fit
from pydra_diffconn.blocks import WeightParcels
from pydra_diffconn.learning.checkpoints import Checkpoint
from pydra_diffconn.learning.learner import Learner

DEEP, SHALLOW = 1.0, 3.0
SIZE = Score("size", of_runs=lambda outputs, targets, tested: outputs["connectome"][tested, 0, 1])


@workflow.define(outputs=["connectome"])
def Scaled(connectome, weights):
    return workflow.add(WeightParcels(connectome=connectome, weights=weights)).connectome


def two_valleys(outputs, targets):
    """Be smallest at one weight, and small at another."""
    weight = jnp.log(outputs["connectome"][0, 1])
    return -jnp.exp(-8 * (weight - np.log(DEEP)) ** 2) - 0.4 * jnp.exp(-8 * (weight - np.log(SHALLOW)) ** 2)


def scaled():
    return Scaled(connectome=np.ones((2, 2)), weights=Learn(np.full(2, 2.5)))


def learned(result):
    return float(np.prod(result.parameters["weights"]) ** 0.5)


def test_the_best_of_several_starts_is_kept(tmp_path):
    one = fit(scaled(), two_valleys, steps=60, progress=False)
    assert learned(one) == pytest.approx(SHALLOW, rel=0.05) and one.starts == []
    several = fit(scaled(), two_valleys, steps=60, starts=8, seed=1, progress=False)
    assert learned(several) == pytest.approx(DEEP, rel=0.05)
    assert several.best["training"] == min(row["training"] for row in several.starts) and len(several.starts) == 8
    assert several.starts[0]["training"] == pytest.approx(one.best["training"])
    assert "Starts" in several.report(tmp_path / "page.html").read_text()
    again = fit(scaled(), two_valleys, steps=60, starts=8, seed=1, progress=False)
    assert again.starts == several.starts


def test_the_report_draws_arrays_that_were_learned(tmp_path):
    found = fit(scaled(), two_valleys, steps=2, progress=False)
    assert "weights, (2,)." not in found.report(tmp_path / "two.html").read_text()  # the table has both
    task = Scaled(connectome=np.ones((4, 4)), weights=Learn(np.full(4, 2.5)))
    page = fit(task, two_valleys, steps=2, progress=False).report(tmp_path / "four.html").read_text()
    assert "weights, (4,)." in page and page.count("<svg") == 2


def test_where_no_start_is_better_the_workflow_stays_as_it_was():
    result = fit(scaled(), lambda outputs, _: 1e-3 + 0 * outputs["connectome"].sum(), steps=2, starts=3, progress=False)
    assert result.parameters["weights"].tolist() == [2.5, 2.5]


def test_several_starts_go_on_where_they_were_stopped(tmp_path, monkeypatch):
    given = {"steps": 60, "starts": 3, "seed": 1, "progress": False}
    whole = fit(scaled(), two_valleys, **given)
    advance, left = Learner._advance, [90]

    def killed_in_the_second(self, *arguments):
        left[0] -= 1
        if not left[0]:
            raise MemoryError("killed")
        return advance(self, *arguments)

    monkeypatch.setattr(Learner, "_advance", killed_in_the_second)
    monkeypatch.setattr(Checkpoint, "save_if_due", lambda self, state, baseline, last=False: self.save(state, baseline))
    with pytest.raises(MemoryError):
        fit(scaled(), two_valleys, checkpoint=tmp_path, **given)
    left[0] = -1
    resumed = fit(scaled(), two_valleys, checkpoint=tmp_path, **given)
    assert (
        resumed.starts == whole.starts
        and resumed.parameters["weights"].tolist() == whole.parameters["weights"].tolist()
    )
    assert left[0] == -1 - (61 * 2 - 28)  # of the second start, what was not saved; the third; nothing of the first


def test_starts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="starts is 0"):
        fit(scaled(), two_valleys, starts=0)


def split():
    matrices = [np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))]
    return Scaled(weights=Learn(np.full(2, 2.5))).split("connectome", connectome=matrices)


def both_valleys(outputs, targets):
    return jnp.mean(jnp.stack([two_valleys({"connectome": one}, None) for one in outputs["connectome"]]))


def test_each_fold_and_each_draw_is_learned_from_several_starts():
    given = {"steps": 60, "starts": 8, "seed": 1, "progress": False}
    weight = lambda values: np.prod(values, axis=-1) ** 0.5  # noqa: E731
    folds = cross_validate(split(), both_valleys, folds=3, **given)
    np.testing.assert_allclose(weight(folds.parameters["weights"]), DEEP, rtol=0.05)
    draws = bootstrap(split(), both_valleys, repeats=2, **given)
    np.testing.assert_allclose(weight(draws.parameters["weights"]), DEEP, rtol=0.05)
    again = fit(split(), both_valleys, **given).bootstrap(2)
    np.testing.assert_allclose(weight(again.parameters["weights"]), DEEP, rtol=0.05)
    here = Pipeline("as it is", split(), {})
    found = compare(split(), both_valleys, classical=[here], scores=[SIZE], folds=3, **given)
    assert found.table.set_index("score")["learned"].item() == pytest.approx(DEEP, rel=0.1)
