"""``tw.fuse`` computes what the plain path does, says once that it compiles or cannot, and steps aside as the closed form does."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.utils.flop_counter import FlopCounterMode

import torchweights as tw
from tests.closed_form.paths import CLOSED, plain
from tests.closed_form.test_against_plain import GRADIENT, VALUE, both, off
from tests.hazards.catalogue import given, given_total, total
from tests.samples import Sample
from torchweights.closed_form import function, fusing

BESIDE = {
    "nothing": {},
    "weights and a mask": {
        "sample_weight": torch.tensor([0.5, 0.0, 2.0, 1.0]), "mask": torch.tensor([True, True, False, True]),
    },
}  # fmt: skip
#: the dice of all pixels counts those of weight 0 too: that is the plain path's business
ASIDE = {("bce dice", "weights and a mask")}


@pytest.fixture(autouse=True)
def short_axes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are small here, their last axes short: what the compiler is left out of otherwise is asked of it."""
    monkeypatch.setattr(fusing, "SHORT", 0)
    monkeypatch.setattr(fusing, "_said", set())


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("sample", CLOSED, ids=str)
def test_fused_is_plain(sample: Sample, name: str) -> None:
    criterion = sample.criterion()
    fused = tw.fuse(criterion, from_size=0)
    y_pred, y_true = given(sample)
    call = (y_pred.detach(), y_true, *(BESIDE[name].get(key) for key in ("sample_weight", "mask")))
    value, gradient = off(both(fused, call), both(plain(criterion), call), 1.0 if "cost" in sample.name else 1e-3)
    assert value <= VALUE and gradient <= GRADIENT
    assert (sample.name, name) in ASIDE or (fused._compiled._steps and not fused._compiled.broken)
    assert criterion._compiled is None, "the criterion given stays as it is"


@pytest.mark.parametrize("axis", [1, -1])
def test_large_maps_are_summed_as_closely(axis: int) -> None:
    y_pred = torch.randn(
        (2, 5, 300, 300) if axis == 1 else (2, 300, 300, 5), generator=torch.Generator().manual_seed(0)
    )
    labels = torch.randint(5, (2, 300, 300), generator=torch.Generator().manual_seed(1))
    labels[0, :50] = 255
    criterion = tw.SparseCategoricalCrossentropy(
        from_logits=True, axis=axis, ignore_class=255, class_weight=[1.0, 2, 3, 4, 5]
    )
    call = (y_pred, labels)
    value, gradient = off(both(tw.fuse(criterion), call), both(plain(criterion), call))
    assert value <= VALUE and gradient <= GRADIENT


def test_a_poisoned_pixel_does_not_show_in_a_fused_loss() -> None:
    criterion = tw.fuse(tw.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255), from_size=0)
    y_pred, labels = torch.randn(4, 3), torch.tensor([0, 255, 2, 1])
    expected = both(criterion, (y_pred, labels))
    for poison in (torch.nan, torch.inf, -torch.inf, 3e38):
        spoiled = y_pred.clone()
        spoiled[1] = poison
        found = both(criterion, (spoiled, labels))
        assert all(map(torch.equal, found, expected)) and not found[1][1].any()


def test_a_label_that_is_no_class_is_nan_where_nobody_looks() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, validate=False)
    loss, gradient = both(tw.fuse(criterion, from_size=0), (torch.randn(3, 4), torch.tensor([0, 7, 2])))
    assert loss.isnan() and gradient[[0, 2]].isfinite().all()


REFUSED = {
    "a target": (tw.BinaryCrossentropy(from_logits=True, axis=-1), [[0.3, 2.0]], [[0.0, 1.5]], "y_true expected probabilities in .0, 1.; received 1.5 at"),
    "a target beside a hard one": (tw.BinaryFocalCrossentropy(from_logits=True, axis=-1), [[0.3, 2.0]], [[1.0, -1.0]], "y_true expected probabilities"),
    "an infinite target": (tw.BinaryCrossentropy(from_logits=False, axis=-1), [[0.3, 0.5]], [[1.0, torch.inf]], "y_true expected probabilities"),
    "a prediction": (tw.BinaryCrossentropy(from_logits=False, axis=-1), [[0.3, 1.5]], [[0.0, 1.0]], "y_pred expected probabilities in .0, 1.; received 1.5 at"),
    "a prediction of a class": (tw.CategoricalCrossentropy(from_logits=False), [[0.3, -0.1]], [[0.0, 1.0]], "y_pred expected probabilities"),
    "a row of zeros": (tw.CategoricalCrossentropy(from_logits=False), [[0.0, 0.0]], [[0.0, 1.0]], "received a row of zeros at"),
    "a focal row of zeros": (tw.CategoricalFocalCrossentropy(from_logits=False), [[0.0, 0.0]], [[0.0, 1.0]], "received a row of zeros at"),
    "a label": (tw.SparseCategoricalCrossentropy(from_logits=True), [[0.3, 0.5]], [2], "y_true expected labels from 0 to 1"),
    "a label and probabilities": (tw.SparseCategoricalCrossentropy(from_logits=False), [[0.3, 0.7]], [-1], "y_true expected labels from 0 to 1"),
    "a label, smoothed": (tw.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=0.1), [[0.3, 0.5]], [7], "y_true expected labels from 0 to 1"),
    "a prediction beside a label": (tw.SparseCategoricalCrossentropy(from_logits=False), [[0.3, 1.5]], [0], "y_pred expected probabilities"),
    "a label and costs": (tw.WeightedCategoricalCrossentropy([[1.0, 2.0], [2.0, 1.0]], indexing="true_pred", from_logits=True), [[0.3, 0.5]], [2], "y_true expected labels from 0 to 1"),
    "a target beside dice": (tw.BinaryCrossentropyDice(from_logits=True), [[0.3, 2.0]], [[0.0, 1.5]], "y_true expected probabilities in .0, 1.; received 1.5 at"),
    "a prediction beside dice": (tw.BinaryCrossentropyDice(from_logits=False), [[0.3, -0.1]], [[0.0, 1.0]], "y_pred expected probabilities"),
    "a label and expected costs": (tw.ExpectedCost([[0.0, 2.0], [2.0, 0.0]], indexing="true_pred", from_logits=True), [[0.3, 0.5]], [-1], "y_true expected labels from 0 to 1"),
    "a cost": (tw.WeightedCategoricalCrossentropy([[1.0, 2.0], [2.0, 1.0]], indexing="true_pred", from_logits=False), [[0.0, 0.0]], [[0.0, 1.0]], "received a row of zeros at"),
}  # fmt: skip


#: checked before a pass that looks up places by labels
BEFORE = {"a label, smoothed", "a label and expected costs"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_plain_path_refuses_a_compiled_pass_refuses_alike(name: str) -> None:
    """It tells by a NaN, and the same words are said; left out, the same numbers show nowhere."""
    criterion, p, y, words = REFUSED[name]
    p_and_y = [torch.tensor(one) for one in (p, y)]
    with pytest.raises(ValueError, match=words) as plainly:
        plain(criterion)(*p_and_y)
    fused = tw.fuse(criterion, from_size=0)
    with pytest.raises(ValueError, match=words) as compiled:
        fused(*p_and_y)
    assert str(compiled.value) == str(plainly.value)
    assert bool(fused._compiled._steps) == (name not in BEFORE)
    fine = torch.tensor([[0.25, 0.75]])
    beside = [torch.cat([one, fine if one.is_floating_point() else torch.tensor([1])]) for one in p_and_y]
    call = (*beside, None, torch.tensor([False, True]))
    value, gradient = off(both(fused, call), both(plain(criterion), call))
    assert value <= VALUE and gradient <= GRADIENT and fused._compiled._steps


@pytest.mark.parametrize("focal", [False, True])
def test_soft_labels_are_noticed_once(focal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = tw.BinaryFocalCrossentropy if focal else tw.BinaryCrossentropy
    criterion, p = kind(from_logits=False, axis=-1), torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    fused, compiled, passes = tw.fuse(criterion, from_size=0), function.fused, []

    def noted(*given: Any) -> Any:
        passes.append(given)
        return compiled(*given)

    monkeypatch.setattr(function, "fused", noted)
    for y, count in (
        (torch.ones(4, 3), 1),
        (torch.full((4, 3), 0.25), 2),
        (torch.full((4, 3), 0.75), 1),
        (torch.zeros(4, 3), 1),
    ):
        passes.clear()
        value, gradient = off(both(fused, (p, y)), both(plain(criterion), (p, y)))
        assert value <= VALUE and gradient <= GRADIENT and len(passes) == count


@pytest.mark.parametrize(
    "criterion",
    [tw.BinaryCrossentropy(from_logits=True, axis=-1), tw.BinaryFocalCrossentropy(from_logits=True, axis=-1),
     tw.CategoricalCrossentropy(from_logits=True), tw.CategoricalFocalCrossentropy(from_logits=True)],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_where_a_pass_is_not_finite_the_plain_path_says_what_comes_out(criterion: Any) -> None:
    fused = tw.fuse(criterion, from_size=0)
    for logits in itertools.product([0.0, -1.0, 90.0, 1e4, 3e38, -3e38], repeat=2):
        call = (torch.tensor([logits]), torch.tensor([[1.0, 0.0]]))
        found, expected = both(fused, call), both(plain(criterion), call)
        assert not found[0].isnan() and found[1].isfinite().all()
        if expected[0].isfinite():  # a pass may hold what the plain path's sum cannot
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_prediction_that_is_nan_blames_no_label() -> None:
    criterion = tw.fuse(tw.BinaryCrossentropy(from_logits=False, axis=-1), from_size=0)
    assert criterion(torch.tensor([[torch.nan, 0.5]]), torch.ones(1, 2)).isnan() and criterion._compiled.hard


def test_a_check_of_ones_own_is_made_before() -> None:
    class Checked(tw.BinaryCrossentropy):
        def _check_numbers(self, y_pred: torch.Tensor, y_true: torch.Tensor, weighed: Any) -> None:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        tw.fuse(Checked(from_logits=True, axis=-1), from_size=0)(torch.zeros(2, 2), torch.zeros(2, 2))


def test_it_steps_aside_while_operators_are_watched_and_comes_back() -> None:
    """torch compiles nothing inside a TorchDispatchMode, such as the counter of operations here: that is no missing compiler."""
    criterion, call = (
        tw.fuse(tw.BinaryCrossentropy(from_logits=False, axis=-1), from_size=0),
        (torch.rand(3, 2), torch.ones(3, 2)),
    )
    with warnings.catch_warnings(), FlopCounterMode(display=False):
        warnings.simplefilter("error")
        watched = criterion(*call)
    assert not criterion._compiled._steps
    torch.testing.assert_close(criterion(*call), watched)
    assert criterion._compiled._steps and not criterion._compiled.broken


def test_a_total_is_fused_loss_by_loss() -> None:
    criterion, (y, t) = total(), given_total()
    fused = tw.fuse(criterion, from_size=0)
    found, expected = (torch.autograd.grad(one(y, t), list(y.values())) for one in (fused, criterion))
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)
    assert fused.losses[0]._compiled._steps


def test_any_batch_size_is_two_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    counter, compiled = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: compiled(function, backend=counter, **options))
    criterion = tw.fuse(tw.BinaryCrossentropy(from_logits=True, axis=-1), from_size=0)
    for size in (8, 6, 5, 12, 33):
        y_pred = torch.randn(size, 3, requires_grad=True)
        criterion(y_pred, torch.ones(size, 3)).backward()
    assert counter.frame_count <= 2


def test_second_derivatives_and_second_backwards() -> None:
    criterion = tw.fuse(tw.BinaryCrossentropy(from_logits=True, axis=-1), from_size=0)
    y_pred, y_true = torch.randn(3, 2, dtype=torch.float64, requires_grad=True), torch.ones(3, 2, dtype=torch.float64)
    torch.autograd.gradcheck(lambda p: criterion(p, y_true), y_pred)
    torch.autograd.gradgradcheck(lambda p: criterion(p, y_true), y_pred)
    loss = criterion(y_pred, y_true)
    (first,) = torch.autograd.grad(loss, y_pred, retain_graph=True)
    kept = first.clone()
    first.zero_()
    assert torch.equal(torch.autograd.grad(loss, y_pred)[0], kept)


def test_it_says_once_how_long_it_took_and_warms_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusing.time, "perf_counter", iter(range(100)).__next__)
    criterion = tw.fuse(tw.SparseCategoricalCrossentropy(from_logits=True), from_size=0)
    assert criterion.warm_up((4, 3)) is criterion
    criterion.warm_up((4, 3), sample_weight=torch.ones(4))
    said = capsys.readouterr().err
    assert said.count("SparseCategoricalCrossentropy compiled in 1.0 s") == 1


def test_without_a_compiler_it_warns_once_and_computes_all_the_same(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def none(*given: object, **options: object) -> object:
        def fails(*more: object) -> object:
            raise RuntimeError("no C++ compiler here")

        return fails

    monkeypatch.setattr(torch, "compile", none)
    y_pred, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    for kind in (tw.SparseCategoricalCrossentropy, tw.SparseCategoricalCrossentropy):
        criterion = kind(from_logits=True)
        found = both(tw.fuse(criterion, from_size=0), (y_pred, labels))
        torch.testing.assert_close(found, both(plain(criterion), (y_pred, labels)))
    (said,) = [str(one.message) for one in recwarn if "tw.fuse" in str(one.message)]
    assert "no C++ compiler here. Install a C++ compiler" in said


def test_it_pickles_copies_and_tells_its_options() -> None:
    criterion = tw.fuse(tw.SparseCategoricalCrossentropy(from_logits=True), from_size=0)
    call = (torch.randn(4, 3), torch.tensor([0, 1, 2, 1]))
    expected = both(criterion, call)
    for other in (pickle.loads(pickle.dumps(criterion)), copy.deepcopy(criterion), copy.copy(criterion)):
        assert all(map(torch.equal, both(other, call), expected))
    config = json.loads(json.dumps(criterion.get_config()))
    assert type(criterion).from_config(config).get_config() == config and criterion.state_dict() == {}


def test_plain_undoes_it_and_small_batches_wait_for_no_compiler() -> None:
    criterion = tw.fuse(tw.MeanSquaredError())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        criterion(torch.ones(3, 2, requires_grad=True), torch.zeros(3, 2)).backward()
        assert not criterion._compiled._steps
        assert criterion.plain()._compiled is None


@pytest.mark.parametrize("wrong", [torch.nn.MSELoss(), None, tw.MeanSquaredError])
def test_what_is_no_criterion_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"criterion expected one of this library.*received"):
        tw.fuse(wrong)  # type: ignore[type-var]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("sample", CLOSED, ids=str)
def test_fused_is_plain_on_cuda(sample: Sample) -> None:
    y_pred, y_true = (one.detach().cuda() for one in given(sample))
    criterion = sample.criterion()
    call = (y_pred, y_true, None, None)
    value, gradient = off(
        both(tw.fuse(criterion, from_size=0), call),
        both(plain(criterion), call),
        1.0 if "cost" in sample.name else 1e-3,
    )
    assert value <= VALUE and gradient <= GRADIENT
