"""Two values that a task could tell apart have two hashes; equal ones have one."""

import collections
import decimal
import functools
import math
import operator
import os
import threading

import numpy as np
import pandas as pd
import pydra.utils.hash
import pytest
from fileformats.generic import Directory, File
from pydra.utils.hash import hash_function

from pydra_diffconn import pydra_compat


class Times:
    def __init__(self, k):
        self.k = k

    def by(self, x):
        return self.k * x


class Keeps(dict):
    pass


class Slotted:
    __slots__ = ("k",)

    def __init__(self, k):
        self.k = k


class Bag(collections.deque):
    pass


def cached(k):
    return functools.lru_cache(lambda x: k * x)


def kept(k):
    made = Keeps(a=1)
    made.k = k
    return made


def index(**settings):
    dates = pd.to_datetime([1, 2])
    return pd.DataFrame({"a": [1, 2]}, index=dates.tz_localize(**settings) if settings else dates)


def different():
    import jax.numpy as jnp

    structured = np.array([(1.0,)], dtype=[("a", "f8")])
    return {
        "methods": (Times(1).by, Times(2).by),
        "objects that are called": (functools.partial(Times(1).by, 1), functools.partial(Times(1).by, 2)),
        "functions of C": (math.sqrt, math.exp),
        "methods of C": ([1].count, [2].count),
        "universal functions": (np.sqrt, np.exp),
        "partial of universal functions": (functools.partial(np.add, 2), functools.partial(np.multiply, 2)),
        "cached closures": (cached(1), cached(2)),
        "getters": (operator.itemgetter(0), operator.itemgetter(1)),
        "attribute getters": (operator.attrgetter("a"), operator.attrgetter("b")),
        "deque": (collections.deque([1]), collections.deque([2])),
        "class on a deque": (Bag([1]), Bag([2])),
        "default of a dictionary": (collections.defaultdict(int), collections.defaultdict(list)),
        "attributes of a dictionary": (kept(1), kept(2)),
        "slots": (Slotted(1), Slotted(2)),
        "bytearray": (bytearray(b"1"), bytearray(b"2")),
        "decimal": (decimal.Decimal("1.1"), decimal.Decimal("1.10000001")),
        "range": (range(3), range(4)),
        "type": (int, float),
        "names of fields": (np.ones(1, [("a", "f8"), ("b", "f8")]), np.ones(1, [("b", "f8"), ("a", "f8")])),
        "types of fields": (np.zeros(1, [("a", "f4")]), np.zeros(1, [("a", "i4")])),
        "matrix": (np.eye(2), np.matrix(np.eye(2))),
        "record array": (structured, structured.view(np.recarray)),
        "fill value": tuple(np.ma.array([1.0, 2.0], mask=[0, 1], fill_value=v) for v in (7, 9)),
        "byte order": (np.ones(2, ">f4"), np.ones(2, "<f4")),
        "scalar and array": (np.float64(1), np.array(1.0)),
        "array of objects": (np.array([1, "a"], object), np.array([1, "b"], object)),
        "time zone of an index": (index(), index(tz="UTC")),
        "type of an index": tuple(pd.DataFrame({"a": [1, 2]}, index=i) for i in ([True, False], [1, 0])),
        "name of an index": tuple(pd.Series([1, 2], index=pd.Index([0, 1], name=n)) for n in "ij"),
        "column of text": (pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["y"]})),
        "categories": tuple(pd.Series(pd.Categorical(["a"], categories=c)) for c in (["a"], ["a", "b"])),
        "time stamps": (pd.Timestamp(1), pd.Timestamp(2)),
        "weak type": (jnp.asarray(2.0), jnp.array(2.0, dtype=float)),
        "set of mixed types": ({1, "a"}, {1, "b"}),
        "number and truth": (1, True),
        "zero and minus zero": (0.0, -0.0),
    }


@pytest.mark.parametrize("kind", list(different()))
def test_values_that_differ_have_two_hashes_and_equal_ones_one(kind):
    one, other = different()[kind]
    assert hash_function(one) != hash_function(other)
    assert hash_function(one) == hash_function(different()[kind][0])


def test_what_has_no_content_is_refused():
    with pytest.raises(TypeError, match="lock"):
        hash_function(threading.Lock())


def test_values_that_are_gone_do_not_lend_their_hash():
    values = [functools.partial(int, k) for k in range(300)]  # each makes temporary values, at addresses used again
    assert len({hash_function(one) for one in values}) == 300
    assert hash_function(values) == hash_function([functools.partial(int, k) for k in range(300)])


def test_a_thousand_pairs_of_arrays():
    rng = np.random.default_rng(0)
    seen, kinds = {}, ["f4", "f8", "i2", "i4", ">f4", "u1", "c8", "?"]
    for _ in range(1000):
        shape = tuple(rng.integers(1, 4, rng.integers(0, 4)))
        array = np.asarray(rng.integers(0, 3, shape).astype(rng.choice(kinds)))
        key = (array.dtype.str, array.shape, array.tobytes())
        assert seen.setdefault(hash_function(array), key) == key
        fortran = np.array(array, order="F")
        assert hash_function(fortran) == hash_function(array) and hash_function(array.copy()) == hash_function(array)
    assert len(set(seen.values())) == len(seen)


def replaced(path, content):
    """Write other content of the same length into a file, and give it the times it had."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_is_known_by_its_content_whatever_its_times(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_bytes(b"one")
    link.symlink_to(path)
    before = [hash_function(File(one)) for one in (path, link)]
    replaced(path, b"two")
    assert all(old != hash_function(File(one)) for old, one in zip(before, (path, link), strict=True))


def test_a_folder_is_known_by_all_that_is_in_it(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.txt").write_bytes(b"one")
    before = hash_function(Directory(tmp_path))
    replaced(tmp_path / "inner" / "a.txt", b"two")
    assert hash_function(Directory(tmp_path)) != before


def test_what_is_read_beside_a_file_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(pydra_compat.hashes, "COMPANIONS", [lambda path: [path.with_suffix(".names")]])
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.names").write_text("one")
    before = hash_function(File(tmp_path / "a.txt"))
    (tmp_path / "a.names").write_text("two")
    assert hash_function(File(tmp_path / "a.txt")) != before


@pytest.mark.parametrize("damage", [b"", b"x", b"17 bytes, not 16."])
def test_a_damaged_store_of_hashes_is_not_believed(tmp_path, monkeypatch, damage):
    monkeypatch.setenv(pydra.utils.hash.PersistentCache.LOCATION_ENV_VAR, str(tmp_path / "store"))
    for name in "ab":
        (tmp_path / name).write_text(name)
    before = [hash_function(File(tmp_path / name)) for name in "ab"]
    for path in (tmp_path / "store").iterdir():
        path.write_bytes(damage)
    assert [hash_function(File(tmp_path / name)) for name in "ab"] == before
