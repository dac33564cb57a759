"""Detectron's ResNets: what the norms compute, and Python 2's pickles."""

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.caffe_resnet import convert_caffe_resnet
from mmseg_plugins.weights.released_files import read_pickle


def norm_of(converted):
    norm = torch.nn.BatchNorm2d(3).eval()
    norm.load_state_dict({key.removeprefix('bn1.'): value for key, value in converted.items()})
    return norm


def test_folded_norms_compute_scale_and_shift():
    scale, shift = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, -3.0])
    norm = norm_of(convert_caffe_resnet({'res_conv1_bn_s': scale, 'res_conv1_bn_b': shift}))
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(norm(x), x * scale[:, None, None] + shift[:, None, None], rtol=1e-6, atol=1e-6)


def test_whole_norms_are_kept():
    names = {'gamma': 'weight', 'beta': 'bias', 'running_mean': 'running_mean', 'running_var': 'running_var'}
    official = {f'res_conv1_bn_{name}': torch.rand(3) for name in names}
    norm = norm_of(convert_caffe_resnet(official)).state_dict()
    assert all(torch.equal(norm[ours], official[f'res_conv1_bn_{theirs}']) for theirs, ours in names.items())


def test_the_first_convolution_is_turned_round_for_rgb():
    weight, x = torch.randn(4, 3, 7, 7), torch.randn(1, 3, 9, 9)
    bgr, rgb = (convert_caffe_resnet({'conv1_w': weight}, rgb=rgb)['conv1.weight'] for rgb in (False, True))
    conv2d = torch.nn.functional.conv2d
    torch.testing.assert_close(conv2d(x.flip(1), rgb), conv2d(x, bgr), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(conv2d(x, rgb), conv2d(x, bgr))


def test_the_stride_lies_in_the_first_convolution_of_the_hosts_caffe_style():
    block = MODELS.build(dict(type='mmdet.ResNet', depth=50, style='caffe', base_channels=4)).layer2[0]
    assert (block.conv1.stride, block.conv2.stride) == ((2, 2), (1, 1))


def python2_pickle(numbers):
    """What Python 2 wrote for {'conv1_w': array}: text where Python 3 has bytes."""
    data = numbers.astype('<f4').tobytes()
    dtype = b'cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNN' + 2 * b'J\xff\xff\xff\xff' + b'K\x00tb'
    empty = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR'
    array = empty + b'(K\x01K' + bytes([len(numbers)]) + b'\x85' + dtype + b'\x89U' + bytes([len(data)]) + data + b'tb'
    return b'\x80\x02}U\x07conv1_w' + array + b's.'


def test_arrays_of_python_2(tmp_path):
    numbers = np.array([1.5, -2.25, 3e30])
    (tmp_path / 'R-50.pkl').write_bytes(python2_pickle(numbers))
    assert torch.equal(read_pickle(tmp_path / 'R-50.pkl')['conv1_w'], torch.tensor(numbers, dtype=torch.float))


@pytest.mark.parametrize(('content', 'words'), [
    (b'\x80\x02cos\nsystem\nU\x04trueR.', 'os.system'),
    (b'\x80\x02cbuiltins\ngetattr\n.', 'builtins.getattr'),
    (b'\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00base64\x86R.', 'base64'),
    (b'', 'Ran out of input'),
])  # fmt: skip
def test_anything_but_arrays_is_refused(tmp_path, content, words):
    (tmp_path / 'file.pkl').write_bytes(content)
    with pytest.raises(UserError, match=f'pickled dict of plain arrays: .*{words}'):
        read_pickle(tmp_path / 'file.pkl')
