"""The negative controls: what everybody writes is far off, and this suite sees it."""

from __future__ import annotations

import pytest

from tests.distributed import wrong_recipes
from tests.distributed.cells import one_process
from tests.distributed.pool import Pool
from tests.distributed.trainers import error


@pytest.mark.parametrize("name", wrong_recipes.RECIPES)
@pytest.mark.parametrize("world", [2, 4])
def test_a_wrong_recipe_is_caught(pools: dict[int, Pool], world: int, name: str) -> None:
    expected = one_process(wrong_recipes.RECIPES[name][1])
    assert error(pools[world].run(wrong_recipes.run, name)[0], expected) > 1e-2
    assert error(pools[world].run(wrong_recipes.right, name)[0], expected) < 1e-14
