"""The float type in which counts and weights are kept."""

from __future__ import annotations

import torch

#: devices that have no float64
WITHOUT_FLOAT64 = {"mps"}


def exact(device: torch.device | None) -> torch.dtype:
    """float64, in which counts are whole numbers up to 2**53; float32 on a device that has no float64.

    >>> exact(torch.device("cpu")), exact(torch.device("mps"))
    (torch.float64, torch.float32)
    """
    return torch.float32 if device is not None and device.type in WITHOUT_FLOAT64 else torch.float64


def exactly(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in the float type in which sums keep their digits."""
    return tensor.to(exact(tensor.device))


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device, in a float type that the device has."""
    return tensor.to(exact(device) if tensor.dtype == torch.float64 else tensor.dtype).to(device)
