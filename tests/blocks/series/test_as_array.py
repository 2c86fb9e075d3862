"""Files become arrays."""

import numpy as np
from fileformats.generic import File

from pydra_diffconn.blocks import AsArray
from pydra_diffconn.files.tables import write_table
from pydra_diffconn.testing import Case


def test_a_table_becomes_an_array(rng, tmp_path):
    table = rng.standard_normal((9, 3))
    path = write_table(table, ["a", "b", "c"], tmp_path / "series.tsv")
    found = AsArray(timeseries=File(path))(worker="debug", cache_root=tmp_path / "work").timeseries
    np.testing.assert_allclose(found, table, rtol=1e-6)


CASES = [Case(AsArray, {"timeseries": np.arange(12.0).reshape(4, 3)}, lambda timeseries: timeseries, "itself")]
