"""`SelectConfounds`: the columns of a confounds table that a model uses, as a classical Pydra task."""

from fileformats.generic import File
from pydra.compose import python


@python.define(outputs=["confounds"])
def SelectConfounds(confounds: File, columns: list, first_row: str = "copy_second") -> File:
    """Write the chosen columns of a confounds table to a table of their own.

    Parameters
    ----------
    confounds : File
        An fMRIPrep `*_desc-confounds_timeseries.tsv`.
    columns : list of str
        Names of columns; `a_comp_cor_0*` stands for all that begin so.
    first_row : {"copy_second", "zero"}
        What stands for `n/a` in the first row: the second row (as nilearn does) or zeros (as XCP-D does).
    """
    from pathlib import Path

    from pydra_diffconn.tables import select_confounds, write_table

    array, names = select_confounds(confounds, columns, first_row)
    return File(write_table(array, names, Path.cwd() / "confounds.tsv"))


# Pydra leaves the class in a module of its own; here other processes find it
SelectConfounds.__module__ = SelectConfounds.Outputs.__module__ = __name__
SelectConfounds.Outputs.__qualname__ = "SelectConfounds.Outputs"
