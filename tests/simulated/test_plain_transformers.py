"""Pre-training and the adapter on the simulated device: no tensor forgets its device, values are those of the CPU."""

import numpy as np
import torch
from mmengine.registry import MODELS
from mmseg.structures import SegDataSample
from simulated_device import SimulatedDevice

BACKBONE = dict(
    type='mmseg_plugins.EVA02', arch=dict(embed_dims=16, depth=4, num_heads=2), pretrain_size=32, with_cls_token=True)
TARGETS = [
    dict(type='mmseg_plugins.HOGTargets'),
    dict(type='mmseg_plugins.BackboneTargets', channels=32, backbone=dict(
        type='mmseg_plugins.VGG', depth=11, base_channels=4, out_indices=(3, ),
        init_cfg=dict(type='Pretrained', checkpoint='not read'))),
]


def pretraining(target):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='mmseg_plugins.EVAPretrain', backbone=dict(BACKBONE, final_norm=True), target=target,
        data_preprocessor=dict(type='mmengine.ImgDataPreprocessor', mean=[1.0] * 3, std=[2.0] * 3)))  # fmt: skip


def loss_of(model):
    mask = np.eye(2, dtype=bool)
    images = [torch.arange(3 * 32 * 32, dtype=torch.uint8).reshape(3, 32, 32) for _ in range(2)]
    samples = [SegDataSample(metainfo=dict(token_mask=mask)) for _ in range(2)]
    return model(**model.data_preprocessor(dict(inputs=images, data_samples=samples), True), mode='loss')['loss_cosine']


def test_pretraining() -> None:
    for target in TARGETS:
        wanted = loss_of(pretraining(target))
        with SimulatedDevice() as device:
            model = device.move(pretraining(target))
            loss = loss_of(model)
            loss.backward()
            assert all(p.grad.device.type == 'sim' for p in model.parameters() if p.requires_grad)
            torch.testing.assert_close(loss.detach().cpu(), wanted.detach(), rtol=1e-4, atol=1e-6)


def test_adapter() -> None:
    def adapter():
        torch.manual_seed(0)
        return MODELS.build(dict(type='mmseg_plugins.ViTAdapter', vit=BACKBONE, width=4, deform_heads=2, points=2,
                                 interactions=[[0, 0], [1, 1], [2, 2], [3, 3]]))

    image = torch.linspace(-1, 1, 2 * 3 * 40 * 64).reshape(2, 3, 40, 64)
    wanted = adapter()(image)
    with SimulatedDevice() as device:
        model = device.move(adapter())
        found = model(image.to(device.name))
        sum(x.sum() for x in found).backward()
        assert all(p.grad.device.type == 'sim' for p in model.parameters())
        for here, there in zip(found, wanted, strict=True):
            torch.testing.assert_close(here.detach().cpu(), there.detach(), rtol=1e-3, atol=1e-4)
