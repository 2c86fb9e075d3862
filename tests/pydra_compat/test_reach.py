"""What a function depends on, beyond its own text."""

import functools
import logging
import types

import pytest
from pydra.utils.hash import hash_function

from pydra_diffconn import pydra_compat  # noqa: F401

MODULE = """
import math
from functools import partial

FACTOR = {factor}
BANDS = {{"low": {factor}}}
CALLS = []
COUNT = 0

def helper(x):
    return {factor} * x

def outer(x):
    return helper(x)

class Constants:
    scale = {factor}

    @staticmethod
    def louder(x):
        return {factor} * x

    @property
    def quieter(self):
        return 1 / {factor}

def made(k):
    def inner(x):
        return k * x
    return inner

made_of = made({factor})

def by_constant(x): return FACTOR * x
def by_table(x): return BANDS["low"] * x
def by_helper(x): return outer(x)
def by_class(x): return Constants.louder(x)
def by_class_constant(x): return Constants.scale * x
def by_property(x): return Constants().quieter * x
def by_closure(x): return made_of(x)
def by_default(x, k={factor}): return k * x
def in_a_comprehension(x): return [FACTOR * one for one in x]
def in_a_lambda(x): return (lambda y: FACTOR * y)(x)
def around(x):
    if x:
        return around(x - 1) + FACTOR
    return math.pi

def counting(x):
    global COUNT
    CALLS.append(x)
    COUNT = COUNT + 1
    BANDS["last"] = x
    return x
"""
NAMES = ("constant", "table", "helper", "class", "class_constant", "property", "closure", "default")
NAMES = [*(f"by_{name}" for name in NAMES), "in_a_comprehension", "in_a_lambda", "around"]


def module(factor):
    made = types.ModuleType("made")
    exec(compile(MODULE.format(factor=factor), "made.py", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_function_depends_on_what_it_reaches(name):
    one, same, other = (getattr(module(factor), name) for factor in (2.0, 2.0, 5.0))
    assert hash_function(one) == hash_function(same) != hash_function(other)


def test_what_a_function_changes_itself_is_no_constant_of_it():
    used = module(2.0)
    before = hash_function(used.counting)
    used.counting(3)
    assert hash_function(used.counting) == before


def test_a_constant_that_is_changed_counts_at_once():
    used = module(2.0)
    before = hash_function(used.by_constant)
    used.FACTOR = 3.0
    assert hash_function(used.by_constant) != before


log = logging.getLogger(__name__)


def with_a_logger(x):
    log.info("x is %s", x)
    return x


def test_loggers_and_the_like_do_not_matter():
    assert hash_function(with_a_logger) == hash_function(with_a_logger)


def test_an_installed_function_is_known_by_name_and_version():
    import scipy.signal

    assert hash_function(scipy.signal.welch) != hash_function(scipy.signal.csd)
    assert hash_function(functools.partial(scipy.signal.welch, fs=1)) != hash_function(scipy.signal.welch)
