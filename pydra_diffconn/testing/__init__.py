"""The contract that every block keeps, also for blocks of other people."""

from pydra_diffconn.testing.cases import TOLERANCE as TOLERANCE
from pydra_diffconn.testing.cases import Case as Case
from pydra_diffconn.testing.cases import Finding as Finding
from pydra_diffconn.testing.cases import example as example
from pydra_diffconn.testing.contract import GRADIENT_TOLERANCE as GRADIENT_TOLERANCE
from pydra_diffconn.testing.contract import STEPS as STEPS
from pydra_diffconn.testing.contract import check_block as check_block
from pydra_diffconn.testing.contract import examine as examine
from pydra_diffconn.testing.contract import judged as judged
