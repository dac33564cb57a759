"""BoxInst with our small nets takes images of any size: its head adds maps whose strides must divide them."""

from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData

from mmseg_plugins.apis.models import get_model
from mmseg_plugins.engine.checks.image_sizes import check_image_sizes
from mmseg_plugins.utils.errors import UserError

CONFIG = Path(__file__).resolve().parents[3] / 'configs/boxes_only/boxinst_r18-fpn_1000it-crop128_nuclei.py'


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return get_model(str(CONFIG))


def batch(*sizes):
    inputs, samples = [], []
    for height, width in sizes:
        inputs.append(torch.randint(0, 255, (3, height, width), dtype=torch.uint8))
        sample = DetDataSample(metainfo=dict(img_shape=(height, width), ori_shape=(height, width), scale_factor=(1, 1)))
        sample.gt_instances = InstanceData(bboxes=torch.tensor([[10.0, 10, 40, 50]]), labels=torch.tensor([0]))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def test_training_takes_images_of_different_odd_sizes(model):
    MessageHub.get_current_instance().update_info('iter', 0)  # what a runner notes; the pairs' loss warms up by it
    data = model.train().data_preprocessor(batch((101, 73), (90, 111)), True)
    losses = model(data['inputs'], data['data_samples'], mode='loss')
    assert all(torch.isfinite(value).all() for value in losses.values())


def test_masks_have_the_size_of_an_odd_image(model):
    with torch.no_grad():
        result = model.eval().test_step(batch((101, 73)))[0].pred_instances
    assert result.masks.shape[1:] == (101, 73)
    assert len(result) > 0


def test_without_padding_a_run_would_be_stopped_before_its_first_step():
    model = get_model(str(CONFIG))
    model.data_preprocessor.pad_size_divisor = 1
    with pytest.raises(UserError, match=r'BoxInst takes no image of 73 x 101 px.*Fix: model.data_preprocessor.'
                                        'pad_size_divisor=16'):
        check_image_sizes(model, {'train': [(101, 73)]}, 2, semantic=False)
    model.data_preprocessor.pad_size_divisor = 32
    check_image_sizes(model, {'train': [(101, 73)], 'val': [(101, 73)]}, 2, semantic=False)
