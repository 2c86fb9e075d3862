import copy
import pickle

import numpy as np
import pytest

from pydra_diffconn import Learn
from pydra_diffconn.declare.learned import LearnedParameter, load_parameters, save_parameters
from pydra_diffconn.declare.parameters import plain


def test_a_mark_is_the_number_or_array_it_starts_from():
    assert Learn(0.5) == 0.5 and isinstance(Learn(0.5), float) and isinstance(Learn(0.5), Learn)
    np.testing.assert_array_equal(Learn([1.0, 0.0]), [1.0, 0.0])
    assert type(plain(Learn(0.5))) is float and type(plain(Learn([1.0]))) is np.ndarray


@pytest.mark.parametrize("mark", [Learn(), Learn(0.5, within=(0, 1)), Learn([0.2, 0.8], share="w")])
def test_a_mark_survives_copies_and_pickles(mark):
    for other in (pickle.loads(pickle.dumps(mark)), copy.deepcopy(mark)):
        assert repr(other) == repr(mark) and isinstance(other, Learn)


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match="first bound must be below"):
        Learn(within=(1, 0))


def test_values_are_saved_exactly_with_all_that_explains_them(tmp_path):
    saved = [
        LearnedParameter("a.low", 0.1 + 0.2, 0.1, "Hz", "[0, high]", "x:Band", "1", ("a.low",)),
        LearnedParameter("w", np.array([0.25, 0.75]), np.array([1.0, 0.0]), "", "simplex", "x:Choose", "1", ("w",)),
    ]
    save_parameters(tmp_path, saved)
    one, two = load_parameters(tmp_path)
    assert one == saved[0]
    np.testing.assert_array_equal(two.value, saved[1].value)
    np.testing.assert_array_equal(two.start, saved[1].start)
    assert not list(tmp_path.glob("*.pkl*"))


def test_a_file_of_another_format_or_a_missing_one_is_named(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(FileNotFoundError, match="expected a folder written by"):
        load_parameters(tmp_path)
    save_file({"a": np.ones(1)}, tmp_path / "parameters.safetensors", metadata={"format_version": "99"})
    with pytest.raises(ValueError, match="format version '99'"):
        load_parameters(tmp_path)
