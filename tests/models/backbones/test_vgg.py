"""VGG: torchvision's names, strides and dilations, what is frozen, errors."""

import pytest
import torch

from mmseg_plugins.models.backbones import VGG


def torchvision_names(convs, with_bn):
    """Names and shapes of torchvision's ``features``, from its numbering rule."""
    names, index, channels = {}, 0, 3
    for stage, count in enumerate(convs):
        width = 64 * 2**min(stage, 3)
        for _ in range(count):
            names[f'features.{index}.weight'] = (width, channels, 3, 3)
            names[f'features.{index}.bias'] = (width, )
            if with_bn:
                for part in ('weight', 'bias', 'running_mean', 'running_var'):
                    names[f'features.{index + 1}.{part}'] = (width, )
                names[f'features.{index + 1}.num_batches_tracked'] = ()
            index += 3 if with_bn else 2
            channels = width
        index += 1
    return names


@pytest.mark.parametrize('with_bn', [False, True])
@pytest.mark.parametrize(('depth', 'convs'), [(11, (1, 1, 2, 2, 2)), (16, (2, 2, 3, 3, 3))])
@pytest.mark.parametrize('pool_strides', [(2, 2, 2, 2, 2), (2, 2, 2, 1, 0)])
def test_names_are_torchvisions_whatever_the_strides(depth, convs, with_bn, pool_strides):
    model = VGG(depth, with_bn=with_bn, pool_strides=pool_strides)
    assert {k: tuple(v.shape) for k, v in model.state_dict().items()} == torchvision_names(convs, with_bn)


def test_the_paper_s_hole_network_has_stride_8():
    model = VGG(16, base_channels=2, pool_strides=(2, 2, 2, 1, 0), dilations=(1, 1, 1, 1, 2), out_indices=(4, ))
    outs = model(torch.randn(1, 3, 64, 96))
    assert [tuple(out.shape) for out in outs] == [(1, 16, 8, 12)]
    assert model.features[28].dilation == (2, 2)
    assert model.features[21].dilation == (1, 1)


def test_a_pool_of_stride_1_does_not_shift_the_map():
    """A bright spot stays at its place: weights that pass the centre on."""
    model = VGG(11, base_channels=1, pool_strides=(0, 0, 0, 1, 0), out_indices=(4, ))
    for layer in model.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.dirac_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    image = torch.zeros(1, 3, 11, 11)
    image[..., 5, 5] = 1
    rows, columns = model(image)[0][0, 0].nonzero(as_tuple=True)
    assert (rows.unique().tolist(), columns.unique().tolist()) == ([4, 5, 6], [4, 5, 6])


def test_stages_after_the_last_map_are_not_built():
    model = VGG(16, base_channels=2, out_indices=(1, 2))
    outs = model(torch.randn(1, 3, 32, 32))
    assert [tuple(out.shape[1:]) for out in outs] == [(4, 8, 8), (8, 4, 4)]
    sum(out.sum() for out in outs).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_ceil_mode_and_kernel_3_give_caffes_sizes():
    odd = torch.randn(1, 3, 37, 37)
    assert VGG(11, base_channels=1, ceil_mode=True, out_indices=(2, ))(odd)[0].shape[-1] == 5
    assert VGG(11, base_channels=1, out_indices=(2, ))(odd)[0].shape[-1] == 4
    assert VGG(11, base_channels=1, pool_kernel=3, out_indices=(2, ))(odd)[0].shape[-1] == 5


def test_frozen_stages_and_norms_stay():
    model = VGG(11, base_channels=2, with_bn=True, frozen_stages=2, norm_eval=True).train()
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert {int(name.split('.')[1]) for name in frozen} == {0, 1, 4, 5}
    assert not any(m.training for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))


@pytest.mark.parametrize(('kwargs', 'words'), [
    (dict(depth=15), ['depth=15', '11, 13, 16, 19']),
    (dict(pool_strides=(2, 2)), ['pool_strides=(2, 2)', '5 numbers']),
    (dict(pool_strides=(2, 2, 2, 2, 4)), ['stride is 2, 1']),
    (dict(out_indices=(5, )), ['out_indices=(5,)', '0..4']),
])
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError) as error:
        VGG(**kwargs)
    assert all(word in str(error.value) for word in words), error.value
