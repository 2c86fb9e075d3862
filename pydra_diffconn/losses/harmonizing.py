"""Features of people from several sites, made alike by what the sites of those learned from say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from pydra_diffconn.blocks.groups.combat import ComBat, too_few
from pydra_diffconn.warn import warn

Read = Callable[[str], Any]
"""From the name of an entry of the targets to one number for each run."""


@dataclass(frozen=True)
class Harmonize:
    r"""Take from features what their site adds to them and by how much it stretches them (ComBat), without a leak.

    $$ y_i = \text{ComBat}\big(x_i;\ \text{estimated from the runs learned from}\big) $$

    For `HeldOutPrediction(harmonize=...)`, scores of the same name, and any other loss by `Harmonized`.
    Everything is estimated from the runs learned from, in each fold of a prediction anew, and taken from all: of a run
    that is held out its own site and covariates are used, and nothing of other runs of its fold. A site of which no run
    was learned from is refused before a score, or its features are left as they are, with a warning; so are, within the
    folds of a prediction, those of a site with fewer than two runs there. See `blocks.ComBat`.

    Parameters
    ----------
    site : str
        The entry of the targets that says each run's site.
    covariates : tuple of str
        Entries of the targets whose effects on the features are kept, such as age; the target itself is none.
    shrinkage : float
        1 draws the effects of sites to their mean over features, 0 does not.
    scale : bool
        Whether variances are made equal, too; without it and without shrinkage it is regression on sites.
    unseen : {"refuse", "unchanged"}
        What becomes of runs whose site is unknown to those learned from.
    sites : int, optional
        How many sites there are, or more; by default as many as runs, which takes more memory.
    """

    site: str = "site"
    covariates: tuple[str, ...] = ()
    shrinkage: float = 1.0
    scale: bool = True
    unseen: Literal["refuse", "unchanged"] = "refuse"
    sites: int | None = None

    def __call__(self, features: Any, read: Read, training: Any) -> Any:
        """Return the features (runs, features) as they would be at a site like all.

        Parameters
        ----------
        features : (runs, features)
        read : callable
            Gives the entries of the targets.
        training : (runs,)
            1 for the runs to learn from.
        """
        weights = jnp.asarray(training, features.dtype)
        columns = [jnp.asarray(read(name), features.dtype) for name in self.covariates]
        covariates = jnp.stack(columns, axis=1) if columns else None
        how = {"shrinkage": self.shrinkage, "scale": self.scale, "groups": self.sites}
        return ComBat.pure(features, numbered(read(self.site)), covariates, weights, **how)

    def check_tested(self, learned_from: Any, tested: Any) -> None:
        """Refuse runs of sites that those learned from do not know, or warn of them, by the sites of both."""
        told = too_few(np.asarray(learned_from), np.asarray(tested), self.unseen)
        if told is not None:
            raise ValueError(f"{told}. Names of sites count as their place in the alphabet, from 0")
        new = np.setdiff1d(tested, learned_from)
        if len(new):
            warn(f"site {new[0]} has none to learn from: its features are left as they are")


def numbered(sites: Any) -> Any:
    """Return sites as numbers, equal where they are; names, too."""
    if isinstance(sites, jnp.ndarray):
        return sites
    array = np.asarray(sites)
    return jnp.asarray(np.unique(array, return_inverse=True)[1] if array.dtype.kind in "US" else array)
