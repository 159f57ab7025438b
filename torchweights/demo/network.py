"""The network of the demo in PyTorch, with the first weights that Keras was given."""

import torch
from torch import Tensor, nn

from torchweights.demo import plan


class Network(nn.Module):
    """Same-padded convolutions with tanh between them: images (N, 1, H, W) in, logits (N, H * W, classes) out."""

    def __init__(self, dtype: torch.dtype) -> None:
        """Build the layers of the plan and load its weights, in `dtype`."""
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels_in, channels_out, size, padding="same", dtype=dtype)
            for size, channels_in, channels_out in plan.LAYERS
        )
        self._load(dtype)

    def _load(self, dtype: torch.dtype) -> None:
        with torch.no_grad():
            for parameter, array in zip(self.parameters(), _torch_order(dtype), strict=True):
                parameter.copy_(array)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, pixels flattened row by row and classes last, as Keras's `Reshape` lays them out."""
        *hidden, last = self.convolutions
        values = images
        for convolution in hidden:
            values = torch.tanh(convolution(values))
        logits: Tensor = last(values)
        return logits.permute(0, 2, 3, 1).flatten(1, 2)

    def keras_weights(self) -> Tensor:
        """Return all weights laid end to end in Keras's order: layer by layer, (height, width, in, out), then bias."""
        ordered = (p.permute(2, 3, 1, 0) if p.dim() == 4 else p for p in self.parameters())
        return torch.cat([p.detach().reshape(-1) for p in ordered])


def _torch_order(dtype: torch.dtype) -> list[Tensor]:
    """Return kernels and biases as PyTorch lays them out: (out, in, height, width)."""
    tensors = []
    for kernel, bias in plan.initial_weights():
        tensors += [torch.from_numpy(kernel).permute(3, 2, 0, 1).to(dtype), torch.from_numpy(bias).to(dtype)]
    return tensors
