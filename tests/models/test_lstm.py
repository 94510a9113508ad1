import pytest
import torch

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.store.records import ModelSpec
from tests.builders import rng


def made(shape, classes=10, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="lstm", options=options), shape, classes)


@pytest.mark.parametrize(("shape", "width"), [((9,), 1), ((9, 4), 4), ((1, 3, 3), 1), ((3, 4, 5), 3)])
def test_sequences_and_images_fit(shape, width):
    model = made(shape, 5, hidden=6)
    assert model.lstm.input_size == width
    assert model(torch.zeros(2, *shape)).shape == (2, 5)


def test_hidden_is_the_number_of_units():
    count = sum(p.numel() for p in made((9,), 5, hidden=6).parameters())
    assert count == 4 * 6 * (1 + 6 + 2) + 5 * 7


def test_an_image_is_read_pixel_by_pixel_row_after_row():
    model, images = made((2, 3, 4)), torch.randn(2, 2, 3, 4, generator=rng())
    images = images.contiguous(memory_format=torch.channels_last)
    sequences = torch.stack([images[:, :, i // 4, i % 4] for i in range(12)], 1)
    assert torch.equal(model(images), model.last(model.lstm(sequences)[0][:, -1]))


def test_the_logits_are_those_of_the_state_after_the_last_step():
    model, x = made((9,)), torch.randn(2, 9, generator=rng())
    state = model.lstm(x[..., None])[1][0][-1]
    assert torch.allclose(model(x), model.last(state))


def test_the_forget_gate_begins_open_and_the_recurrence_is_orthogonal():
    recurrent, bias = made((9,)).lstm.weight_hh_l0, made((9,)).lstm.bias_ih_l0
    assert torch.allclose(recurrent.T @ recurrent, torch.eye(128), atol=1e-5)
    assert bias.reshape(4, 128).mean(1).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_more_than_an_image_is_refused():
    with pytest.raises(UsageError, match="lstm needs sequences or images, the data set gives 2x3x4x5"):
        made((2, 3, 4, 5))
