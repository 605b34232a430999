"""The runs that the cluster jobs have to equal."""

from collections.abc import Callable, Iterator

import pytest

from helpers.slurm import Slurm
from helpers.trainings import TINY, Clone


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[dict[str, str]]]:
    """The rows of a run with a seed that is never stopped."""
    clone = Clone(tmp_path_factory.mktemp("undisturbed"))
    runs: dict[int, list[dict[str, str]]] = {}

    def rows(seed: int) -> list[dict[str, str]]:
        if seed not in runs:
            clone.train(f"seed{seed}", *TINY, "--random_seed", str(seed))
            runs[seed] = clone.rows(f"seed{seed}")
        return runs[seed]

    return rows


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    cluster = Slurm()
    yield cluster
    cluster.close()
