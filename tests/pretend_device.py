"""A pretend accelerator for machines without one: strict about devices, and it writes down whenever the host waits.

Its tensors hold their numbers in hidden CPU storages; every operation really runs there, so values and gradients are
those of the CPU to the last bit. What CUDA refuses (tensors of two devices in one operation) is refused in CUDA's words.
``watch()`` collects what would make the host wait: numbers read (``.item()``, ``if tensor:``), shapes that depend on
numbers (``nonzero``, an index of booleans), and copies, in either direction: a blocking copy to CUDA waits as well.

The device is PyTorch's private-use backend in its Python form, which is itself private: where it is missing,
``why_not()`` says so and tests are skipped. Nothing is registered before ``device()`` is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

NAME = "pretend"


@dataclass
class Seen:
    """What happened on the device, in the order it happened."""

    #: the host waits for an answer
    waits: list[str] = field(default_factory=list)
    #: blocking copies to the device; on CUDA the host waits for these too
    uploads: list[str] = field(default_factory=list)
    #: operations that autocast would have had a say in
    autocast: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)


#: those that listen; operations of backward arrive from another thread, so this is no thread's own
_listening: list[Seen] = []
#: address of a pretend storage -> (weak reference to it, the storage that holds its numbers)
_hidden: dict[int, tuple[StorageWeakRef, torch.UntypedStorage]] = {}
_sweep_at = 256


@contextmanager
def watch() -> Iterator[Seen]:
    """Collects what happens on the device inside, backward included."""
    seen = Seen()
    _listening.append(seen)
    try:
        yield seen
    finally:
        _listening.remove(seen)


#: float types that the device has not got, for a while
_lacking: set[torch.dtype] = set()


@contextmanager
def without(dtype: torch.dtype) -> Iterator[None]:
    """The device as one that has not got a float type, as MPS has no float64."""
    _lacking.add(dtype)
    try:
        yield
    finally:
        _lacking.remove(dtype)


def _tell(kind: str, what: str) -> None:
    for seen in _listening:
        getattr(seen, kind).append(what)


# ------------------------------------------------------------------------------------------------------ tensors and numbers


def is_pretend(value: object) -> bool:
    """Whether it is a tensor of this device."""
    return isinstance(value, Tensor) and value.device.type == NAME


def numbers(tensor: Tensor) -> Tensor:
    """The hidden numbers as a CPU tensor that shares them: looking at them is no event."""
    _, storage = _hidden[tensor.untyped_storage()._cdata]
    bare = torch.empty(0, dtype=tensor.dtype, device="cpu")
    return bare.set_(storage, tensor.storage_offset(), tensor.shape, tensor.stride())  # type: ignore[call-overload]


def held() -> int:
    """How many storages of the device are alive."""
    for address in [address for address, (alive, _) in _hidden.items() if alive.expired()]:
        del _hidden[address]
    return len(_hidden)


def _without_kernel(op: Any, *args: Any) -> Tensor:
    # Sizes and strides are all there is to it, so the kernels of meta tensors do it for any device.
    return op.redispatch(torch._C.DispatchKeySet(torch._C.DispatchKey.Meta), *args)


def _alias(of: Tensor, result: Tensor) -> Tensor:
    """A pretend tensor over the storage of ``of``, laid out as ``result`` is over the hidden one."""
    if result.dtype != of.dtype:
        raise NotImplementedError(f"the pretend device has no view of {of.dtype} as {result.dtype}")
    layout = (result.shape, result.stride(), result.storage_offset())
    return _without_kernel(torch.ops.aten.as_strided.default, of, *layout)


def _laid_out(tensor: Tensor, result: Tensor) -> Tensor:
    """``tensor`` itself, laid out over its storage as ``result`` is over the hidden one; the storage grows on paper."""
    layout = (result.storage_offset(), result.shape, result.stride())
    return _without_kernel(torch.ops.aten.set_.source_Storage_storage_offset, tensor, tensor.untyped_storage(), *layout)


def _store(result: Tensor) -> Tensor:
    """A new pretend tensor whose numbers are those of ``result``, in the same layout."""
    global _sweep_at
    if result.dtype in _lacking:
        raise NotImplementedError(f"the device {NAME} has no {result.dtype}")
    storage = result.untyped_storage()
    empty = torch._C._acc.create_empty_tensor((0,), result.dtype)  # type: ignore[attr-defined]
    if len(_hidden) >= _sweep_at:
        _sweep_at = 256 + 2 * held()
    # The weak reference keeps the address from being used again while the entry is there.
    _hidden[empty.untyped_storage()._cdata] = (StorageWeakRef(empty.untyped_storage()), storage)
    return _laid_out(empty, result)


# ------------------------------------------------------------------------------------------------------------ every operation


@functools.cache
def _tagged(packet: Any, *tags: torch.Tag) -> bool:
    return any(tag in getattr(packet, overload).tags for overload in packet.overloads() for tag in tags)


#: wait on CUDA, and carry no tag that says so
_WAIT_TOO = {"bincount", "histc", "is_nonzero", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"}
#: take a CPU tensor without axes, as pointwise operations do
_TAKE_A_NUMBER = {"fill_", "masked_fill", "masked_fill_", "_index_put_impl_"}


def _waits(name: str, packet: Any, args: tuple[Any, ...]) -> bool:
    if name in ("index", "_index_put_impl_"):
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    if name in ("masked_fill", "masked_fill_"):
        return is_pretend(args[2])  # CUDA reads the number that is filled in
    dynamic = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
    return name in _WAIT_TOO or _tagged(packet, *dynamic)


def _check_stranger(tensor: Tensor, name: str, packet: Any, written: bool) -> None:
    """CUDA's rule: one device, and beside it numbers in CPU tensors without axes where an operation is pointwise."""
    number = tensor.device.type == "cpu" and tensor.ndim == 0 and not written
    if not (number and (name in _TAKE_A_NUMBER or _tagged(packet, torch.Tag.pointwise))):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and "
            f"{tensor.device}! (in {name})"
        )


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(one, change) for one in value)
    return change(value) if isinstance(value, (Tensor, torch.device)) else value


@functools.cache
def _signature(op: Any) -> tuple[tuple[str, ...], set[str], tuple[str, ...], int]:
    """Names of the arguments, of those that are a tensor, of those that are written; how many results are just these."""
    arguments, returns = op._schema.arguments, op._schema.returns
    written = tuple(a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write)
    same = all(r.alias_info is not None and r.alias_info.is_write for r in returns)
    tensors = {a.name for a in arguments if isinstance(a.type, torch._C.TensorType)}
    return tuple(a.name for a in arguments), tensors, written, len(returns) if same else 0


def _number(value: Any, beside: dict[str, Any]) -> Any:
    """A Python number given for a tensor as one, in the precision of the tensors beside it."""
    if not isinstance(value, (bool, int, float)):
        return value
    floats = (t.dtype for t in beside.values() if isinstance(t, Tensor) and t.is_floating_point())
    dtype = next(floats, torch.get_default_dtype()) if isinstance(value, float) else None
    return torch.tensor(value, dtype=dtype, device="cpu")


def _run(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Any operation that has no kernel of its own: checked, then run on the hidden numbers."""
    packet, name = op.overloadpacket, op.overloadpacket.__name__
    if torch.is_autocast_enabled(NAME):
        _tell("autocast", name)
    if name in ("_copy_from", "_copy_from_and_resize"):
        return _copy(*args, **kwargs)
    _tell("operations", name)
    if name in ("index", "_index_put_impl_"):  # CUDA brings indices itself
        args = (args[0], [i.to(NAME) if i is not None and not is_pretend(i) else i for i in args[1]], *args[2:])
    names, tensors, may_write, same = _signature(op)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    given = {key: _number(given[key], given) if key in tensors else given[key] for key in given}
    written = {key: given[key] for key in may_write if given.get(key) is not None}
    owners: dict[int, Tensor] = {}

    def reveal(value: Tensor | torch.device) -> Tensor | torch.device:
        if not isinstance(value, Tensor):
            return torch.device("cpu")
        if not is_pretend(value):
            _check_stranger(value, name, packet, any(value is out for out in written.values()))
            return value
        shown = numbers(value)
        owners[shown.untyped_storage()._cdata] = value
        return shown

    def dress(value: Tensor | torch.device) -> Tensor | torch.device:
        if not isinstance(value, Tensor):
            return value
        owner = owners.get(value.untyped_storage()._cdata)
        return _store(value) if owner is None else _alias(owner, value)

    shown = {key: _mapped(value, reveal) for key, value in given.items()}
    if _waits(name, packet, args):
        _tell("waits", name)
    results = op(*(shown[key] for key in names[: len(args)]), **{key: shown[key] for key in kwargs})
    for key, tensor in written.items():
        pairs = zip(tensor, shown[key], strict=True) if isinstance(tensor, (list, tuple)) else [(tensor, shown[key])]
        for one, its in pairs:
            if (one.shape, one.stride()) != (its.shape, its.stride()):  # resized, or transposed in place
                _laid_out(one, its)
    if same:
        ordered = tuple(written.values())[:same]
        return ordered[0] if same == 1 else ordered
    return _mapped(results, dress)


def _copy(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    if not is_pretend(target):
        _tell("waits", f"copy to {target.device}")
        target.copy_(numbers(source))
        return target
    if not is_pretend(source):
        if not non_blocking:
            _tell("uploads", f"copy of {tuple(source.shape)} from {source.device}")
        numbers(target).copy_(source)
        return target
    numbers(target).copy_(numbers(source))
    return target


# --------------------------------------------------------------------------------------------------------------- the backend


class _Module:
    """What PyTorch asks of ``torch.pretend``."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def _is_in_bad_fork(self) -> bool:
        return False

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def manual_seed_all(self, seed: int) -> None:
        """Random numbers come from the CPU's generator."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16, torch.bfloat16]


def why_not() -> str | None:
    """Why there is no pretend device in this process, or None."""
    from torch.utils import backend_registration

    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend") or not hasattr(
        getattr(torch._C, "_acc", None), "create_empty_tensor"
    ):
        return f"torch {torch.__version__} has no private-use backend in Python"
    if torch.cuda.is_available():
        return "a real accelerator is here, and would no longer be the one of this process beside a private-use backend"
    taken = torch._C._get_privateuse1_backend_name()
    return None if taken in (NAME, "privateuseone") else f"the private-use backend is {taken} already"


@functools.cache
def device() -> torch.device:
    """The device, registered on first use and there for the rest of the process."""
    from torch.utils import backend_registration

    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    library = torch.library.Library("_", "IMPL")
    library.fallback(_run, "PrivateUse1")
    library.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    device.library = library  # type: ignore[attr-defined]  # kernels go with it
    return torch.device(NAME, 0)
