"""H14: predictions and targets meet in two ways, equal shapes or one trailing 1 more or less; nothing is broadcast (P14)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import built

#: Of Keras 3.15.1's MeanSquaredError, predictions down and targets across: = equal shapes, 1 a trailing 1 squeezed, b broadcast,
#: . refused. What is = or 1 means the mean of the squares of differences in order.
KERAS = {
    ():           "=bbbbbbbbbbbbbbb",
    (2,):         "b=.b1b.bbb.bbbbb",
    (3,):         "b.=...b.bbb..bbb",
    (1, 2):       "bb.=bb.bb..bbbbb",
    (2, 1):       "b1.b=bb.bbbb.bbb",
    (2, 2):       "bb.bb=..b..b.bbb",
    (2, 3):       "b.b.b.=.b1b..bbb",
    (3, 2):       "bb.b...=b...b..b",
    (1, 1, 1):    "bbbbbbbb=bbbbbb1",
    (2, 3, 1):    "bbb.b.1.b=b.bbbb",
    (2, 1, 3):    "b.b.b.b.bb=....b",
    (2, 2, 2):    "bb.bbb..b..=..bb",
    (2, 3, 2):    "bb.b...bbb..=1bb",
    (2, 3, 2, 1): "bbbbbbb.bb..1=bb",
    (2, 1, 2, 1): "bbbbbbb.bb.bbb=b",
    (1, 1, 1, 1): "bbbbbbbb1bbbbbb=",
}  # fmt: skip
PAIRS = [(p, t, KERAS[p][place]) for p in KERAS for place, t in enumerate(KERAS)]
REGRESSIONS = [tw.MeanSquaredError, tw.MeanAbsoluteError, tw.Huber, tw.LogCosh, tw.Poisson, tw.Hinge]


@pytest.mark.parametrize(("p", "t", "there"), PAIRS, ids=str)
def test_nothing_broadcasts(p: tuple[int, ...], t: tuple[int, ...], there: str) -> None:
    for kind in REGRESSIONS:
        y_pred, y_true = torch.rand(p), torch.ones(t)
        if p and there in "=1":
            flat = built(kind)(y_pred.reshape(-1, 1), y_true.reshape(-1, 1))
            torch.testing.assert_close(built(kind)(y_pred, y_true), flat)
        else:
            with pytest.raises(ValueError, match=r"(y_true|y_pred) expected .*; received"):
                built(kind)(y_pred, y_true)


def test_the_table_is_of_two_rules() -> None:
    """What Keras squeezes is a trailing 1 and no other; what it broadcasts is refused here."""
    for p, t, there in PAIRS:
        assert (there == "=") == (p == t)
        assert (there == "1") == (bool(p and t) and ((*p, 1) == t or p == (*t, 1)))


@pytest.mark.parametrize(("p", "t", "there"), [one for one in PAIRS if one[0] and one[2] in "b."], ids=str)
def test_nothing_broadcasts_in_a_total(p: tuple[int, ...], t: tuple[int, ...], there: str) -> None:
    criterion = built(tw.CompiledLoss, {"a": "mse", "b": built(tw.BinaryCrossentropy, from_logits=True, axis=-1)})
    good, bad = (torch.rand(2, 1), torch.ones(2, 1)), (torch.rand(p), torch.ones(t))
    for a, b in ((good, bad), (bad, good)):
        with pytest.raises(ValueError, match=r"(y_true|y_pred) expected .*; received"):
            criterion({"a": a[0], "b": b[0]}, {"a": a[1], "b": b[1]})


@pytest.mark.negative_control
def test_torch_broadcasts() -> None:
    with pytest.warns(UserWarning, match="broadcasting"):
        assert F.mse_loss(torch.rand(3, 1), torch.rand(3), reduction="none").shape == (3, 3)


@pytest.mark.negative_control
def test_keras_broadcasts() -> None:
    assert "b" in KERAS[(2, 1)] and "b" in KERAS[(2, 3)]
