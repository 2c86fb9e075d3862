"""A workflow as an estimator of scikit-learn: learned on the training runs of each fold, applied to the others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pydra_diffconn.learning.fitting import fit
from pydra_diffconn.learning.settings import Learning
from pydra_diffconn.program.fusing import fuse


class Connectome(TransformerMixin, BaseEstimator):
    """Connectomes of runs by a workflow, whose parameters are learned if there is a loss.

    Takes the place of nilearn's `ConnectivityMeasure` in a `Pipeline`, `GridSearchCV` or `cross_val_score`: what is
    learned sees the training runs of a fold alone.

    Parameters
    ----------
    workflow : workflow task
        With all its inputs but the series, such as `Workflow(tr=2.0)`; not split.
    loss : callable, optional
        `loss(outputs, y) -> scalar`, as for `fit`; without one nothing is learned.
    learn : mapping, optional
        Parameters to learn besides those marked in the workflow.
    series : str, optional
        The input that takes the series; by default the first.
    output : str
        The output to return.
    vectorize : bool
        Whether matrices are returned as their upper triangles without the diagonal, (runs, edges), as classifiers of
        scikit-learn take them; else as they are.
    steps, optimizer, validation, seed, starts, how
        As for `fit`.

    Attributes
    ----------
    workflow_ : workflow task
        With the learned numbers in it.
    result_ : Result or None
        What the fit found.
    n_features_in_ : int
        The columns of the series that were fitted, if these are arrays of as many each.
    """

    def __init__(
        self,
        workflow: Any,
        *,
        loss: Any = None,
        learn: Mapping[str, Any] | None = None,
        series: str | None = None,
        output: str = "connectome",
        vectorize: bool = True,
        steps: int = 100,
        optimizer: Any = None,
        validation: float | None = None,
        seed: int = 0,
        starts: int = 1,
        how: Learning | None = None,
    ) -> None:
        self.workflow = workflow
        self.loss = loss
        self.learn = learn
        self.series = series
        self.output = output
        self.vectorize = vectorize
        self.steps = steps
        self.optimizer = optimizer
        self.validation = validation
        self.seed = seed
        self.starts = starts
        self.how = how

    def fit(self, X: Sequence[Any], y: Any = None, groups: Sequence[Any] | None = None) -> Connectome:
        """Learn from runs.

        Parameters
        ----------
        X : sequence of (time, parcels), or of paths
            One series for each run.
        y : array, optional
            What the loss compares with, one entry for each run.
        groups : sequence, optional
            One label for each run, such as its person.

        Raises
        ------
        ValueError
            As `fit`, if the workflow is split or has no such input or output, and if y or groups are not one for each
            run.
        """
        self._require_names()
        self._require_one_each(X, y, groups)
        self.result_ = None
        self.workflow_ = self.workflow
        if self.loss is not None:
            labels = None if groups is None else list(groups)
            self.result_ = fit(
                self._split(self.workflow, X),
                self.loss,
                y,
                learn=self.learn,
                steps=self.steps,
                optimizer=self.optimizer,
                validation=self.validation,
                groups=labels,
                seed=self.seed,
                starts=self.starts,
                how=self.how,
                progress=False,
            )
            given = {name: value for name, value in self._given().items() if name not in self._learned_inputs()}
            self.workflow_ = self.result_.workflow(**given)
        self.n_runs_, self._shape = len(X), self._shape_of(X)
        columns = {np.shape(one)[1] if np.ndim(one) == 2 else None for one in X}
        if len(columns) == 1 and None not in columns:
            self.n_features_in_ = columns.pop()
        return self

    def transform(self, X: Sequence[Any]) -> np.ndarray:
        """Return the output of each run: (runs, edges), or (runs, parcels, parcels) without `vectorize`.

        Raises
        ------
        ValueError
            If the series have other parcels than those that were fitted.
        """
        check_is_fitted(self, "workflow_")
        for number, one in enumerate(X):
            if np.ndim(one) == 2 and np.shape(one)[1] != getattr(self, "n_features_in_", np.shape(one)[1]):
                raise ValueError(
                    f"run {number} of X has {np.shape(one)[1]} columns, but Connectome is expecting "
                    f"{self.n_features_in_}, as the runs that were fitted"
                )
        program = fuse(self._split(self.workflow_, X))
        found = program(program.parameters)[self.output]
        if isinstance(found, list):
            raise ValueError(f"{self.output} has other shapes from run to run; give series of the same parcels")
        values = np.asarray(found)
        if not self.vectorize or values.ndim < 3:
            return values
        rows, columns = np.triu_indices(values.shape[-1], 1)
        return values[:, rows, columns]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the edges, such as `connectome_0_1` of the first two parcels, for `set_output`.

        Raises
        ------
        ValueError
            If the output is not one row for each run.
        """
        check_is_fitted(self, "workflow_")
        if self.vectorize and len(self._shape) == 2:
            pairs = zip(*np.triu_indices(self._shape[-1], 1), strict=True)
            return np.array([f"{self.output}_{row}_{column}" for row, column in pairs], dtype=object)
        if len(self._shape) == 1:
            return np.array([f"{self.output}_{column}" for column in range(self._shape[0])], dtype=object)
        raise ValueError(f"{self.output} of a run has shape {self._shape}; only one row for each run has names")

    def _shape_of(self, X: Sequence[Any]) -> tuple[int, ...]:
        """Return the shape of the output of one run, which is not computed for it."""
        import jax

        program = None if self.result_ is None else self.result_.program
        if program is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what is said of all runs where they are computed
                program = fuse(self._split(self.workflow_, X[:1]))
        found = jax.eval_shape(lambda values: program.outputs_of(values, program.inputs, [0]), program.parameters)
        return tuple(found[self.output].shape[1:])

    def _require_one_each(self, X: Sequence[Any], y: Any, groups: Any) -> None:
        import jax

        for name, given in (("y", y), ("groups", groups)):
            parts = [given] if isinstance(given, list | tuple) else jax.tree.leaves(given)
            if wrong := [len(one) for one in parts if np.ndim(one) and len(one) != len(X)]:
                raise ValueError(f"X has {len(X)} runs and {name} {wrong[0]} entries; expected one for each run")

    def _given(self) -> dict[str, Any]:
        from pydra_diffconn import pydra_compat

        return dict(pydra_compat.given_values(self.workflow))

    def _learned_inputs(self) -> set[str]:
        """Return the inputs whose numbers were learned: the learned workflow has them by itself."""
        assert self.result_ is not None
        return {target for one in self.result_.learned for target in one.targets if "." not in target}

    @property
    def _series(self) -> str:
        from pydra_diffconn import pydra_compat

        return self.series or pydra_compat.field_names(type(self.workflow))[0]

    def _split(self, task: Any, X: Sequence[Any]) -> Any:
        return task.split(self._series, **{self._series: list(X)})

    def _require_names(self) -> None:
        from pydra_diffconn import pydra_compat

        pydra_compat.require_workflow(self.workflow)
        if pydra_compat.splitter(self.workflow) is not None:
            raise ValueError(
                f"{type(self.workflow).__name__} is split; expected it as it is for one run, as X has the runs"
            )
        for name, known, what in (
            (self._series, pydra_compat.field_names(type(self.workflow)), "input"),
            (self.output, pydra_compat.field_names(type(self.workflow).Outputs), "output"),
        ):
            if name not in known:
                raise ValueError(f"{type(self.workflow).__name__} has no {what} {name!r}; it has {', '.join(known)}")
