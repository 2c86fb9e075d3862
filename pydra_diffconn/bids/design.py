"""The regressors of a run, by a strategy: a formula, or nilearn's selection of columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.confound_models import confound_design
from pydra_diffconn.confound_models.strategies import Strategy
from pydra_diffconn.files.tables import read_table


def design_of(
    strategy: Strategy,
    confounds: Path,
    metadata: Path | None,
    bold: Path,
    dummy_scans: int = 0,
    first_row: str = "copy_second",
    custom: Path | None = None,
) -> pd.DataFrame:
    """Return the regressors of a run, (time, regressors), from the first frame that is used.

    Columns that are constant over these frames explain nothing and are left out.

    Parameters
    ----------
    strategy : Strategy
    confounds, metadata : path
        fMRIPrep's table and the JSON file beside it.
    bold : path
        The run; nilearn finds its table by this name.
    dummy_scans : int
        Frames at the start that are not used.
    first_row : {"copy_second", "zero"}
        What stands for the first frame of differences.
    custom : path, optional
        A table of regressors of one's own, which are added; a formula may name them, too.

    Raises
    ------
    ValueError
        If the table lacks what the strategy asks for.
    """
    if strategy.nilearn:
        found = _by_nilearn(strategy, bold)
        if custom is not None:
            own = confound_design(confounds, "", None, first_row, custom).columns
            found = pd.DataFrame({**dict(found), **own})
    elif strategy.model or custom is not None:
        columns = confound_design(confounds, strategy.model, metadata, first_row, custom).columns
        found = pd.DataFrame(columns)
    else:
        found = pd.DataFrame(index=range(len(read_table(confounds)[0])))
    used = found.iloc[dummy_scans:].reset_index(drop=True)
    return used[[name for name in used if used[name].nunique() > 1]]


def _by_nilearn(strategy: Strategy, bold: Path) -> pd.DataFrame:
    import warnings

    from nilearn.interfaces.fmriprep import load_confounds

    settings: dict[str, Any] = {"demean": False, **strategy.nilearn}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of components that a table lacks: the design says which there are
        try:
            table, _ = load_confounds(str(bold), **settings)
        except (ValueError, TypeError, KeyError) as error:
            said = " ".join(str(error).split())
            raise ValueError(
                f"strategy {strategy.name}: nilearn cannot select its columns for {bold.name}: {said}"
            ) from None
    if table is None:
        return pd.DataFrame()
    return pd.DataFrame(np.asarray(table, dtype=float), columns=[str(name) for name in table])
