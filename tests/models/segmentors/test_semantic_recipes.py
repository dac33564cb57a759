"""What the published semantic recipes say beyond the network: rates, images, stages, tests."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, DefaultScope
from mmengine.runner.base_loop import BaseLoop
from mmseg.registry import MODELS, TRANSFORMS
from semantic_batches import random_labels, semantic_batch
from tiny_models import CONFIGS

from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError

CRF_RNN, FCN = 'crf/crfrnn_fcn8s-vgg16-caffe_100k_voc.py', 'fcn/fcn8s_vgg16-caffe_100k_voc.py'
DILATED = 'dilation/dilation_vgg16-{}_20k-crop628_camvid.py'
PSPNET = 'pspnet/pspnet_r101-os8_30k-crop473_voc.py'


def on_paper(name, **parts):
    """A config's model without memory for its weights, and the config."""
    cfg = load_config(CONFIGS / name)
    for part, values in parts.items():
        cfg.model[part].update(values)
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
        return MODELS.build(cfg.model), cfg


def rates(model, cfg):
    """Parameter name -> (rate over the base rate, decay over the base decay)."""
    base, names = cfg.optim_wrapper.optimizer, {parameter: name for name, parameter in model.named_parameters()}
    return {names[parameter]: (group['lr'] / base.lr, group['weight_decay'] / base.weight_decay)
            for group in build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
            for parameter in group['params']}


def steps(dataloader):
    return [step.type for step in dataloader.dataset.pipeline]


@pytest.mark.parametrize('stage', ['frontend', 'context8', 'joint8'])
def test_dilated_nets_biases_learn_twice_as_fast_without_decay(stage):
    found = rates(*on_paper(DILATED.format(stage)))
    assert any(name.endswith('bias') for name in found)
    for name, value in found.items():
        assert value == ((2, 0) if name.endswith('bias') else (1, 1)), name


def test_the_context_module_learns_from_sixty_whole_images():
    cfg = load_config(CONFIGS / DILATED.format('context8'))
    assert cfg.train_dataloader.batch_size == 60
    assert not {'RandomCrop', 'RandomFlip'} & set(steps(cfg.train_dataloader))
    with DefaultScope.overwrite_default_scope('mmseg'):
        pad = TRANSFORMS.build(cfg.train_dataloader.dataset.pipeline[2])
    image = pad(dict(img=np.zeros((360, 480, 3), np.uint8), seg_fields=[]))['img']
    assert image.shape[:2] == tuple(cfg.model.data_preprocessor['size'])
    assert [(side - 372) // 8 for side in image.shape[:2]] == [45, 60]
    assert load_config(CONFIGS / DILATED.format('joint8')).train_dataloader.batch_size == 14


@pytest.mark.parametrize('training', [True, False])
def test_crf_rnn_pads_images_to_500_with_the_mean_color(training):
    pre = MODELS.build(load_config(CONFIGS / CRF_RNN).model.data_preprocessor)
    data = pre(semantic_batch([random_labels((40, 60), 21)]), training)
    assert data['inputs'].shape == (1, 3, 500, 500)
    assert not data['inputs'][:, :, 40:].any()
    assert not data['inputs'][..., 60:].any()
    if training:
        assert (data['data_samples'][0].gt_sem_seg.data[0, 40:] == 255).all()


class Loop(BaseLoop):

    def __init__(self):
        pass

    def run(self):
        pass


def test_crf_rnn_refuses_the_file_of_a_stage_without_its_head(tmp_path):
    model, cfg = on_paper(CRF_RNN)
    before, _ = on_paper(FCN)
    weights = {name: torch.zeros(1).expand(value.shape) for name, value in before.state_dict().items()}
    hook = HOOKS.build(cfg.custom_hooks[0])

    def check(weights):
        torch.save(dict(state_dict=weights), tmp_path / 'before.pth')
        hook.before_run(SimpleNamespace(
            _train_loop=Loop(), _resume=False, _load_from=str(tmp_path / 'before.pth'), model=model))

    check(weights)
    check({**{name.replace('decode_head.', 'decode_head.head.'): value for name, value in weights.items()}})
    with pytest.raises(UserError, match=r'decode_head\.head\.score_fr\.weight is missing'):
        check({name: value for name, value in weights.items() if 'decode_head' not in name})
    with pytest.raises(UserError, match=r'decode_head\.head\.typo is not in this model'):
        check({**weights, 'decode_head.typo': torch.zeros(1)})


def test_deeplabs_vgg_nets_only_crop_and_mirror():
    for path in sorted((CONFIGS / 'deeplab').glob('deeplabv[12]_*_voc.py')):
        found = steps(load_config(path).train_dataloader)
        assert ('RandomChoice' in found) == ('_r101' in path.name), path.name
        assert {'RandomCrop', 'RandomFlip'} <= set(found), path.name
    largefov = load_config(CONFIGS / 'deeplab/deeplabv1_vgg16-largefov_6k-crop321_voc.py')
    assert largefov.train_dataloader.batch_size == 30
    msc = load_config(CONFIGS / 'deeplab/deeplabv1_vgg16-msc-largefov_6k-crop321_voc.py')
    assert msc.train_dataloader.batch_size == 20


def test_weights_trained_at_stride_16_are_tested_at_stride_8():
    trained, tested = (on_paper(f'deeplab/deeplabv3_r101-{stride}_30k-crop513_voc.py')[0].state_dict()
                       for stride in ('os16', 'os8'))
    assert {name: value.shape for name, value in trained.items()} == {k: v.shape for k, v in tested.items()}


def test_pspnet_trains_its_heads_ten_times_as_fast_blurs_and_tests_by_windows():
    model, cfg = on_paper(PSPNET, backbone=dict(depth=18), decode_head=dict(in_channels=512),
                          auxiliary_head=dict(in_channels=256))
    for name, (rate, _) in rates(model, cfg).items():
        assert rate == (1 if name.startswith('backbone') else 10), name
    assert 'mmseg_plugins.RandomGaussianBlur' in steps(cfg.train_dataloader)
    assert cfg.model.test_cfg == dict(mode='slide', crop_size=(473, 473), stride=(316, 316))


def test_rotated_images_are_filled_with_the_mean_color():
    cfg = load_config(CONFIGS / PSPNET)
    rotate = next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomRotate')
    with DefaultScope.overwrite_default_scope('mmseg'):
        built = TRANSFORMS.build(dict(rotate, prob=1.0, degree=(45, 45)))
    image = built(dict(img=np.zeros((50, 50, 3), np.uint8), seg_fields=[]))['img']
    assert image[0, 0].tolist() == [104, 116, 124]
    assert cv2.mean(image[20:30, 20:30])[:3] == (0, 0, 0)


def test_sbds_own_labels_and_vocs_over_them_have_folders_of_their_own():
    def labels(name):
        return load_config(CONFIGS / name).train_dataloader.dataset.data_prefix.seg_map_path

    assert {labels(name) for name in (FCN, CRF_RNN, 'fcn/fcn32s_vgg16_100k_voc.py')} == {'SegmentationClassSBD'}
    assert {labels(name) for name in (PSPNET, 'deeplab/deeplabv2_r101-msc_20k-crop321_voc.py')} == {
        'SegmentationClassAug'}


def test_enet_keeps_the_last_batch_of_an_epoch_and_the_papers_decay():
    cfg = load_config(CONFIGS / 'enet/enet_encoder_300e_camvid.py')
    assert cfg.optim_wrapper.optimizer.weight_decay == 2e-4
    assert not cfg.train_dataloader.get('drop_last', False)
    notes = (CONFIGS / 'enet/NOTES.md').read_text()
    assert '1e-7' in notes
    assert 'smaller batch' in notes


def test_segnets_published_score_is_said_to_be_of_a_longer_training():
    cfg = load_config(CONFIGS / 'segnet/segnet_vgg16_40k-360x480_camvid.py')
    assert cfg.train_cfg.max_iters == 40000
    assert 'after more than 80,000 iterations' in (CONFIGS / 'segnet/README.md').read_text()
