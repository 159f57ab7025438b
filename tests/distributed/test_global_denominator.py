"""What ``global_denominator`` takes, refuses and sends; ranks that are lost are noticed."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.utils._python_dispatch import TorchDispatchMode

import torchweights as tw
from tests.distributed.pool import Deadlock, Pool, RankFailed

MSE = tw.MeanSquaredError()


def counted(*sizes: int) -> list[tw.Denominator]:
    return [MSE.denominator(y_true=torch.zeros(size, 1)) for size in sizes]


@pytest.mark.parametrize(
    ("averaged_by", "expected"), [("ddp", 6.0), ("fsdp", 6.0), ("sum", 6.0), (("lightning", 3), 2.0), (("accelerate", 2), 3.0)], ids=str
)  # fmt: skip
def test_one_process_divides_by_what_the_trainer_divides_again(averaged_by: Any, expected: float) -> None:
    assert tw.global_denominator(counted(1, 2, 3), averaged_by=averaged_by).value() == expected


def test_one_denominator_alone_and_numbers() -> None:
    assert tw.global_denominator(counted(4)[0]).value() == 4
    assert tw.global_denominator([3, torch.tensor(4)], averaged_by=("lightning", 2)) == 3.5


def test_denominators_of_several_outputs_keep_their_form() -> None:
    a, b = counted(1, 2)
    found = tw.global_denominator([{"a": a, "b": [a, b]}, {"a": b, "b": [b, b]}])
    assert found["a"].value() == 3
    assert [one.value().item() for one in found["b"]] == [3.0, 4.0]


def test_half_a_million_counts_are_exact() -> None:
    """float32 would lose the last pixel."""
    one = MSE.denominator(y_true=torch.zeros(()).expand(2**24 + 1, 1))
    assert tw.global_denominator([one, one]).value() == 2**25 + 2


@pytest.mark.parametrize("averaged_by", ["DDP", "lightning", ("ddp", 2), ("lightning", 0), ("lightning", True), ("lightning", 2.0), None, 3])  # fmt: skip
def test_unknown_words_of_averaged_by_are_refused(averaged_by: Any) -> None:
    with pytest.raises(ValueError, match="averaged_by expected .*; received"):
        tw.global_denominator(counted(1), averaged_by=averaged_by)


def test_nothing_to_add_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"denominators expected one for each micro-batch.*y_true\[:0\]"):
        tw.global_denominator([])


def test_what_is_no_denominator_is_refused() -> None:
    for wrong in ("3", True, torch.ones(2), object(), float("nan")):
        with pytest.raises(TypeError, match="denominators expected what criterion.denominator"):
            tw.global_denominator(wrong)


def test_batches_of_different_outputs_are_refused() -> None:
    a, b = counted(1, 2)
    with pytest.raises(ValueError, match=r"same outputs in every micro-batch; received \['a'\] and \['b'\]"):
        tw.global_denominator([{"a": a}, {"b": b}])


def test_it_is_called_once_in_a_step() -> None:
    d = tw.global_denominator(counted(1), averaged_by=("lightning", 2))
    with pytest.raises(ValueError, match="Call it once in a step"):
        tw.global_denominator([d])
    with pytest.raises(ValueError, match="of all batches and ranks already"):
        d + d


def test_a_group_without_torch_distributed_is_refused() -> None:
    with pytest.raises(ValueError, match="group expected None where torch.distributed is not initialised"):
        tw.global_denominator(counted(1), group=object())


# --------------------------------------------------------------------------------------------------------- on ranks


class Collectives(TorchDispatchMode):
    """The names of the collectives that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in ("c10d", "_c10d_functional"):
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def collectives_of_a_step() -> tuple[list[str], list[str], float]:
    """Those of the helper, those of forward and backward, and D."""
    total = tw.CompiledLoss({"a": "mse", "b": "mae"}, penalties=[lambda: torch.ones(())])
    t = {"a": torch.zeros(2, 1), "b": torch.zeros(2, 3)}
    with Collectives() as helper:
        d = tw.global_denominator([total.denominator(t), total.denominator(t)])
    p = {name: torch.ones_like(one).requires_grad_() for name, one in t.items()}
    with Collectives() as step:
        total(p, t, denominator=d).backward()
    return helper.names, step.names, float(d["b"].value())


def test_one_all_reduce_for_all_outputs_and_none_in_the_step(pools: dict[int, Pool]) -> None:
    for helper, step, value in pools[2].run(collectives_of_a_step):
        assert helper == ["c10d.allreduce_.default"]
        assert step == []
        assert value == 2 * 2 * 2 / 2  # ranks x batches x samples, averaged over ranks


def of_a_group() -> float | str:
    group = dist.new_group([0, 1])
    try:
        return float(tw.global_denominator(counted(dist.get_rank() + 1), group=group).value())
    except ValueError as refusal:
        return str(refusal)


def test_a_group_adds_its_own_ranks(pools: dict[int, Pool]) -> None:
    first, second, *others = pools[4].run(of_a_group)
    assert first == second == (1 + 2) / 2
    assert all("group expected one that this rank belongs to" in str(one) for one in others)


def only_the_first_rank_calls() -> None:
    if dist.get_rank() == 0:
        tw.global_denominator(counted(1))
    elif dist.get_rank() == 1:
        time.sleep(60)


def test_a_rank_that_does_not_call_is_noticed() -> None:
    """The watchdog: a collective that depends on data hangs, and the suite must not."""
    pool = Pool(2)
    pool.run(dist.get_rank)
    with pytest.raises(Deadlock, match=r"ranks \[0, 1\] of 2 did not answer in 1"):
        pool.run(only_the_first_rank_calls, limit=1.0)
    assert pool.run(dist.get_rank) == [0, 1], "new ranks start"
    with pytest.raises(RankFailed, match="ZeroDivisionError"):
        pool.run(divmod, 1, 0)
    pool.close()
