"""What a workflow's author gets wrong is told by the names of the workflow, and with those that are right."""

from typing import Annotated

import numpy as np
import pytest
from jaxtyping import Array, Float
from pydra.compose import workflow

from pydra_diffconn import Learn, Parameter, block, constraints, fuse
from pydra_diffconn.blocks import Correlation, WeightParcels

X = np.random.default_rng(0).standard_normal((30, 4))


@workflow.define(outputs=["connectome"])
def Weighted(bold, weights):
    plain = workflow.add(Correlation(timeseries=bold)).connectome
    return workflow.add(WeightParcels(connectome=plain, weights=weights)).connectome


@workflow.define(outputs=["connectome"])
def Misspelt(bold):
    return workflow.add(Correlation(timeseries=bold)).conectome


@workflow.define(outputs=["connectome"])
def Broken(bold):
    return bold.no_such_thing.at_all


def test_a_parameter_that_an_input_feeds_is_named_by_the_input():
    task = Weighted(bold=X, weights=np.ones(4))
    with pytest.raises(ValueError, match=r"WeightParcels.weights comes from the input 'weights': name that.*: weights"):
        fuse(task, {"WeightParcels.weights": Learn()})
    assert list(fuse(task, {"weights": Learn()}).parameters) == ["weights"]


def test_an_output_that_a_block_has_not_is_told_with_those_it_has():
    with pytest.raises(ValueError, match=r"Misspelt: Correlation has no output 'conectome'; it has connectome"):
        fuse(Misspelt(bold=X))


def test_other_mistakes_of_a_constructor_stay_as_they_are():
    with pytest.raises(AttributeError, match="no_such_thing"):
        fuse(Broken(bold=X))


def test_a_default_of_none_belongs_to_the_type():
    with pytest.raises(TypeError, match=r"weights is None by default, and its type does not say so"):

        @block.define(outputs=["scaled"])
        def Scaled(
            x: Float[Array, "time space"],
            weights: Annotated[Float[Array, "space"], Parameter(constraints.positive)] = None,
        ) -> Float[Array, "time space"]:
            """Scale."""
            return x
