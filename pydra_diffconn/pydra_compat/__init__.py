"""Everything of Pydra that is private, or that we change; a contract test for each.

Importing it (any block does) installs the hashes and the worker; `DIFFCONN_PYDRA_PATCHES=0` leaves Pydra as it is.
"""

# ruff: noqa: I001
import os

os.environ.setdefault("NO_ET", "1")  # Pydra asks a telemetry host for its newest version; we contact nobody

from pydra.engine.lazy import LazyField as LazyField
from pydra.engine.lazy import LazyInField as LazyInField
from pydra.engine.lazy import LazyOutField as LazyOutField
from pydra.engine.node import Node as Node
from pydra.engine.workflow import Workflow as Workflow
from pydra.utils.general import get_fields as get_fields
from pydra.utils.general import is_workflow as is_workflow
from pydra.utils.typing import StateArray as StateArray
from pydra_diffconn.pydra_compat.graphs import node_task as node_task
from pydra_diffconn.pydra_compat.graphs import replace_node_task as replace_node_task
from pydra_diffconn.pydra_compat.graphs import is_split_list as is_split_list
from pydra_diffconn.pydra_compat.graphs import lazy_source as lazy_source
from pydra_diffconn.pydra_compat.graphs import reconnect as reconnect
from pydra_diffconn.pydra_compat.graphs import splitter as splitter
from pydra_diffconn.pydra_compat.graphs import combiner as combiner
from pydra_diffconn.pydra_compat.graphs import with_values as with_values
from pydra_diffconn.pydra_compat.graphs import copy_split as copy_split
from pydra_diffconn.pydra_compat.graphs import rename_split as rename_split
from pydra_diffconn.pydra_compat.graphs import HOUSEKEEPING as HOUSEKEEPING
from pydra_diffconn.pydra_compat.graphs import field_names as field_names
from pydra_diffconn.pydra_compat.graphs import output_names as output_names
from pydra_diffconn.pydra_compat.graphs import given_values as given_values
from pydra_diffconn.pydra_compat.graphs import mandatory as mandatory
from pydra_diffconn.pydra_compat.graphs import keep_nodes as keep_nodes
from pydra_diffconn.pydra_compat.graphs import without_split as without_split
from pydra_diffconn.pydra_compat.graphs import asked_for_none as asked_for_none
from pydra_diffconn.pydra_compat.graphs import construct as construct
from pydra_diffconn.pydra_compat.graphs import require_workflow as require_workflow
from pydra_diffconn.pydra_compat.graphs import constructor as constructor
from pydra_diffconn.pydra_compat.hashes import COMPANIONS as COMPANIONS
from pydra_diffconn.pydra_compat.workers import require_places as require_places
from pydra_diffconn.pydra_compat.checksums import environment as environment
from pydra_diffconn.pydra_compat.checksums import precision as precision
from pydra_diffconn.pydra_compat.reach import class_bytes as class_bytes
from pydra_diffconn.pydra_compat.showing import show as show
from pydra_diffconn.pydra_compat.workers import worker_settings as worker_settings

from pydra_diffconn.pydra_compat.classes import install_classes
from pydra_diffconn.pydra_compat.classes import put_beside as put_beside
from pydra_diffconn.pydra_compat.copies import _install_names_of_copies
from pydra_diffconn.pydra_compat.checksums import install_checksums
from pydra_diffconn.pydra_compat.graphs import _install_symbols
from pydra_diffconn.pydra_compat.hashes import install_hashes
from pydra_diffconn.pydra_compat.results import install_results
from pydra_diffconn.pydra_compat.showing import _install_repr
from pydra_diffconn.pydra_compat.submitting import install_caches, install_submitting
from pydra_diffconn.pydra_compat.workers import install_worker

_install_symbols()
if os.environ.get("DIFFCONN_PYDRA_PATCHES", "1") != "0":
    install_classes()
    install_caches()
    install_hashes()
    install_checksums()
    install_results()
    install_submitting()
    _install_repr()
    _install_names_of_copies()
    install_worker()
