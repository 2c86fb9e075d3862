"""Any loss of an output that is made alike over sites first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pydra_diffconn.declare.declaration import prefixed
from pydra_diffconn.declare.loss import TESTED, Loss
from pydra_diffconn.losses.harmonizing import Harmonize
from pydra_diffconn.losses.held_out import HeldOutPrediction, features_of


@dataclass(frozen=True, kw_only=True)
class Harmonized(Loss):
    r"""A loss of an output that is made alike over sites first (`Harmonize`).

    $$ L\big(\text{ComBat}(x;\ \text{estimated from the runs learned from})\big) $$

    Of runs that are held out, only those learned from say what their sites do. Of square matrices the entries beside
    the diagonal are made alike. `HeldOutPrediction` has `harmonize=` of its own, anew in each of its folds.

    Parameters
    ----------
    loss : Loss
        Of this output.
    harmonize : Harmonize
        Which entry of the targets says the site, and what is kept.
    """

    loss: Loss
    harmonize: Harmonize = field(default_factory=Harmonize)

    def __post_init__(self) -> None:
        if isinstance(self.loss, HeldOutPrediction):
            raise ValueError("HeldOutPrediction is harmonized in each of its folds: give it harmonize=")
        if self.loss.output != self.output:
            raise ValueError(f"loss is of {self.loss.output!r}, not of {self.output!r}, which is made alike over sites")

    @property
    def label(self) -> str:
        """The name under which this term is reported."""
        return self.name or self.loss.label

    @property
    def emptied(self) -> str | None:
        """As the loss says."""
        return self.loss.emptied

    @property
    def counterweight(self) -> Loss | None:
        """That of the loss, made alike over sites as well."""
        found = self.loss.counterweight
        return None if found is None else replace(self, loss=found, name=None)

    @property
    def refers(self) -> bool:
        """What sites do is said by the runs learned from."""
        return True

    @property
    def least_runs(self) -> int:
        """As many as the loss needs."""
        return self.loss.least_runs

    @property
    def least_tested(self) -> int:
        """As many as the loss needs."""
        return self.loss.least_tested

    def too_few(self, targets: Any) -> str | None:
        """As the loss says."""
        return self.loss.too_few(targets)

    def check_tested(self, learned_from: Any, tested: Any) -> None:
        """Refuse, or warn of, those whose site is unknown to the ones learned from."""
        with prefixed(self.label):
            self.harmonize.check_tested(*(self._entry(one, self.harmonize.site) for one in (learned_from, tested)))
        self.loss.check_tested(learned_from, tested)

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return what the loss makes of the output as it would be at a site like all."""
        values, tested = self.read(outputs), outputs.get(TESTED, ())
        learned_from = np.isin(np.arange(len(values)), tested, invert=True)
        features = self.harmonize(features_of(values), lambda name: self.per_run(targets, name), learned_from)
        return self.loss({**outputs, self.output: _like(values, features)}, targets)


def _like(values: Any, features: Any) -> Any:
    """Return an output with other features; the diagonals of square matrices stay."""
    if not (values.ndim == 3 and values.shape[1] == values.shape[2]):
        return features.reshape(values.shape)
    rows, columns = np.triu_indices(values.shape[-1], 1)
    return values.at[:, rows, columns].set(features).at[:, columns, rows].set(features)
