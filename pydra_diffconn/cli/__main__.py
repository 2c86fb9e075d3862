"""`python -m pydra_diffconn.cli` is the command `diffconn`."""

from pydra_diffconn.cli.main import main

if __name__ == "__main__":
    main(prog_name="diffconn")
