"""`diffconn doctor`: whether this machine can do the work, and what to do where it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

Finding = tuple[str, str]
"""Its state (`ok`, `note` or `no`), and what was found with what to do."""
COLOURS = {"ok": "green", "note": "yellow", "no": "red"}
LITTLE = 5  # GB of free disk
OLD = 3600  # seconds after which a lock is nobody's, as far as one can tell


@click.command()
@click.option(
    "-w", "--work-dir", type=click.Path(path_type=Path), help="Pydra's cache; by default the one that Pydra uses."
)
def doctor(work_dir: Path | None) -> None:
    """Check Python, JAX, folders, locks, plugins, TemplateFlow and Pydra's workers, and say what to do."""
    from pydra_diffconn.pydra_compat.submitting import run_cache

    cache = work_dir or run_cache()
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("packages", packages),
        ("devices", devices),
        ("compiled programs", compiled),
        ("Pydra's cache", lambda: writable(cache, "give another one with -w, or cache_root= in Python")),
        ("locks", lambda: locks(cache)),
        ("disk", lambda: disk(cache)),
        ("plugins", plugins),
        ("fMRIPrep folders", folders),
        ("TemplateFlow", templates),
        ("a job, debug", lambda: job("debug")),
        ("a job, cf", lambda: job("cf")),
    ]
    failed = 0
    for item, check in checks:
        try:
            findings = list(check())
        except Exception as error:  # what fails here would fail in the work, too
            findings = [("no", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")]
        for state, told in findings:
            failed += state == "no"
            click.echo(f"{click.style(f'{state:4}', fg=COLOURS[state])}  {item:18} {told}")
    if failed:
        raise click.ClickException(f"{failed} of these must be mended first")


def packages() -> Iterator[Finding]:
    """Tell the versions of what results depend on."""
    names = ("pydra-diffconn", "pydra", "jax", "numpy", "nilearn", "nibabel")
    yield "ok", f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names)


def devices() -> Iterator[Finding]:
    """Tell where JAX computes, and in which precision."""
    import jax

    from pydra_diffconn.pydra_compat import precision

    found = ", ".join(f"{one.platform} {one.id} ({one.device_kind})" for one in jax.devices())
    double = precision() == "float64"
    told = "double" if double else "single (JAX_ENABLE_X64=1 for double)"
    yield "ok", f"{found}; {os.cpu_count()} cores; precision: {told}"


def compiled() -> Iterator[Finding]:
    """Check the folder of compiled programs, without which each process compiles anew."""
    from pydra_diffconn.numerics.process import cache_folder

    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or cache_folder())
    for state, told in writable(folder, "set JAX_COMPILATION_CACHE_DIR to a folder that is"):
        yield ("note" if state == "no" else state), told  # slower, no more


def writable(folder: Path, otherwise: str) -> Iterator[Finding]:
    """Check that a folder can be written to, or made."""
    try:
        with tempfile.NamedTemporaryFile(dir=_there(folder)):
            pass
    except OSError as error:
        yield "no", f"{folder} cannot be written to ({error.strerror}); {otherwise}"
        return
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.exists() else 0
    yield "ok", f"{folder}, {size / 1e6:.0f} MB"


def _there(folder: Path) -> Path:
    """Return a folder, or the nearest above it that exists."""
    return next(one for one in (folder, *folder.absolute().parents) if one.exists())


def locks(cache: Path) -> Iterator[Finding]:
    """Find locks that were left behind: a job that waits for one waits for ever."""
    found = [file for file in cache.glob("*.lock") if time.time() - file.stat().st_mtime > OLD]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield "note", f"{found[0]}{more} are older than an hour; if nothing runs, remove them: rm {cache}/*.lock"
    else:
        yield "ok", "none was left behind"


def disk(cache: Path) -> Iterator[Finding]:
    """Tell the free disk where results and temporary files go."""
    for folder in dict.fromkeys((Path.cwd(), _there(cache))):
        free = shutil.disk_usage(folder).free / 1e9
        told = f"{free:.0f} GB free in {folder}"
        yield ("ok", told) if free > LITTLE else ("note", f"{told}; a run needs twice its size: choose another folder")


def plugins() -> Iterator[Finding]:
    """Tell which plugins are there, and why one cannot be used."""
    from pydra_diffconn.plugins.registry import registry

    found = registry().plugins
    yield "ok", ", ".join(f"{one.name} {one.title}" for one in found if one.works) or "none"
    for one in found:
        if not one.works:
            yield "note", f"{one.name}: {one.problem}"


def folders() -> Iterator[Finding]:
    """Tell whether folders of derivatives can be indexed."""
    try:
        yield "ok", f"indexed by bids2table {version('bids2table')}"
    except PackageNotFoundError:
        yield "note", "cannot be read by `diffconn run`: pip install 'pydra-diffconn[bids]'"


def templates() -> Iterator[Finding]:
    """Tell whether atlases of TemplateFlow are at hand."""
    try:
        version("templateflow")
    except PackageNotFoundError:
        yield "note", "not installed; atlases are given as files (pip install templateflow for its own)"
        return
    home = Path(os.environ.get("TEMPLATEFLOW_HOME", Path.home() / ".cache" / "templateflow"))
    count = sum(1 for file in home.rglob("*.nii.gz") if file.stat().st_size) if home.exists() else 0
    if count:
        yield "ok", f"{count} images in {home}"
    else:
        yield "note", f"0 images in {home}; they are fetched when first asked for, with a network"


def job(worker: str) -> Iterator[Finding]:
    """Run a small job as the work is run."""
    import numpy as np

    from pydra_diffconn.blocks import Covariance

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="diffconn-") as cache:
        series = np.random.default_rng(0).standard_normal((50, 4))
        found = Covariance(timeseries=series)(worker=worker, cache_root=cache).covariance
    right = np.allclose(found, np.cov(series, rowvar=False), atol=1e-4)
    took = f"{time.perf_counter() - began:.1f} s"
    yield ("ok", took) if right else ("no", f"the covariance of a small series is wrong, after {took}; tell us")
