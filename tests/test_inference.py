"""Looking at a model leaves it as it was."""

import pytest
import torch
from torch import nn

from vqedu.inference import device_of, evaluating


def test_each_part_is_left_in_its_own_mode():
    """A part that must stay in eval mode, such as a perceptual network, is not woken up."""
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout())).train()
    model[1].eval()
    with evaluating(model) as same:
        assert same is model
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == [True, True, False, False]
    assert torch.is_grad_enabled()


def test_also_after_an_error():
    model = nn.Dropout().train()
    with pytest.raises(ZeroDivisionError), evaluating(model):
        raise ZeroDivisionError
    assert model.training


def test_device_of():
    assert device_of(nn.Linear(1, 1)) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")


def test_device_of_a_model_without_parameters():
    assert device_of(nn.BatchNorm1d(2, affine=False, device="meta")) == torch.device("meta")
    assert device_of(nn.Flatten()) == torch.device("cpu")
