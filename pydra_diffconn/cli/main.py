"""The command line, `diffconn`. Heavy imports live inside the commands, so that help answers at once."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from typing import Any

import click

from pydra_diffconn.cli.atlas import atlas
from pydra_diffconn.cli.blocks import blocks
from pydra_diffconn.cli.compare import compare
from pydra_diffconn.cli.demo import demo
from pydra_diffconn.cli.doctor import doctor
from pydra_diffconn.cli.ending import BAD_INPUT, INTERRUPTED, Stop, hearing_interrupts, leave_as, nobody_reads
from pydra_diffconn.cli.fit import fit
from pydra_diffconn.cli.plugins import plugins
from pydra_diffconn.cli.run import run
from pydra_diffconn.cli.show import show
from pydra_diffconn.cli.strategy import strategy
from pydra_diffconn.warn import naming_no_place


class Commands(click.Group):
    """Show a user's mistake as one line, not as a traceback."""

    def main(self, args: Any = None, *given: Any, **settings: Any) -> Any:
        try:
            return super().main(args, *given, **settings)
        except SystemExit as end:
            if args is None and end.code == INTERRUPTED:  # the process is this command's own
                leave_as(INTERRUPTED)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with hearing_interrupts(), naming_no_place():
                return super().invoke(ctx)
        except BrokenPipeError as error:
            if nobody_reads():
                raise  # whoever read has enough, as `head` has: click ends in silence
            if ctx.params.get("verbose"):
                traceback.print_exc()
            raise Stop(f"a process of this command has died: {error}", BAD_INPUT) from None
        except (ValueError, TypeError, OSError, ImportError) as error:
            if ctx.params.get("verbose"):
                traceback.print_exc()
            raise Stop(str(error), BAD_INPUT) from None
        except KeyboardInterrupt:
            raise Stop("interrupted", INTERRUPTED) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("pydra-diffconn"), prog_name="diffconn")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks.")
@click.option("-p", "choices", metavar="no:NAME", multiple=True, help="Leave a plugin out; may be given again.")
def main(verbose: bool, choices: tuple[str, ...]) -> None:
    """Functional-connectomics workflows, differentiable inside Pydra."""
    if not choices:
        return
    from pydra_diffconn.plugins.registry import disable

    for choice in choices:
        if not choice.removeprefix("no:") or not choice.startswith("no:"):
            raise ValueError(f"-p {choice}: expected no:NAME, which leaves the plugin NAME out of this run")
    disable(choice.removeprefix("no:") for choice in choices)


for command in (demo, run, fit, strategy, atlas, blocks, plugins, show, compare, doctor):
    main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
