"""Which of our steps stand for known classical ones: nilearn's, FSL's and AFNI's, and those that plugins add.

An equivalent is found by the class or function of a node's task. It is given the options that were set there and
returns a step with the same meaning, by the tool's documentation, or says which option has none.
"""

from pydra_diffconn.declare.equivalent import Equivalent as Equivalent
from pydra_diffconn.declare.equivalent import Step as Step
from pydra_diffconn.declare.equivalent import View as View
from pydra_diffconn.declare.equivalent import given_options as given_options
from pydra_diffconn.declare.equivalent import is_connected as is_connected
from pydra_diffconn.declare.equivalent import refuse as refuse
from pydra_diffconn.declare.equivalent import setting as setting
from pydra_diffconn.declare.equivalent import without_effect as without_effect


def registered() -> list[Equivalent]:
    """Return all equivalents: the built-in ones and those of plugins, which come first."""
    from pydra_diffconn.plugins.registry import registry

    return list(reversed(registry().get("diffconn_equivalents")))
