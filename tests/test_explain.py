"""``tw.explain``: its parts add up to the loss, it names what stands out, and it can be read in every form."""

from __future__ import annotations

import gc
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests import tf1_samples
from tests.samples import DIVIDING, ROWS, SAMPLES, Sample

#: how far the parts may be from the loss: scaled by the sum of their absolute values
LIMIT = 1e-6


def added_up(explanation: tw.Explanation, loss: Tensor) -> float:
    """The scaled difference between the parts and the loss."""
    total = float(loss.sum())
    parts = sum(explanation.contributions)
    if total != total:
        return 0.0 if parts != parts else 1.0
    return abs(parts - total) / max(sum(abs(one) for one in explanation.contributions), 1e-12)


def weights_of(kind: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if "weight" in kind:
        given["sample_weight"] = torch.tensor([1.0, 0.0, 2.5, 0.5], dtype=torch.float64)
    if "mask" in kind:
        given["mask"] = torch.tensor([True, True, False, True])
    return given


@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
@pytest.mark.parametrize("kind", ["plain", "weight", "mask", "weight and mask"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.name)
@pytest.mark.parametrize("row", ROWS)
def test_the_parts_add_up_to_the_loss(row: str, sample: Sample, kind: str) -> None:
    checked, worst = 0, 0.0
    for reduction in [*DIVIDING, "none"]:
        for weighed in (False, True):
            options: dict[str, Any] = {"semantics": row, "reduction": reduction}
            if weighed:
                options["class_weight"] = {0: 1.0, 1: 5.0, 2: 0.5}
            y_pred, y_true = sample.batch()
            try:
                criterion = sample.criterion(**options)
                loss = criterion(y_pred, y_true, **weights_of(kind))
            except (ValueError, TypeError):
                continue  # what a row refuses has no number to explain
            found = tw.explain(criterion, y_pred, y_true, **weights_of(kind))
            worst, checked = max(worst, added_up(found, loss.detach())), checked + 1
            assert json.dumps(found.to_dict())
    assert worst <= LIMIT, worst
    assert checked or kind != "plain", "every loss has a number without weights"


def sparse(**options: Any) -> tw.SparseCategoricalCrossentropy:
    return tw.SparseCategoricalCrossentropy(from_logits=True, **options)


def pixels(size: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    y_true = torch.randint(3, (size, 8, 6), generator=generator)
    return torch.randn(size, 3, 8, 6, generator=generator, dtype=torch.float64), y_true


@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("row", ROWS)
def test_the_parts_of_several_outputs_add_up(row: str, weighed: bool) -> None:
    y_pred, y_true = pixels()
    kernel = torch.randn(3, 2, dtype=torch.float64)
    squares = torch.randn(4, 2, dtype=torch.float64)
    criterion = tw.CompiledLoss(
        ["mse", sparse(axis=1, semantics=row)], loss_weights=[0.5, 3.0], penalties=[tw.l2(kernel, 0.1)], semantics=row
    )
    call = {"sample_weight": [torch.tensor([1.0, 2.0, 0.0, 1.0], dtype=torch.float64), None]} if weighed else {}
    try:
        total = criterion([squares, y_pred], [torch.zeros(4, 2, dtype=torch.float64), y_true], **call)
    except ValueError as problem:
        pytest.skip(f"row {row!r} refuses weights for one output alone: {problem}")
    found = tw.explain(criterion, [squares, y_pred], [torch.zeros(4, 2, dtype=torch.float64), y_true], **call)
    assert added_up(found, total) <= LIMIT
    assert found.total == pytest.approx(float(total), rel=1e-12)
    assert [part.output for part in found.parts] == ["output_1", "output_2"]
    assert found.penalties[0][1] == pytest.approx(0.1 * float((kernel**2).sum()))
    assert "Outputs" in str(found)


def test_the_way_of_the_number_is_that_of_the_release() -> None:
    """O5: five classes of a segmentation become one number."""
    generator = torch.Generator().manual_seed(0)
    y_pred = torch.rand(2, 4, 4, 5, generator=generator, dtype=torch.float64)
    y_true = (torch.rand(2, 4, 4, 5, generator=generator) < 0.3).double()
    criterion = tw.BinaryCrossentropy(semantics="keras2.2.4")
    (part,) = tw.explain(criterion, y_pred, y_true).parts
    shapes = {stage.name: stage.shape for stage in part.stages}
    assert shapes["value per element"] == (2, 4, 4, 5)
    assert shapes["mean over the class axis"] == (2, 4, 4)
    sums = {stage.name: stage.sum for stage in part.stages}
    clipped = y_pred.clamp(1e-7, 1 - 1e-7)
    elements = -(y_true * clipped.log() + (1 - y_true) * (1 - clipped).log())
    assert sums["value per element"] == pytest.approx(float(elements.sum()), rel=1e-9)
    assert sums["numerator S"] == pytest.approx(float(elements.mean(-1).sum()), rel=1e-9)
    assert sums["denominator D"] == 32
    assert part.loss == pytest.approx(float(elements.mean()), rel=1e-9)


def test_shares_are_those_of_the_formula() -> None:
    y_pred, y_true = pixels()
    y_true[0, :2] = 255
    weights = torch.tensor([1.0, 5.0, 0.5], dtype=torch.float64)
    criterion = sparse(axis=1, ignore_class=255, class_weight=weights.tolist())
    leaf = y_pred.clone().requires_grad_()
    criterion(leaf, y_true).backward()
    (part,) = tw.explain(criterion, y_pred, y_true).parts
    values = torch.nn.functional.cross_entropy(y_pred, y_true, reduction="none", ignore_index=255)
    known = y_true != 255
    label = torch.where(known, y_true, 0)
    paid = torch.where(known, values * weights[label], 0.0)
    wrong = (y_pred.argmax(1) != y_true) & known
    assert leaf.grad is not None
    for one in part.classes:
        here = known & (y_true == one.label)
        assert one.elements == pytest.approx(float(here.sum() / known.sum()))
        assert one.loss == pytest.approx(float(paid[here].sum() / paid.sum()))
        assert one.weight == pytest.approx(float(weights[one.label] * here.sum() / weights[label][known].sum()))
        assert one.errors == pytest.approx(float((wrong & here).sum() / wrong.sum()))
        assert one.gradient == pytest.approx(float(leaf.grad.abs().sum(1)[here].sum() / leaf.grad.abs().sum()))
    assert part.ignored == pytest.approx(float((~known).double().mean()))
    heaviest = part.heaviest[0]
    assert paid[heaviest.index] == paid.max()
    assert heaviest.share == pytest.approx(float(paid.max() / paid.sum()))
    by_sample = paid.flatten(1).sum(1)
    assert part.samples[0].index == int(by_sample.argmax())
    assert part.samples[0].share == pytest.approx(float(by_sample.max() / by_sample.sum()))
    assert y_pred.grad is None, "explaining trains nothing"


FINDINGS = {
    "holds 100 % of the errors": lambda: hidden(),
    "drowns class 1": lambda: hidden(),
    "weighs its own number": lambda: tw.explain(sparse(axis=1, class_weight=[0.0, 1.0, 2.0]), *pixels()),
    "values are negative": lambda: tw.explain(
        tw.from_function(lambda t, p: (p - t).mean(-1)), torch.zeros(4, 2), torch.ones(4, 2)
    ),
    "they cancel": lambda: tw.explain(
        tw.MeanSquaredError(reduction="mean_with_sample_weight"),
        torch.zeros(4, 2),
        torch.ones(4, 2),
        torch.full((4,), 3.0),
    ),
    "only their ratios act": lambda: tw.explain(
        tw.MeanSquaredError(semantics="tf1.12"), torch.zeros(4, 2), torch.ones(4, 2), torch.tensor([1.0, 2.0, 3.0, 4.0])
    ),
    "one number for the whole batch": lambda: tw.explain(tw.Dice(), torch.rand(4, 2), torch.ones(4, 2)),
    "past the clip": lambda: tw.explain(
        tw.BinaryCrossentropy(from_logits=False), torch.tensor([[1.0], [0.5]]), torch.tensor([[1.0], [0.0]])
    ),
    "no element of class 2": lambda: tw.explain(sparse(), torch.zeros(2, 3), torch.tensor([0, 1])),
    "50 % of the values are left out": lambda: tw.explain(
        tw.MeanSquaredError(), torch.zeros(4, 2), torch.ones(4, 2), mask=torch.tensor([True, False, True, False])
    ),
    "nothing counts": lambda: tw.explain(
        tw.MeanSquaredError(), torch.zeros(4, 2), torch.ones(4, 2), mask=torch.zeros(4, dtype=torch.bool)
    ),
    "the loss is nan": lambda: tw.explain(
        tw.MeanSquaredError(semantics="keras2.2.4"), torch.zeros(4, 2), torch.ones(4, 2), torch.zeros(4)
    ),
    "of 100 values make up": lambda: tw.explain(
        tw.MeanSquaredError(), torch.cat([torch.full((3, 1), 100.0), torch.ones(97, 1)]), torch.zeros(100, 1)
    ),
}


def hidden() -> tw.Explanation:
    y_true = torch.tensor([0] * 99 + [1])
    y_pred = torch.tensor([[4.0, -4.0]]).repeat(100, 1)
    return tw.explain(sparse(reduction="mean_with_sample_weight"), y_pred, y_true, torch.tensor([1.0] * 99 + [0.001]))


@pytest.mark.parametrize("words", FINDINGS)
def test_what_stands_out_is_said(words: str) -> None:
    found = FINDINGS[words]()
    assert any(words in one for one in found.findings), found.findings
    assert all(len(line) <= 100 for line in str(found).splitlines()), str(found)


def test_a_plain_batch_has_nothing_to_say() -> None:
    y_pred, y_true = pixels()
    found = tw.explain(sparse(axis=1), y_pred, y_true)
    assert found.findings == ()
    assert "nothing stands out." in str(found)


def test_the_same_inputs_under_other_rows() -> None:
    y_pred, y_true = torch.zeros(3, 1), torch.tensor([[2.0], [1.0], [3.0]])
    weight = torch.tensor([1.0, 0.0, 2.0])
    found = tw.explain(tw.MeanSquaredError(), y_pred, y_true, weight)
    side = found.same_under("keras2.2.4", "tf1.12", "keras3.15", "torch")
    for one in side.rows:
        assert one.loss == pytest.approx(float(tw.MeanSquaredError(semantics=one.row)(y_pred, y_true, weight)))
    assert [one.row for one in side.rows] == ["keras2.2.4", "tf1.12", "keras3.15", "torch"]
    assert "keras2.2.4" in str(side)
    assert json.dumps(side.to_dict())
    steps, nothing, per_sample = torch.ones(3, 4, 2), torch.zeros(3, 4, 2), torch.ones(3)
    refused = tw.explain(tw.MeanSquaredError(), steps, nothing, per_sample).same_under("keras3.15", "tf1.12")
    assert refused.rows[0].loss is None
    assert "sample_weight" in refused.rows[0].how
    assert refused.rows[1].loss == pytest.approx(1.0)
    compiled = tw.CompiledLoss(["mse", "mae"], [0.5, 2.0])
    given = ([y_pred, y_pred], [y_true, y_true])
    both = tw.explain(compiled, *given).same_under("tf1.15", "keras3.15")
    assert [one.loss for one in both.rows] == pytest.approx([float(compiled(*given))] * 2)


def test_an_explanation_keeps_nothing_of_the_batch() -> None:
    y_pred, y_true = pixels()
    found = tw.explain(sparse(axis=1), y_pred, y_true)
    del y_pred
    gc.collect()
    with pytest.raises(ValueError, match="Keep them in variables"):
        found.same_under("torch")
    sizes = [len(json.dumps(tw.explain(sparse(axis=1), *pixels(size)).to_dict())) for size in (4, 64)]
    assert sizes[1] < 1.2 * sizes[0]


def test_activities_are_explained_without_using_them_up() -> None:
    layer = torch.nn.Linear(3, 2)
    criterion = tw.CompiledLoss("mse", penalties=[tw.activity_l2(layer, 0.1), lambda: layer.weight.abs().sum()])
    p = layer(torch.ones(4, 3))
    found = tw.explain(criterion, p, torch.zeros(4, 2))
    total = criterion(p, torch.zeros(4, 2)).detach()
    assert found.total == pytest.approx(float(total.detach()))
    assert tw.explain(criterion, p, torch.zeros(4, 2)).total == pytest.approx(float(total))


def test_rich_prints_the_same_text_in_colour() -> None:
    rich_console = pytest.importorskip("rich.console", reason="rich is not installed: pip install rich")
    found = hidden()
    console = rich_console.Console(width=100, record=True, file=io.StringIO())
    console.print(found)
    assert [line.rstrip() for line in console.export_text(clear=False).splitlines()] == str(found).splitlines()
    assert "\x1b[" in console.export_text(styles=True)


def test_what_is_no_criterion_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Wrap a function with tw.from_function"):
        tw.explain(torch.nn.MSELoss(), torch.zeros(1), torch.zeros(1))  # type: ignore[arg-type]


class Page(HTMLParser):
    """The tables of a page by their names, its texts, and what it loads from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.loads: list[str] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.identified = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.loads += [
            str(given[name]) for name in ("src", "href") if name in given and not str(given[name]).startswith("data:")
        ]
        self.identified = given.get("id") or self.identified
        if tag == "table":
            self.tables[self.identified] = []
        elif tag == "tr":
            self.tables[self.identified].append([])
        elif tag in ("td", "th"):
            self.tables[self.identified][-1].append("")
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what it did not open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[self.identified][-1][-1] += data
        self.texts[self.identified] = self.texts.get(self.identified, "") + data


def several_outputs() -> tw.Explanation:
    y_pred, y_true = pixels()
    criterion = tw.CompiledLoss(
        {"a": "mse", "b <i>": sparse(axis=1, class_weight=[1.0, 5.0, 0.5])},
        {"a": 0.5, "b <i>": 2.0},
        penalties=[tw.l2(y_pred, 0.01)],
    )
    squares = torch.ones(4, 2, dtype=torch.float64)
    return tw.explain(criterion, {"a": squares, "b <i>": y_pred}, {"a": 0 * squares, "b <i>": y_true})


def test_the_page_holds_the_same_numbers(tmp_path: Any) -> None:
    found = several_outputs()
    page = Page(found.to_html(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert page.texts["total"].startswith(f"{found.total:.6g}")
    outputs = page.tables["outputs"]
    assert [row[0] for row in outputs[1:]] == ["a", "b <i>", "l2(1 parameters, 0.01)"]
    assert [float(row[3]) for row in outputs[1:3]] == pytest.approx([part.weighted for part in found.parts], rel=1e-5)
    stages = page.tables["stages-1"]
    assert [float(row[2]) for row in stages[1:]] == pytest.approx(
        [stage.sum for stage in found.parts[1].stages], rel=1e-5
    )
    classes = page.tables["classes-1"]
    assert [float(row[4].rstrip(" %")) for row in classes[1:]] == pytest.approx(
        [100 * one.loss for one in found.parts[1].classes if one.loss is not None], rel=5e-3
    )
    assert page.loads == [], "a page loads nothing from elsewhere"
    assert page.open == []
    whole = found.to_html()
    assert "name='viewport'" in whole
    assert "<script" not in whole
    assert whole.count("tabindex='0'") == whole.count("<table"), (
        "every table that scrolls can be reached with the keyboard"
    )


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_text_of_the_page_has_contrast() -> None:
    page = several_outputs().to_html()
    for colour in set(re.findall(r"[{; ]color: (#[0-9a-f]{6})", page)):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, f"{colour} on white is below AA"


def test_the_picture_shows_shares_and_the_map() -> None:
    pytest.importorskip("matplotlib", reason="the picture needs the extra [plot]")
    figure = several_outputs().plot()
    titles = [axes.get_title() for axes in figure.axes]
    assert "b <i>: shares by class" in titles
    assert "weighted loss of the heaviest image" in titles


def test_the_command_explains_a_file(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from torchweights.cli import main

    y_pred, y_true = pixels()
    data, page = tmp_path / "data.npz", tmp_path / "page.html"
    np.savez(data, y_pred=y_pred.numpy(), y_true=y_true.numpy())
    options = [
        "--loss",
        "sparse_categorical_crossentropy",
        "--from-logits",
        "--axis",
        "1",
        "--class-weight",
        "0:1.0,1:5.0,2:0.5",
    ]
    assert main(["explain", str(data), *options, "--html", str(page), "--same-under", "keras2.2.4", "torch"]) == 0
    printed = capsys.readouterr().out
    criterion = sparse(axis=1, class_weight={0: 1.0, 1: 5.0, 2: 0.5})
    assert f"loss {float(criterion(y_pred, y_true)):.6g}" in printed
    assert "Under other rows" in printed
    assert page.exists()
    assert main(["explain", str(data), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == pytest.approx(float(criterion(y_pred, y_true)))
    np.savez(data, predictions=y_pred.numpy())
    for wrong, words in (
        ([str(data), "--loss", "mse"], "expected arrays y_pred and y_true"),
        ([str(tmp_path / "nothing.npz"), "--loss", "mse"], "No such file"),
        ([str(data), "--loss", "mse", "--class-weight", "0=1"], "expected"),
    ):
        assert main(["explain", *wrong]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("reduction", [None, "sum_by_nonzero_weights", "mean", "sum", "none"])
@pytest.mark.parametrize("name", tf1_samples.ALL)
def test_the_parts_of_tf_losses_add_up(name: str, reduction: str | None, weighed: bool) -> None:
    options = dict(tf1_samples.LOSSES[name][0]) if name in tf1_samples.LOSSES else {}
    if reduction is not None:
        options["reduction"] = reduction
    try:
        criterion = tw.tf1.Criterion(name, **options)
        y_pred, y_true = tf1_samples.batch(name)
        weight = torch.tensor([1.0, 0.0, 2.5], dtype=torch.float64) if weighed else None
        if weight is not None and name != "sparse_softmax_cross_entropy" and name != "softmax_cross_entropy":
            weight = weight[:, None]
        loss = criterion(y_pred, y_true, weight)
    except (ValueError, TypeError) as problem:
        pytest.skip(f"tf.losses refuses {name} with {options}: {problem}")
    found = tw.explain(criterion, y_pred, y_true, weight)
    assert added_up(found, loss.detach()) <= LIMIT
    other = found.same_under(criterion.semantics).rows[0]
    assert other.loss == pytest.approx(found.total, nan_ok=True), other.how
