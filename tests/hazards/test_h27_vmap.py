"""H27: ``vmap(grad(criterion))`` is the loop over samples, each with its own weight and mask (P27)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.hazards.catalogue import PER_SAMPLE, N, built, full, given, given_total, unchecked, unchecked_total
from tests.samples import MASK, SAMPLES, WEIGHT, Sample, gradient


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_per_sample_come_out_of_vmap(sample: Sample, masked: bool) -> None:
    criterion = full(sample, reduction="sum")
    y_pred, y_true = sample.batch(N)

    def one(p: Tensor, t: Tensor, w: Tensor, m: Tensor) -> Tensor:
        return criterion(p[None], t[None], w[None], m[None] if masked else None)

    found = torch.func.vmap(torch.func.grad(one))(y_pred.detach(), y_true, WEIGHT, MASK)
    loop = [gradient(one(p, t, w, m), y_pred) for p, t, w, m in zip(y_pred, y_true, WEIGHT, MASK, strict=True)]
    torch.testing.assert_close(found, torch.stack(loop).sum(0), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("sample", [one for one in PER_SAMPLE if one.name != "ctc"], ids=str)
def test_with_a_mask_for_each_value_of_a_sample(sample: Sample) -> None:
    """Each sample leaves others of its values, one of them all."""
    y_pred, y_true = given(sample, torch.float64)
    values = built(sample, reduction="none")(y_pred, y_true)
    mask = (torch.arange(values.numel()).reshape(values.shape) % 3 > 0).index_fill(0, torch.tensor([1]), False)
    criterion = unchecked(sample, reduction="sum_over_batch_size")

    def one(p: Tensor, t: Tensor, m: Tensor) -> Tensor:
        return criterion(p[None], t[None], mask=m[None])

    found = torch.func.vmap(torch.func.grad(one))(y_pred.detach(), y_true, mask)
    loop = [torch.func.grad(one)(p, t, m) for p, t, m in zip(y_pred.detach(), y_true, mask, strict=True)]
    torch.testing.assert_close(found, torch.stack(loop), rtol=1e-13, atol=1e-15)
    assert not found[1].any(), "nothing left of it"


def test_a_total_of_each_sample() -> None:
    y, t = given_total(torch.float64)
    criterion = unchecked_total()

    def one(a: Tensor, b: Tensor, t_a: Tensor, t_b: Tensor, w: Tensor, m: Tensor) -> Tensor:
        call = {"a": a[None], "b": b[None]}, {"a": t_a[None], "b": t_b[None]}
        return criterion(*call, {"a": w[None], "b": None}, {"a": None, "b": m[None]})

    samples = (y["a"].detach(), y["b"].detach(), t["a"], t["b"], WEIGHT, MASK)
    found = torch.func.vmap(torch.func.grad(one, argnums=(0, 1)))(*samples)
    loop = [torch.func.grad(one, argnums=(0, 1))(*sample) for sample in zip(*samples, strict=True)]
    for together, alone in zip(found, zip(*loop, strict=True), strict=True):
        torch.testing.assert_close(together, torch.stack(alone), rtol=1e-13, atol=1e-15)


@pytest.mark.negative_control
@pytest.mark.parametrize(
    "naive", [lambda p, m: F.relu(p)[m].sum(), lambda p, m: p.sum() / max(1, m.sum().item())], ids=["index", "item"]
)
def test_what_looks_at_numbers_fails_this(naive: object) -> None:
    with pytest.raises(RuntimeError, match=r"vmap|dynamic"):
        torch.func.vmap(torch.func.grad(naive))(torch.randn(N, 3), torch.rand(N, 3) > 0.5)  # type: ignore[arg-type]
