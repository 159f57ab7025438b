"""Which row a release gets: by name, by requirement, by neighbour."""

from __future__ import annotations

import warnings

import pytest
import torch

import torchweights as tw
from torchweights import releases
from torchweights.semantics import ROW_OF


@pytest.mark.parametrize("release", list(ROW_OF))
def test_every_recorded_release_is_known_by_its_name(release: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert release in tw.semantics_for(release).releases


@pytest.mark.parametrize(
    ("requirement", "release"),
    [
        ("tensorflow==2.7.1", "tf2.7"), ("tensorflow-gpu==1.14.0", "tf1.14"), ("keras==2.2.5", "keras2.2.5"),
        ("keras==3.3.3", "keras3.3"), ("tf_keras==2.17.0", "tf_keras2.17"), ("keras==2.13.1", "tf2.13"),
        ("tensorflow==2.15.0.post1", "tf2.15"), ("tensorflow==2.10.0rc1", "tf2.10"),
    ],
)  # fmt: skip
def test_a_requirement_finds_its_release(requirement: str, release: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert release in tw.semantics_for(requirement).releases


@pytest.mark.parametrize(
    ("requirement", "row", "said"),
    [
        ("keras==2.1.3", "keras2.0.9", "keras2.0.9 .* and keras2.1.6 .* that of the release before it"),
        ("keras==2.1.5", "keras2.0.9", "that of the release before it"),
        ("keras==2.2.6", "keras2.2.5", "keras2.2.5 .* and keras2.3.0 "),
        ("keras==2.0.1", "keras2.0.9", "its neighbour is keras2.0.9"),
        ("keras==3.16.0", "keras3.15", r"its neighbour is keras3.15 \(row 'keras3.15'\); row 'keras3.15' is used\.$"),
        ("tensorflow==1.4.0", "tf1.12", "its neighbour is tf1.12"),
        ("tensorflow==3.0", "tf_keras2.21", "its neighbour is tf2.15"),
        ("tf_keras==2.22", "tf_keras2.21", "its neighbour is tf_keras2.21"),
    ],
)
def test_an_unrecorded_release_says_which_neighbour_it_used(requirement: str, row: str, said: str) -> None:
    with pytest.warns(UserWarning, match=said):
        assert tw.semantics_for(requirement).name == row


def test_the_warning_points_at_whoever_asked() -> None:
    with pytest.warns(UserWarning, match="not recorded") as caught:
        tw.MeanSquaredError(semantics="keras==3.99")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("tensorflow==2.16.1", "two Kerases"), ("tensorflow==2.21", "two Kerases"), ("keras==2.4.3", "tensorflow==<its version>"),
        ("keras==2.5.0", "hands everything to the tf.keras"), ("keras==latest", "expected a version"),
        ("kera==2.2.4", "Did you mean 'keras'"), ("keras2.2.44", "Did you mean 'keras2.2.4'"), ("tf2.16", "semantics expected one of"),
    ],
)  # fmt: skip
def test_what_names_no_keras_is_refused(release: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tw.semantics_for(release)


def test_spans_are_the_opposite_of_expand() -> None:
    assert releases.spans(ROW_OF)
    for row in tw.SEMANTICS.values():
        assert tuple(releases.expand(releases.spans(row.releases).replace(",", ""))) == row.releases


def test_tensorflow_1_13_made_an_object_of_mean_squared_error_alone() -> None:
    y_true, y_pred = torch.zeros(2, 1, dtype=torch.float64), torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    weight = torch.tensor([3.0, 1.0])
    squared = tw.MeanSquaredError(semantics="tf1.13")(y_pred, y_true, weight)
    absolute = tw.MeanAbsoluteError(semantics="tf1.13")(y_pred, y_true, weight)
    assert squared.item() == (3 * 1 + 4) / 2  # by elements
    assert absolute.item() == (3 * 1 + 2) / 4  # by the sum of weights
    assert tw.MeanAbsoluteError(semantics=tw.semantics_for("tf1.13", "loss"))(y_pred, y_true, weight).item() == 5 / 2
