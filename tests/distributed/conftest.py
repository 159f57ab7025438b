"""One pool of ranks of each size for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.distributed.pool import Pool


@pytest.fixture(scope="session")
def pools() -> Iterator[dict[int, Pool]]:
    """Processes that wait for work, by how many there are; they start when they are first used."""
    found = {world: Pool(world) for world in (2, 4)}
    yield found
    for pool in found.values():
        pool.close()
