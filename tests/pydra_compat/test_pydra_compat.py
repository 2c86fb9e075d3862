"""One contract test for each private thing of Pydra that we touch."""

import functools
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from pydra.utils.hash import hash_function
from workflows_under_test import AfterPython, Connectome

from pydra_diffconn import pydra_compat


def scaled_by(factor):
    def scale(x):
        return x * factor

    return scale


def different():
    import jax
    import jax.numpy as jnp
    import optax

    x = np.arange(6.0)
    return {
        "shape": (x.reshape(2, 3), x.reshape(3, 2)),
        "type": (x.astype("f4"), x.astype("f4").view("i4")),
        "masked": (np.ma.array(x, mask=x > 2), np.ma.array(x, mask=x > 3)),
        "frame": (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
        "column": (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})),
        "series": (pd.Series([1, 2]), pd.Series([2, 1])),
        "sparse matrix": (scipy.sparse.eye(3), 2 * scipy.sparse.eye(3)),
        "sparse array": (scipy.sparse.csr_array(np.eye(3)), scipy.sparse.csr_array(2 * np.eye(3))),
        "partial": (functools.partial(int, 7), functools.partial(int, 8)),
        "closure": (scaled_by(2), scaled_by(10)),
        "lambda": (lambda v: v + 1, lambda v: v + 2),
        "jax array": (jnp.ones(3), jnp.zeros(3)),
        "list of jax arrays": ([jnp.ones(3)], [jnp.zeros(3)]),
        "random key": (jax.random.key(0), jax.random.key(1)),
        "optimiser": (optax.adam(1e-3), optax.adam(1e-2)),
    }


@pytest.mark.parametrize("kind", list(different()))
def test_values_that_differ_hash_differently_and_equal_ones_alike(kind):
    one, other = different()[kind]
    assert hash_function(one) != hash_function(other)
    if kind != "lambda":
        assert hash_function(one) == hash_function(different()[kind][0])


def test_hashes_of_functions_are_the_same_in_every_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import optax
        import pydra_diffconn.pydra_compat
        from pydra.utils.hash import hash_function
        nested = lambda v: [(lambda w: w in {"a", "b", "c"})(v)]
        print(hash_function([nested, optax.adam(0.1), optax.lbfgs()]))
        """)
    )
    found = {subprocess.run([sys.executable, script], capture_output=True, text=True).stdout for _ in range(2)}
    assert len(found) == 1 and all(found)


def test_names_tell_lambdas_of_one_line_apart():
    one, other = lambda v: v.real, lambda v: v.imag
    assert hash_function(one) != hash_function(other)


def test_the_cf_worker_runs_after_jax_in_a_script_without_a_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import jax.numpy as jnp, numpy as np
        from pydra_diffconn.blocks import Correlation
        from pydra.compose import workflow
        @workflow.define(outputs=["connectome"])
        def Small(x):
            return workflow.add(Correlation(timeseries=x)).connectome
        print(float(jnp.linalg.svd(jnp.eye(4))[1].sum()))
        runs = [np.random.default_rng(i).standard_normal((20, 3)) for i in range(3)]
        found = Small().split("x", x=runs)(worker="cf", cache_root={str(tmp_path / "cache")!r}).connectome
        print(len(found), found[0].shape)
        """)
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert found.stdout.split("\n")[:2] == ["4.0", "3 (3, 3)"], found.stderr


def test_a_nodes_task_and_the_sources_of_its_inputs_can_be_read():
    graph = pydra_compat.construct(AfterPython(factor=2.0, labels=np.ones(3), tr=1.0), ("bold",))
    task = pydra_compat.node_task(graph["BandPass"])
    assert pydra_compat.lazy_source(task.timeseries) == ("Scale", "scaled")
    assert pydra_compat.lazy_source(pydra_compat.node_task(graph["Scale"]).series) == (None, "bold")


def test_a_split_is_read_copied_and_removed():
    task = Connectome(tr=1.0).split(("bold", "confounds"), bold=[1, 2], confounds=[3, 4])
    assert pydra_compat.splitter(task) == ("bold", "confounds") and pydra_compat.combiner(task) is None
    assert pydra_compat.splitter(pydra_compat.with_values(task, tr=2.0)) == ("bold", "confounds")
    bare = pydra_compat.without_split(task)
    assert pydra_compat.splitter(bare) is None and bare.tr == 1.0 and not isinstance(bare.bold, list)


def test_the_constructor_of_a_workflow_is_the_users_function():
    assert pydra_compat.constructor(Connectome).__name__ == "Connectome"


def test_tasks_with_arrays_can_be_shown():
    assert "<array (30, 40) float64>" in repr(Connectome(bold=np.ones((30, 40)), tr=1.0))
