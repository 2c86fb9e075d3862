"""Finding what others add."""

from pydra_diffconn.plugins.hooks import API as API
from pydra_diffconn.plugins.hooks import FORMS as FORMS
from pydra_diffconn.plugins.hooks import GROUP as GROUP
from pydra_diffconn.plugins.hooks import HOOKS as HOOKS
from pydra_diffconn.plugins.hooks import NAMED as NAMED
from pydra_diffconn.plugins.hooks import Hooks as Hooks
from pydra_diffconn.plugins.hooks import hookimpl as hookimpl
from pydra_diffconn.plugins.hooks import hookspec as hookspec
from pydra_diffconn.plugins.registry import BUILT_IN as BUILT_IN
from pydra_diffconn.plugins.registry import DISABLED as DISABLED
from pydra_diffconn.plugins.registry import SWITCH as SWITCH
from pydra_diffconn.plugins.registry import Plugin as Plugin
from pydra_diffconn.plugins.registry import Registry as Registry
from pydra_diffconn.plugins.registry import built_in as built_in
from pydra_diffconn.plugins.registry import disable as disable
from pydra_diffconn.plugins.registry import disabled as disabled
from pydra_diffconn.plugins.registry import installed as installed
from pydra_diffconn.plugins.registry import registry as registry
