"""The total loss of a model with several outputs: what ``compile`` makes of losses, loss weights and penalties."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torchweights import names
from torchweights.compile_rules import Outputs, compile_rules_for
from torchweights.compile_rules.outputs import names_of
from torchweights.losses import WeightedLoss, from_function
from torchweights.messages import shown
from torchweights.options import takes, whole
from torchweights.penalties import ActivityPenalty, checked_penalties, checked_value
from torchweights.semantics import Semantics, semantics_for
from torchweights.total_splitting import PenaltyShare, SplitsTotal, batch_size, gathered, penalty_share, scaled
from torchweights.totals import Call, Parts, Term

Loss = str | WeightedLoss | Callable[[Any, Any], Tensor] | None
Nested = Tensor | Sequence[Any] | Mapping[str, Any]


class CompiledLoss(SplitsTotal):
    """sum over outputs of loss weight x loss, plus penalties: the number that Keras trains on and prints.

    Args:
        loss: One for each output, in a list (by order) or a dict (by name): a criterion, a name (``tw.get``), a function
            ``fn(y_true, y_pred)``, None for an output without a loss, or a list of several, which add up. A single one is for all outputs.
        loss_weights: A number for each output, in the same form; a tensor (an ``nn.Parameter`` is learned); a function of the step
            that returns one of these (see ``step``); None for ones.
        class_weight: Class weights by output, for losses given by name or as functions; criteria have their own.
        penalties: What is added: functions without arguments (``tw.l2(parameters, 0.01)``, ``tw.activity_l2(layer, 0.01)``,
            ``lambda: model.extra_loss``).
        output_names: What outputs are called: a list, or nested as the model nests them, {"heads": ["a", "b"]}. None takes the keys of
            ``loss``, or output_1, output_2, ..
        semantics: The row: of losses given by name or as functions, and of what may be left out or is refused.

    Calls take ``(y_pred, y_true, sample_weight=None, mask=None, denominator=None)``: each a tensor (of the only output), a list, a dict by
    name, or nested as ``output_names``. With a ``denominator`` out of ``denominator()`` every batch adds its share of the penalties.

    Raises:
        ValueError: for outputs, weights and losses that do not meet as the row's release wants them.

    Source: ``Model.compile`` of Keras 2.0 to 3; recorded in ``parity_tests/compiled``.

    >>> total = CompiledLoss({"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.5})
    >>> p, t = torch.ones(2, 1), torch.zeros(2, 1)
    >>> total({"a": p, "b": p}, {"a": t, "b": t})
    tensor(1.5000)
    >>> total.detailed({"a": p, "b": p}, {"a": t, "b": t}).log_dict()
    {'loss': tensor(1.5000), 'a_loss': tensor(1.), 'b_loss': tensor(1.)}
    """

    def __init__(
        self,
        loss: Loss | Sequence[Any] | Mapping[str, Any],
        loss_weights: Any = None,
        class_weight: Any = None,
        penalties: Sequence[Callable[[], Tensor]] | None = None,
        output_names: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        semantics: str | Semantics = "torchweights",
    ) -> None:
        super().__init__()
        self.semantics = semantics_for(semantics)
        self.rules = compile_rules_for(semantics)
        self.outputs = Outputs(names_of(loss) if output_names is None else output_names)
        self.output_names = tuple(self.outputs.names)
        self._loss = loss
        self._bound = bound = self.rules.losses(loss, self.outputs)
        weights_of = self.rules.class_weights(class_weight, self.outputs)
        self.losses = nn.ModuleList(
            _criterion(self.output_names[place], one, weights_of.get(self.output_names[place]), self.semantics)
            or nn.Identity()
            for place, one in zip(bound.places, bound.given, strict=True)
        )
        self.penalties = checked_penalties(penalties)
        if not any(isinstance(one, WeightedLoss) for one in self.losses) and not penalties:
            raise ValueError(
                "loss expected one output with a loss, or penalties; received neither: there is nothing to train on."
            )
        self._schedule = loss_weights if callable(loss_weights) and not isinstance(loss_weights, Tensor) else None
        if self._schedule is not None:
            takes("loss_weights", self._schedule, ("step",))
        self._step = 0
        given = loss_weights if self._schedule is None else self._scheduled(0)
        weights = self._read_loss_weights(given)
        self._dropped = self._left_out(weights)
        if (
            all(
                dropped or not isinstance(one, WeightedLoss)
                for dropped, one in zip(self._dropped, self.losses, strict=True)
            )
            and not penalties
        ):
            raise ValueError("loss_weights expected a number for one output with a loss; received none.")
        # A buffer, so that a weight that changes recompiles nothing.
        self._hold("loss_weights", given, _as_tensor(weights))

    # -------------------------------------------------------------------------------------------------------- loss weights

    def set_loss_weights(self, loss_weights: Any) -> None:
        """Other loss weights from now on, in any form that the row takes; a compiled step stays compiled."""
        weights = self._read_loss_weights(loss_weights)
        if self._left_out(weights) != self._dropped:
            raise ValueError("loss_weights expected weights for the same outputs as before; received fewer or more.")
        self._change("loss_weights", loss_weights, _as_tensor(weights))

    def step(self, step: int | None = None) -> None:
        """Take the loss weights of the next step, or of ``step``, from the function that was given as ``loss_weights``."""
        if self._schedule is None:
            raise ValueError(
                "step() expected loss_weights to be a function of the step; received numbers. Write loss_weights=lambda step: [1.0, 0.5 ** step]."
            )
        following = self._step + 1 if step is None else whole("step", step, 0)
        self.set_loss_weights(self._scheduled(following))
        self._step = following

    def _scheduled(self, step: int) -> Any:
        """What the function of the step says."""
        assert self._schedule is not None
        found = self._schedule(step)
        if found is None:
            raise TypeError(
                f"loss_weights expected its function to return a number for each output; received None for step {step}. Return them: lambda "
                "step: [1.0, 0.5 ** step]."
            )
        return found

    def _left_out(self, weights: list[float | None]) -> tuple[bool, ...]:
        """Which losses the release leaves out of the total, because a list ended before them."""
        return tuple(weight is None or index in self._bound.dropped for index, weight in enumerate(weights))

    def _read_loss_weights(self, given: Any) -> list[float | None]:
        plain = given.detach().tolist() if isinstance(given, nn.Parameter) else given
        weights = self.rules.loss_weights(plain, self._loss, self._bound, self.outputs)
        if isinstance(given, nn.Parameter) and given.shape != (len(weights),):
            raise ValueError(
                f"loss_weights expected shape ({len(weights)},), a number for each loss; received shape {tuple(given.shape)}."
            )
        for one in weights:
            if one is not None and (
                isinstance(one, bool) or not isinstance(one, (int, float)) or not math.isfinite(one)
            ):
                raise TypeError(
                    f"loss_weights expected finite numbers; received {shown(one)}. Write float(..), and 0.0 for an output that must not count."
                )
        return weights

    # ------------------------------------------------------------------------------------------------------------ the call

    def forward(
        self,
        y_pred: Nested,
        y_true: Nested,
        sample_weight: Nested | None = None,
        mask: Nested | None = None,
        denominator: Any = None,
    ) -> Tensor:
        return self.detailed(y_pred, y_true, sample_weight, mask, denominator).total

    def detailed(
        self,
        y_pred: Nested,
        y_true: Nested,
        sample_weight: Nested | None = None,
        mask: Nested | None = None,
        denominator: Any = None,
    ) -> Parts:
        """The total and what it is made of."""
        terms = []
        for index, arguments, dropped in self._arguments(y_pred, y_true, sample_weight, mask, denominator):
            value = self.losses[index](*arguments[:4], denominator=arguments[4])
            if value.ndim:
                raise ValueError(
                    f"loss of output {self._output(index)!r} expected one number; received shape {tuple(value.shape)}. Give it a reduction "
                    "other than 'none'."
                )
            if dropped:
                value = torch.zeros_like(value)
            weight = self._held("loss_weights", value.device)[index].to(value.dtype)
            place = self._bound.places[index]
            terms.append(Term(self._output(index), value, value * weight, self.outputs.log_names[place]))
        penalties = self.penalty_values(y_pred, denominator)
        total: Any = sum([*(term.weighted for term in terms), *penalties])
        return Parts(total, tuple(terms), penalties, self.output_names, len(self._bound), self.rules.logs)

    def calls(
        self, y_pred: Nested, y_true: Nested, sample_weight: Any = None, mask: Any = None, denominator: Any = None
    ) -> list[Call]:
        """How each loss is called, and with which weight it enters the total."""
        found = []
        for index, (p, t, w, m, d), dropped in self._arguments(y_pred, y_true, sample_weight, mask, denominator):
            weight = 0.0 if dropped else float(self._held("loss_weights", p.device)[index])
            call = {"sample_weight": w, "mask": m, "denominator": d}
            found.append(Call(self._output(index), self.losses[index], p, t, weight, call))
        return found

    def penalty_values(self, y_pred: Nested, denominator: Any = None, *, peek: bool = False) -> tuple[Tensor, ...]:
        """What this batch adds of each penalty: all of it, or its share of a step of several batches, as ``denominator`` counted them.

        ``peek`` leaves those of activities to whoever trains.
        """
        share = penalty_share(denominator, batch_size(y_pred))
        return tuple(self._penalty(one, share, peek) for one in self.penalties)

    def in_row(self, semantics: str | Semantics) -> CompiledLoss:
        """The same losses, weights and penalties, built in another row."""
        losses: dict[str, Any] = {name: [] for name in self.output_names}
        weights: dict[str, Any] = {name: [] for name in self.output_names}
        values = self._held("loss_weights", torch.device("cpu")).tolist()
        for index, criterion in enumerate(self.losses):
            if isinstance(criterion, WeightedLoss) and not self._dropped[index]:
                losses[self._output(index)].append(criterion.in_row(semantics))
                weights[self._output(index)].append(values[index])
        losses = {name: several[0] if len(several) == 1 else several or None for name, several in losses.items()}
        weights = {name: several[0] if len(several) == 1 else several or 1.0 for name, several in weights.items()}
        return CompiledLoss(losses, weights, None, self.penalties, self.outputs.structure, semantics=semantics).train(
            self.training
        )

    def _weights_in_total(self) -> list[tuple[int, Tensor]]:
        return [
            (index, self._held("loss_weights", torch.device("cpu"))[index])
            for index, one in enumerate(self.losses)
            if isinstance(one, WeightedLoss) and not self._dropped[index]
        ]

    def _arguments(
        self, y_pred: Any, y_true: Any, sample_weight: Any, mask: Any, denominator: Any
    ) -> list[tuple[int, tuple[Any, ...], bool]]:
        """For each loss: its place, what of the arguments it is called with, and whether the release drops it from the total."""
        by_output = [
            self.outputs.each("y_pred", y_pred),
            self._targets(y_true),
            self.rules.sample_weights(sample_weight, self.outputs),
            self.outputs.each("mask", mask, lacking="None"),
            self._denominators(denominator),
        ]
        reached = len(by_output[2])  # fewer than there are outputs where a list of weights ends early
        by_output[2] = [*by_output[2], *[None] * (len(self.outputs) - reached)]
        found = []
        for index, place in enumerate(self._bound.places):
            if not isinstance(self.losses[index], WeightedLoss):
                continue
            arguments = [given[place] for given in by_output]
            if isinstance(arguments[4], (list, tuple)):
                arguments[4] = arguments[4][self._bound.places[:index].count(place)]
            if arguments[1] is None:
                raise ValueError(
                    f"y_true expected an entry for {self._output(index)}, which has a loss; received none."
                )
            found.append((index, tuple(arguments), self._dropped[index] or place >= reached))
        return found

    def _targets(self, y_true: Any) -> list[Any]:
        """Targets by output; those of outputs without a loss may be left out, as the old releases do not take them."""
        with_loss = [place for place in range(len(self.outputs)) if self._has_loss(place)]
        if (
            isinstance(y_true, (list, tuple))
            and not self.outputs.nested
            and len(y_true) == len(with_loss) < len(self.outputs)
        ):
            found = dict(zip(with_loss, y_true, strict=True))
            return [found.get(place) for place in range(len(self.outputs))]
        if isinstance(y_true, Tensor) and len(with_loss) == 1 < len(self.outputs):
            return [y_true if place in with_loss else None for place in range(len(self.outputs))]
        return self.outputs.each("y_true", y_true, lacking="None")

    def _denominators(self, given: Any) -> list[Any]:
        if given is None or isinstance(given, Mapping):
            return self.outputs.each("denominator", given, lacking="None")
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(listed) != len(self.outputs):
            raise ValueError(
                f"denominator expected {len(self.outputs)} entries, one for each of {self.outputs}; received {len(listed)}. Pass what "
                "denominator() returns, added up over the batches."
            )
        return listed

    def _output(self, index: int) -> str:
        return str(self.output_names[self._bound.places[index]])

    def _has_loss(self, place: int) -> bool:
        return any(
            at == place and isinstance(one, WeightedLoss)
            for at, one in zip(self._bound.places, self.losses, strict=True)
        )

    def _penalty(self, penalty: Callable[[], Tensor], share: PenaltyShare, peek: bool) -> Tensor:
        value = self._penalty_value(penalty, peek)
        if isinstance(penalty, ActivityPenalty):
            return scaled(value, share.of_activities(self.rules.activity == "mean over samples"))
        value, sharded = gathered(value)
        return scaled(value, share.of_parameters(sharded))

    def _penalty_value(self, penalty: Callable[[], Tensor], peek: bool = False) -> Tensor:
        value = checked_value(penalty.peek() if isinstance(penalty, ActivityPenalty) and peek else penalty())
        if value.ndim and not self.rules.adds_up_tensors:
            raise ValueError(
                f"penalties expected one number each; received shape {tuple(value.shape)}. Write lambda: tensor.sum(), or .mean()."
            )
        return value.sum() if value.ndim else value

    def eval(self, *, validation_split: bool = False) -> CompiledLoss:
        """As in evaluate and on ``validation_data``; with ``validation_split``, as on what ``fit`` sets aside of its own arrays.

        The old releases made class weights into sample weights before they split: their ``val_loss`` is weighed by class.
        """
        return self.train(validation_split and self.rules.split_weighed)

    def extra_repr(self) -> str:
        return f"outputs={list(self.output_names)}, loss_weights={self.loss_weights}, penalties={self.penalties}, semantics={self.rules.name!r}"


def _criterion(name: str, loss: Loss, class_weight: Any, semantics: Semantics) -> WeightedLoss | None:
    """The criterion of an output."""
    if isinstance(loss, WeightedLoss):
        if class_weight is not None:
            raise ValueError(
                f"class_weight of output {name!r} expected where its criterion is built; received it beside {shown(loss)}. "
                "Write the criterion with class_weight=."
            )
        return loss
    options = {} if class_weight is None else {"class_weight": class_weight}
    if isinstance(loss, str):
        return names.get(loss, semantics, **options)
    if loss is None:
        return None
    if not callable(loss) or isinstance(loss, type):
        built = f"Build it: {loss.__name__}(..)" if isinstance(loss, type) else "Write tw.MeanSquaredError(), or 'mse'"
        raise TypeError(
            f"loss of output {name!r} expected a criterion, a name or a function; received {shown(loss)}. {built}."
        )
    return from_function(loss, semantics=semantics, **options)


def _as_tensor(weights: list[float | None]) -> Tensor:
    return torch.tensor([0.0 if one is None else float(one) for one in weights], dtype=torch.float64)
