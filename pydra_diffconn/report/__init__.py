"""How things look: pages and figures from plain data."""

from pydra_diffconn.report.figures import as_svg as as_svg
from pydra_diffconn.report.page import Card as Card
from pydra_diffconn.report.page import Figure as Figure
from pydra_diffconn.report.page import Section as Section
from pydra_diffconn.report.page import is_drawing as is_drawing
from pydra_diffconn.report.page import show as show
from pydra_diffconn.report.page import write_page as write_page
