"""What the tests of hazards share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.hazards.catalogue import PATH
from torchweights.closed_form import fusing


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tensors are tiny here: to wait for a second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="package")
def traced_and_not_built() -> Iterator[None]:
    """On the fused path what torch traces is run as it is: thousands of losses are not compiled here, but in tests/closed_form."""
    if PATH != "fused":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        compiled = torch.compile
        patch.setattr(torch, "compile", lambda f=None, **options: compiled(f, **{"backend": "eager", **options}))
        patch.setattr(fusing, "SHORT", 0)
        yield


@pytest.fixture
def pretend(pretend: torch.device) -> torch.device:
    """An accelerator where there is none; bits are compared with those of the CPU, which other paths compute otherwise."""
    if PATH != "by themselves":
        pytest.skip(f"on an accelerator losses leave the path {PATH!r}: their bits are not those of this CPU")
    return pretend
