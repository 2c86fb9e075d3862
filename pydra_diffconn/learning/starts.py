"""Taking the steps of a fit from several starts: where they end apart, one start would have been chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pydra_diffconn.learning.checkpoints import Checkpoint
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.numerics.process import one_blas_thread


def from_elsewhere(
    learner: Learner, savers: Sequence[Checkpoint | None], seed: int, progress: bool
) -> list[dict[str, Any]]:
    """Take the steps again from as many other starts; leave the best state, and return what each start came to."""
    rng, states = np.random.default_rng(seed), [learner.state]
    with one_blas_thread():
        for saver in savers:
            if learner.stopped.startswith("interrupted"):
                break
            learner.begin_elsewhere(rng)
            with Progress(learner.total, enabled=progress) as bar:
                learner.run(bar, saver)
            states.append(learner.state)
    key = "validation" if learner.held_out else "training"
    learner.state = min(states, key=lambda state: state.best[key])
    numbers = [{n: v for n, v in learner.plain(one.best_values).items() if np.ndim(v) == 0} for one in states]
    return [{"start": n, **one.best, **numbers[n]} for n, one in enumerate(states)]
