"""Pydra's worker "dask", which Pydra 1 comes without: jobs go to a Dask cluster, or to one of this machine."""

from __future__ import annotations

from typing import Any

import attrs
import cloudpickle
import pydra.engine.job  # noqa: F401 - first: workers and engine import each other
from pydra.workers import base


@attrs.define
class DaskWorker(base.Worker):
    """Run jobs on a Dask cluster.

    Parameters
    ----------
    address : str, optional
        Of the cluster's scheduler, such as "tcp://node1:8786"; by default a cluster is started on this machine.
    n_procs : int, optional
        Processes of a cluster on this machine, one thread each.
    """

    address: str | None = None
    n_procs: int | None = None
    client: Any = attrs.field(default=None, eq=False, init=False, hash=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what can be sent to another process."""
        return {**super().__getstate__(), "client": None}

    async def run(self, job: Any, rerun: bool = False) -> Any:
        """Run a job on the cluster; return its result."""
        if self.client is None:
            self.client = _client(self.address, self.n_procs)
        return await (await self.client).submit(_run, cloudpickle.dumps(job), rerun, pure=False)

    def close(self) -> None:
        """Leave the cluster."""
        if self.client is None:
            return
        client, self.client = self.client, None
        if self.loop is not None and not self.loop.is_running() and not self.loop.is_closed():
            self.loop.run_until_complete(client.close())  # with a cluster of its own


def _client(address: str | None, n_procs: int | None) -> Any:
    from dask.distributed import Client

    if address is not None:
        return Client(address, asynchronous=True)
    return Client(n_workers=n_procs, threads_per_worker=1, processes=True, dashboard_address=None, asynchronous=True)


def _run(pickled: bytes, rerun: bool) -> Any:
    return cloudpickle.loads(pickled).run(rerun=rerun)


Worker = DaskWorker
