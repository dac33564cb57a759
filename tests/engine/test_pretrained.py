"""A file of initial weights that does not reach its module stops the run, instead of leaving the weights random."""

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from config_files import NAMES, loaded
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from tiny_models import CONFIGS
from torch import nn
from toy_runs import detector_config, write_toy_coco

from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.checks.known_files import BGR, NORMALIZED, ORIGINS, RGB, how_to_get
from mmseg_plugins.engine.checks.pixels import pixels_given
from mmseg_plugins.engine.checks.pretrained import check_pretrained, same_names_and_shapes
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.table import RELEASES


class Small(BaseModule):
    """Twelve convolutions without bias."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.layers = nn.Sequential(*(nn.Conv2d(2, 2, 1, bias=False) for _ in range(12)))


class Renaming(Small):
    """Reads the weights of another framework by itself."""

    def _load_from_state_dict(self, state_dict, *args, **kwargs):
        state_dict.update({name.replace('blobs', 'layers'): state_dict.pop(name) for name in list(state_dict)})
        super()._load_from_state_dict(state_dict, *args, **kwargs)


class Whole(BaseModule):
    def __init__(self, part):
        super().__init__()
        self.part = part


def names(number, prefix='layers', shape=(2, 2, 1, 1)):
    return {f'{prefix}.{i}.weight': torch.randn(shape) for i in range(number)}


@pytest.fixture
def initialize(tmp_path):
    """``(weights, module class, ...)``: write the weights and initialise a module from them."""

    def run(weights, kind=Small, **settings):
        torch.save(weights, tmp_path / 'weights.pth')
        part = kind(dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'), **settings))
        model = Whole(part)
        with check_pretrained(model):
            model.init_weights()
        return part

    return run


def test_a_file_under_foreign_names_stops_with_both_sides(initialize):
    words = (r'weights\.pth reaches 0 of the 12 parameters of model\.part \(Small\).*random.*blobs\.0\.weight, .*'
             r'\(12\).*wants layers\.0\.weight, .*Fix')
    with pytest.raises(UserError, match=words):
        initialize(names(12, 'blobs'))


@pytest.mark.parametrize(('weights', 'settings'), [
    (names(12), {}),
    (dict(state_dict=names(12)), {}),
    (names(12, 'module.layers'), {}),
    (names(12, 'backbone.layers'), dict(prefix='backbone.')),
    (names(12, 'backbone.layers'), dict(prefix='backbone')),
    (names(2), {}),  # a tenth is reached
    ({**names(2), **names(40, 'head')}, {}),
])
def test_a_file_that_fits_in_part_is_read(initialize, weights, settings):
    part = initialize(weights, **settings)
    flat = weights.get('state_dict', weights)
    assert torch.equal(part.layers[1].weight, next(w for name, w in flat.items() if name.endswith('layers.1.weight')))


@pytest.mark.parametrize('weights', [names(1), names(12, shape=(3, 3, 1, 1)), {}])
def test_one_name_by_chance_and_wrong_shapes_are_not_enough(initialize, weights):
    with pytest.raises(UserError):
        initialize(weights)


def test_a_prefix_that_is_not_there_is_named(initialize):
    with pytest.raises((UserError, AssertionError), match=r'backbone'):
        initialize(names(12), prefix='backbone.')


def test_a_module_that_translates_names_by_itself_is_believed(initialize):
    weights = names(12, 'blobs')
    assert torch.equal(initialize(weights, Renaming).layers[3].weight, weights['blobs.3.weight'])


def test_weights_that_are_there_already_count_as_read(tmp_path):
    part = Small(dict(type='Pretrained', checkpoint=str(tmp_path / 'same.pth')))
    torch.save(part.state_dict(), tmp_path / 'same.pth')
    model = Whole(part)
    for _ in range(2):  # the second time nothing is read at all
        with check_pretrained(model):
            model.init_weights()


def test_names_are_compared_with_their_shapes():
    ours = dict(a=torch.zeros(2), b=torch.zeros(2), c=torch.zeros(2))
    assert same_names_and_shapes(ours, dict(a=torch.ones(2), b=torch.ones(3), d=torch.ones(2), c=1)) == {'a'}


def test_a_training_run_does_not_begin(tmp_path):
    weights = {f'res2_0_branch2a_{i}_w': torch.zeros(3) for i in range(5)}  # as a Detectron file
    torch.save(weights, tmp_path / 'detectron.pth')
    config = detector_config(write_toy_coco(tmp_path / 'data', images=2), tmp_path / 'work')
    config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'detectron.pth'))
    with pytest.raises(UserError, match=r'detectron\.pth reaches 0 .*model\.backbone \(ResNet\)'):
        SafeRunner.from_cfg(config).train()


def pretrained_files(node):
    """Local files of initial weights in a config."""
    if isinstance(node, dict):
        if node.get('type') == 'Pretrained' and '://' not in node['checkpoint']:
            yield node['checkpoint']
        node = node.values()
    for child in node if not isinstance(node, str) and isinstance(node, Iterable) else ():
        yield from pretrained_files(child)


def test_it_is_known_how_to_get_every_file_that_a_config_starts_from():
    files = {file for name in NAMES for file in pretrained_files(loaded(name).model.to_dict())}
    assert {Path(file).name for file in files if Path(file).parts[0] != 'work_dirs'} == set(ORIGINS)
    assert {origin.release for origin in ORIGINS.values()} <= set(RELEASES)
    configs = {origin.config.removeprefix('mmseg_plugins::') for origin in ORIGINS.values()} - {''}
    assert all((CONFIGS / config).is_file() for config in configs)
    converted = {file for file in files if Path(file).name in ORIGINS}
    assert {Path(file).parent.name for file in converted} == {'checkpoints'}
    others = files - converted  # results of other configs
    assert others
    assert all(Path(file).parts[0] == 'work_dirs' and 'mmseg-plugins train ' in how_to_get(file) for file in others)


@pytest.mark.parametrize(('file', 'row', 'source', 'config'), [
    ('resnet50_deepstem.pth', 'resnet50-deepstem', 'resnet50-imagenet.pth', ''),
    ('eva02_l_seg.pth', 'eva-pretraining', 'eva02_L_pt_m38m_p14to16.pt',
     ' --config mmseg_plugins::eva02/upernet_eva02-l_512-80k_ade20k.py')])
def test_a_recipe_stops_with_the_command_that_makes_its_file(file, row, source, config, tmp_path):
    path = tmp_path / file
    model = Whole(Small(dict(type='Pretrained', checkpoint=str(path))))
    words = (rf'model\.part starts from {path}, which does not exist\. Fix: mmseg-plugins convert-weights '
             rf'{row} {source} {path}{config} \(.*http')
    with pytest.raises(UserError, match=words), check_pretrained(model):
        model.init_weights()


@pytest.mark.parametrize('name', [
    'psenet_r50-deepstem-k7_600e_ctw1500', 'dilation_vgg16-caffe-joint8_20k-crop628_camvid'])
def test_recipes_of_released_weights_do_not_start_from_random_ones(name):
    cfg = loaded(next(known for known in NAMES if name in known))
    hooks = [hook['type'] for hook in cfg.get('custom_hooks', [])]
    assert list(pretrained_files(cfg.model.to_dict())) or (cfg.load_from and 'mmseg_plugins.LoadFromCheckHook' in hooks)


#: Beginning of a name in a table of weights -> what their first convolution reads.
HOSTED = {
    'torchvision://': NORMALIZED,
    'open-mmlab://detectron2/': BGR,  # those called resnet*_caffe
    'open-mmlab://resnet': NORMALIZED,
}


def started_from(node):
    """Every file of initial weights in a config, with the sources of the hosts."""
    if isinstance(node, dict):
        if node.get('type') == 'Pretrained':
            yield node['checkpoint']
        node = node.values()
    for child in node if not isinstance(node, str) and isinstance(node, Iterable) else ():
        yield from started_from(child)


def test_every_config_gives_the_pixels_that_its_initial_weights_were_trained_on():
    compared = 0
    for name in NAMES:
        model = loaded(name).model.to_dict()
        wanted = {ORIGINS[Path(file).name].pixels if Path(file).name in ORIGINS else
                  next((pixels for start, pixels in HOSTED.items() if file.startswith(start)), None)
                  for file in started_from(model)}
        preprocessor = model.get('data_preprocessor') or {}
        while 'data_preprocessor' in preprocessor:
            preprocessor = preprocessor['data_preprocessor']
        if wanted - {None}:
            given = pixels_given(SimpleNamespace(
                channel_conversion=preprocessor.get('bgr_to_rgb', False), std=preprocessor.get('std')))
            assert wanted - {None} == {given}, name
            compared += 1
    assert compared > 60


def test_pixels_of_another_kind_than_the_weights_stop_the_run(tmp_path):
    file = tmp_path / 'vgg16_caffe.pth'
    torch.save(names(12), file)
    model = Whole(Small(dict(type='Pretrained', checkpoint=str(file))))
    model.data_preprocessor = SimpleNamespace(channel_conversion=True, std=torch.tensor([58.395, 57.12, 57.375]))
    words = r'model\.part starts from .*reads BGR, 0 to 255, but the model gets RGB, normalized\..*Fix: data_prep'
    with pytest.raises(UserError, match=words), check_pretrained(model):
        model.init_weights()
    model.data_preprocessor = SimpleNamespace(channel_conversion=False, std=None)
    with check_pretrained(model):
        model.init_weights()


@pytest.mark.parametrize(('settings', 'pixels'), [
    (dict(), BGR), (dict(bgr_to_rgb=True, mean=[0.0] * 3, std=[1.0] * 3), RGB),
    (dict(bgr_to_rgb=True, mean=[0.0] * 3, std=[58.395, 57.12, 57.375]), NORMALIZED),
    (dict(bgr_to_rgb=True, mean=[0.0] * 3, std=[128.0] * 3), None)])
@pytest.mark.parametrize('kind', ['mmdet.DetDataPreprocessor', 'mmseg.SegDataPreProcessor'])
def test_pixels_are_those_that_the_hosts_preprocessors_give(kind, settings, pixels):
    assert pixels_given(MODELS.build(dict(type=kind, **settings))) == pixels


def test_a_converted_file_must_hold_every_branch_that_it_is_for(tmp_path):
    class Branches(BaseModule):

        def __init__(self, branches):
            super().__init__(dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg16_aspp.pth')))
            self.backbone = nn.Conv2d(3, 3, 1)
            self.decode_head = nn.ModuleDict(dict(
                fc6=nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(branches)), fc8=nn.Conv2d(3, 2, 1)))

    def start(branches):
        model = Branches(branches)
        with check_pretrained(model):
            model.init_weights()

    weights = {name: value for name, value in Branches(1).state_dict().items() if 'fc8' not in name}
    torch.save(weights, tmp_path / 'vgg16_aspp.pth')
    start(1)
    words = r'leaves decode_head\.fc6\.1\.weight, .* \(6\) of model random.*Fix: .*vgg16-deeplab.*--config .*aspp-l'
    with pytest.raises(UserError, match=words):
        start(4)


def test_what_a_converted_file_holds_is_what_its_converter_writes():
    wholes = {origin.release: origin.whole for origin in ORIGINS.values() if origin.whole}
    assert wholes == {'vgg16-deeplab': RELEASES['vgg16-deeplab'].part}


def test_every_second_stage_compares_its_start_with_its_network():
    stages = [name for name in NAMES if str(loaded(name).get('load_from') or '').startswith('work_dirs/')]
    assert len(stages) > 15
    lacking = [name for name in stages if 'mmseg_plugins.LoadFromCheckHook' not in {
        hook['type'] for hook in loaded(name).get('custom_hooks', [])}]
    assert lacking == []


def test_every_stage_starts_from_one_that_sees_the_same_pixels():
    by_name = {Path(name).stem: name for name in NAMES}
    pairs = 0
    for name in NAMES:
        start = Path(str(loaded(name).get('load_from') or ''))
        if start.parent.name in by_name:
            here, before = (loaded(one).model.data_preprocessor for one in (name, by_name[start.parent.name]))
            assert all(here.get(key) == before.get(key) for key in ('bgr_to_rgb', 'std')), name
            assert here.mean == pytest.approx(before.mean, abs=2), name  # FCN's mean of VOC, CRF-RNN's of ImageNet
            pairs += 1
    assert pairs > 15


def test_a_result_of_another_config_that_is_missing_is_answered_with_its_training():
    config = loaded('configs/eva02/mask-rcnn_eva02-96-sfp-hog_1000it-crop256_nuclei.py')
    model = Whole(Small(config.model.backbone.init_cfg.to_dict()))
    words = r'starts from work_dirs/.*mmseg-plugins train eva-pretrain_eva02-96-hog_2000it-crop128_images, or'
    with pytest.raises(UserError, match=words), check_pretrained(model):
        model.init_weights()
    assert how_to_get('work_dirs/my_own/iter_2000.pth') == how_to_get('eva-pretrain/iter_2000.pth') == ''
