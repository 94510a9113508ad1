"""Small convolutional nets: those of paper 000, and LeNet-5.

Each is made for one image size, which its first linear layer fixes; channels and outputs are the data set's.
"""

from __future__ import annotations

from torch import nn

from isbench.errors import UsageError

SHAPES = {
    "pcam-cnn": (3, 96, 96),
    "mnist-cnn": (1, 28, 28),
    "lenet": (1, 28, 28),
    "cifar-cnn": (3, 32, 32),
}


def pcam_cnn(shape: tuple[int, ...], outputs: int, *, dropout: bool = False) -> nn.Module:
    """Two 5x5 convolutions and two linear layers; `dropout`: the paper's layers that never were active."""
    channels = _channels("pcam-cnn", shape)
    return nn.Sequential(
        *_convolution(channels, 10, 5),
        *_convolution(10, 20, 5),
        *([nn.Dropout2d(0.5)] if dropout else []),
        nn.Flatten(),
        *_dense(20 * 21 * 21, 50),
        *([nn.Dropout(0.5)] if dropout else []),
        nn.Linear(50, outputs),
    )


def mnist_cnn(shape: tuple[int, ...], outputs: int, *, dropout: bool = False) -> nn.Module:
    """Two 5x5 convolutions and two linear layers; `dropout`: the paper's layer that never was active."""
    channels = _channels("mnist-cnn", shape)
    return nn.Sequential(
        *_convolution(channels, 10, 5),
        *_convolution(10, 20, 5),
        nn.Flatten(),
        *_dense(20 * 4 * 4, 50),
        *([nn.Dropout(0.5)] if dropout else []),
        nn.Linear(50, outputs),
    )


def cifar_cnn(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Three 3x3 convolutions and two linear layers."""
    channels = _channels("cifar-cnn", shape)
    return nn.Sequential(
        *_convolution(channels, 32, 3),
        *_convolution(32, 64, 3),
        *_convolution(64, 128, 3),
        nn.Flatten(),
        *_dense(128 * 2 * 2, 64),
        nn.Linear(64, outputs),
    )


def lenet(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """LeNet-5 with ReLU and max-pooling; the first convolution is padded to the original's 32x32."""
    channels = _channels("lenet", shape)
    return nn.Sequential(
        *_convolution(channels, 6, 5, padding=2),
        *_convolution(6, 16, 5),
        nn.Flatten(),
        *_dense(16 * 5 * 5, 120),
        *_dense(120, 84),
        nn.Linear(84, outputs),
    )


def _convolution(inputs: int, outputs: int, kernel: int, padding: int = 0) -> list[nn.Module]:
    # ReLU, pooling and channel dropout commute; ReLU after pooling has a quarter of the work.
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.MaxPool2d(2), nn.ReLU()]


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU()]


def _channels(name: str, shape: tuple[int, ...]) -> int:
    """How many channels the inputs have; a UsageError where their height and width are not the net's."""
    wanted = SHAPES[name]
    if len(shape) == 3 and tuple(shape[1:]) == wanted[1:]:
        return shape[0]
    fitting = [other for other, size in SHAPES.items() if len(shape) == 3 and tuple(shape[1:]) == size[1:]]
    raise UsageError(
        f"{name} needs {_by(wanted)} inputs, the data set gives {_by(shape)}",
        f"try {(fitting or ['mlp'])[0]}",
    )


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
