import pytest
import torch

from isbench.datasets.losses import LOSSES, bce, cross_entropy, l1, mse


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_one_number_for_each_sample(name):
    target = torch.tensor([0, 1, 1]) if name == "cross_entropy" else torch.rand(3, 2)
    assert LOSSES[name](torch.randn(3, 2), target).shape == (3,)


def test_losses_of_values_are_means_over_the_outputs_of_a_sample():
    output, target = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.zeros(2, 2)
    assert mse(output, target).tolist() == [5.0, 0.0]
    assert l1(output, target).tolist() == [2.0, 0.0]


def test_bce_of_a_logit_is_the_cross_entropy_of_two_classes():
    logit, label = torch.tensor([[0.7], [-1.2]]), torch.tensor([1, 0])
    two = torch.cat([torch.zeros_like(logit), logit], dim=1)
    torch.testing.assert_close(bce(logit, label[:, None].float()), cross_entropy(two, label))
