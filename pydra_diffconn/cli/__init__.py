"""The command line, `diffconn`."""

from pydra_diffconn.cli.main import main as main
