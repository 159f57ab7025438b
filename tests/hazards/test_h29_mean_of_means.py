"""H29: over ranks that average their gradients, the gradient is that of the whole batch, whatever the split (P29).

Ranks are chunks of one process here; ``tests/distributed`` holds the same on real ranks, under DDP and FSDP.
"""

from __future__ import annotations

import pytest
import torch

import torchweights as tw
from tests.hazards.catalogue import built, given, given_total, slope, total
from tests.hazards.chunks import (
    BESIDE,
    COUNTED,
    CUT,
    MASK,
    SPLITS,
    SUMMED,
    WEIGHT,
    chunks,
    counted,
    error,
)
from tests.samples import Sample, split


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize(("sample", "reduction", "sizes"), CUT, ids=str)
def test_ranks_have_the_gradient_of_the_whole_batch(sample: Sample, sizes: str, beside: str, reduction: str) -> None:
    criterion, (y_pred, y_true) = built(sample, reduction=reduction), given(sample, torch.float64)
    whole = criterion(y_pred, y_true, **BESIDE[beside])
    ranks = chunks(y_pred, y_true, BESIDE[beside], SPLITS[sizes])
    d = tw.global_denominator([counted(criterion, rank) for rank in ranks], averaged_by=("lightning", len(ranks)))
    averaged = sum(criterion(**rank, denominator=d) for rank in ranks) / len(ranks)
    torch.testing.assert_close(averaged, whole, rtol=1e-14, atol=1e-15)
    assert error(slope(averaged, y_pred), slope(whole, y_pred)) <= 1e-14


@pytest.mark.parametrize("sizes", SPLITS)
@pytest.mark.parametrize("sample", SUMMED, ids=str)
def test_sums_of_ranks_where_no_denominator_splits(sample: Sample, sizes: str) -> None:
    criterion, (y_pred, y_true) = built(sample), given(sample, torch.float64)
    whole = criterion(y_pred, y_true)
    parts = [criterion.partial_sums(**rank) for rank in chunks(y_pred, y_true, {}, SPLITS[sizes])]
    of_all = tw.global_sums(parts, averaged_by=("lightning", len(parts)))
    losses = [criterion.from_sums(part, of_all) for part in parts]
    torch.testing.assert_close(losses[0], whole, rtol=1e-13, atol=1e-15)
    averaged = sum(slope(loss, y_pred) for loss in losses) / len(losses)
    assert error(averaged, slope(whole, y_pred)) <= 1e-13


@pytest.mark.parametrize("sizes", SPLITS)
def test_ranks_of_a_total(sizes: str) -> None:
    criterion, (y, t) = total(), given_total(torch.float64)
    beside = {"sample_weight": {"a": WEIGHT, "b": WEIGHT}, "mask": {"a": None, "b": MASK}}
    expected = torch.autograd.grad(criterion(y, t, **beside), list(y.values()))
    whole = {"y_pred": y, "y_true": t, **beside}
    cut = {name: {key: split(one, SPLITS[sizes]) for key, one in each.items()} for name, each in whole.items()}
    ranks = [
        {name: {key: one[place] for key, one in each.items()} for name, each in cut.items()}
        for place in range(len(SPLITS[sizes]))
    ]
    counts = [
        criterion.denominator(
            **{name: one for name, one in rank.items() if name != "y_pred"},
            y_pred_shape={name: one.shape for name, one in rank["y_pred"].items()},
        )
        for rank in ranks
    ]
    d = tw.global_denominator(counts, averaged_by=("lightning", len(ranks)))
    averaged = sum(criterion(**rank, denominator=d) for rank in ranks) / len(ranks)
    torch.testing.assert_close(averaged, criterion(y, t, **beside))
    found = torch.autograd.grad(averaged, list(y.values()))
    assert all(error(one, other) <= 1e-14 for one, other in zip(found, expected, strict=True))


# ------------------------------------------------------------------------------------------------ the negative controls


@pytest.mark.negative_control
@pytest.mark.parametrize("sample", [*COUNTED, *SUMMED], ids=str)
def test_a_mean_of_means_fails_this(sample: Sample) -> None:
    """What everyone writes; hidden where a gradient is nothing but a sign or where samples make sums."""
    criterion, (y_pred, y_true) = built(sample), given(sample, torch.float64)
    expected = slope(criterion(y_pred, y_true), y_pred)
    ranks = chunks(y_pred, y_true, {}, SPLITS["uneven"])
    averaged = sum(criterion(**rank) for rank in ranks) / len(ranks)
    assert error(slope(averaged, y_pred), expected) > 1e-2


@pytest.mark.negative_control
def test_torch_fails_this() -> None:
    """An empty rank makes NaN of all."""
    p = torch.randn(4, 3, requires_grad=True)
    losses = [torch.nn.functional.cross_entropy(p[rows], torch.zeros(len(rows), dtype=torch.int64)) for rows in ([0, 1, 2, 3], [])]  # fmt: skip
    assert (sum(losses) / 2).isnan()
