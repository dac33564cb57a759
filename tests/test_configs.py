"""Every public config loads, is named by the grammar, is documented, and builds offline on a CPU."""

import importlib.util
import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import mmengine
import pytest
import torch
from config_files import CONFIGS, NAMES, ROOT, loaded
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope
from mmengine.runner.checkpoint import get_torchvision_models
from quick_weights import quick_weights

from mmseg_plugins.config.walk import class_numbers, leaf_datasets, set_num_classes
from mmseg_plugins.engine.checkpoint.fit import class_metainfo
from mmseg_plugins.engine.checks.compatibility import check_model
from mmseg_plugins.utils.yaml_text import read_yaml

DATASETS = 'ade20k|balloon|camvid|cityscapes|coco|cocostuff|ctw1500|images|isbi|nuclei|nyudv2|personpart|sbd|shapes|voc'
GRAMMAR = re.compile(rf'[a-z0-9-]+_[a-z0-9-]+_[a-z0-9-]+_({DATASETS})\.py')  # algorithm_components_settings_dataset
DEPTH = 2  # own bases below one another, hosts' not counted
ANCESTORS = 5  # own files that a config is made of, without itself


#: A billion parameters are 4 GB; the parts of EVA-02-L are also those of its smaller crops.
HUGE = {'mask2former_eva-g-adapter_896-60k_cocostuff', 'cascade-mask-rcnn_eva-g-sfp_1280-45k_coco',
        'cascade-mask-rcnn_eva02-l-sfp_1536-60k_coco'}


@cache
def own_bases(path):
    bases = Config._get_base_files(str(path))
    return tuple((path.parent / base).resolve() for base in bases if '::' not in base)


@cache
def entries_of(metafile):
    """A metafile's models, which nobody changes."""
    return tuple(read_yaml(metafile.read_text())['Models'])


def system_folder(name):
    return ROOT / 'configs' / name.split('/')[1]


def depth(path):
    return max((1 + depth(base) for base in own_bases(path)), default=0)


def ancestors(path):
    return set().union(*({base} | ancestors(base) for base in own_bases(path)))


def test_base_names_are_unique():
    stems = [Path(name).stem for name in NAMES]
    assert len(set(stems)) == len(stems)


def test_metafiles_name_exactly_the_configs():
    """A config that is lost, here or in a metafile, shows in the difference."""
    models = [model for path in (ROOT / 'configs').rglob('metafile.yml') for model in entries_of(path)]
    assert sorted(model['Config'] for model in models) == NAMES
    assert all(model['Name'] == Path(model['Config']).stem for model in models)


def test_names_follow_the_grammar():
    assert [name for name in NAMES if not GRAMMAR.fullmatch(Path(name).name)] == []


def test_files_are_short_and_say_what_they_are_and_the_command():
    for name in NAMES:
        text = (ROOT / name).read_text()
        assert text.startswith('# '), f'{name} begins with no comment that says what it is'
        commands = (f'tools/{tool} {name}' for tool in ('train.py', 'dist_train.sh', 'test.py'))
        assert any(command in text for command in commands), f'{name}: the exact command is missing'
        assert text.count('\n') <= 60, name


def test_folders_document_their_configs():
    for name in NAMES:
        stem = Path(name).stem
        shown = (system_folder(name) / 'README.md').read_text()
        assert stem in shown or stem.rsplit('_', 2)[0] in shown, name


def test_heads_promise_numbers_only_where_some_were_measured():
    for name in NAMES:
        entries = entries_of(system_folder(name) / 'metafile.yml')
        measured = any(model.get('Results') for model in entries if model['Config'] == name)
        head = (ROOT / name).read_text().split('_base_')[0].lower()
        assert not ('measured numbers' in head and not measured), f'{name}: say "Not yet measured here."'
        assert not ('not yet measured' in head and measured), f'{name}: say where the measured numbers are'


def test_a_system_has_folders_for_bases_ablations_and_examples_only():
    systems = {path.parent for path in (ROOT / 'configs').glob('*/metafile.yml')}
    folders = {path.name for system in systems for path in system.iterdir() if path.is_dir()}
    assert folders == {'_base_', 'ablations', 'examples'}


def test_bases_lie_at_most_two_deep_and_are_at_most_five_files():
    for name in NAMES:
        assert depth(ROOT / name) <= DEPTH, name
        assert len(ancestors(ROOT / name)) <= ANCESTORS, name


def test_every_base_is_the_base_of_a_config():
    bases = {path.resolve() for path in (ROOT / 'configs').rglob('*.py')} - {path.resolve() for path in CONFIGS}
    assert set().union(*(ancestors(path) for path in CONFIGS)) == bases


@pytest.mark.parametrize('runtime', ['iters_runtime', 'semantic_runtime', 'semantic_epochs_runtime'])
def test_runtimes_differ_in_scope_and_counting_only(runtime):
    folder = ROOT / 'configs/_base_/runtime'
    cfg, default = (Config.fromfile(folder / f'{name}.py').to_dict() for name in (runtime, 'default_runtime'))
    assert {key for key in cfg.keys() | default.keys() if cfg.get(key) != default.get(key)} <= {
        'default_hooks', 'log_processor', 'default_scope', 'visualizer'}
    checkpoint, other = cfg['default_hooks']['checkpoint'], default['default_hooks']['checkpoint']
    assert all(checkpoint[key] == other[key] for key in ('type', 'max_keep_ckpts'))


def test_enet_carries_the_class_weights_that_were_counted():
    counted = Config.fromfile(ROOT / 'configs/_base_/datasets/camvid_class_weights.py').enet_weights
    assert Config.fromfile(ROOT / 'configs/enet/_base_/enet.py').class_weight == counted


@pytest.mark.parametrize('system', ['panet', 'roi_ops'])
def test_small_ladders_have_the_same_network_on_nuclei_and_on_shapes(system):
    """Their bases state it twice; what may differ is what objects and images ask for."""
    nuclei, shapes = (Config.fromfile(ROOT / f'configs/{system}/_base_/{data}.py').model.to_dict()
                      for data in ('nuclei', 'shapes'))
    for model in (nuclei, shapes):
        del model['train_cfg'], model['test_cfg'], model['rpn_head']['anchor_generator']['scales']
        for head in ('bbox_head', 'mask_head'):
            del model['roi_head'][head]['num_classes']
        for extractor in ('bbox_roi_extractor', 'mask_roi_extractor'):
            del model['roi_head'][extractor]['finest_scale']
    assert nuclei == shapes


@pytest.mark.parametrize('name', [name for name in NAMES if not name.endswith('_images.py')])  # those have no classes
def test_a_host_reads_as_many_classes_as_the_data_has(name):
    """Before our variables are filled in; where this fails, write ``num_classes`` into the file that names the data."""
    cfg = Config.fromfile(ROOT / name)
    leaf = next(leaf_datasets(cfg.train_dataloader.dataset))
    meta = dict(class_metainfo(leaf.type, cfg.default_scope), **(leaf.get('metainfo') or {}))
    right = deepcopy(cfg.model)
    background = leaf.type.endswith('CocoSemanticDataset')
    set_num_classes(right, len(meta['classes']) + background, len(meta.get('stuff_classes') or ()))
    assert [number.value for number in class_numbers(cfg.model)] == [number.value for number in class_numbers(right)]
    assert cfg.get('classes') in (None, meta['classes'])


@pytest.mark.parametrize('name', NAMES)
def test_model_and_pipelines_build_offline(name):
    cfg = loaded(name)
    init_default_scope(cfg.default_scope)
    if Path(name).stem in HUGE:
        with torch.device('meta'):  # shapes without numbers
            model = MODELS.build(cfg.model)
    else:
        with quick_weights():
            model = MODELS.build(cfg.model)
        check_model(model)  # backbone, neck and heads fit each other
    untrained = '/classical/' in name
    assert (sum(parameter.numel() for parameter in model.parameters()) == 0) == untrained
    assert (cfg.get('optim_wrapper') is None) == untrained
    for loader in filter(None, (cfg.train_dataloader, cfg.val_dataloader)):  # a pre-training has no validation
        for dataset in leaf_datasets(loader.dataset):
            for step in dataset.pipeline:
                TRANSFORMS.build(step)


def test_no_config_needs_the_dead_model_host():
    dead = ('download.open' + 'mmlab.com', 'open-' + 'mmlab://')
    for name in NAMES:
        text = repr(loaded(name))  # its pretty text takes a quarter of a second
        assert not any(address in text for address in dead), name


# Weights that torchvision published after the table that mmengine brings along.  mmengine names these <class of the
# weights in small letters>.<member>: ResNeXt101_64X4D_Weights.IMAGENET1K_V1 of
# https://pytorch.org/vision/stable/models/generated/torchvision.models.resnext101_64x4d.html
NEWER = {'resnext101_64x4d.imagenet1k_v1'}


def test_names_of_torchvisions_weights_are_known_to_mmengine():
    address = re.compile(r"torchvision://([^'\"]+)")
    named = {(name, weights) for name in NAMES for weights in address.findall(repr(loaded(name)))}
    assert {weights for _, weights in named} > NEWER
    known = set(mmengine.load(str(Path(mmengine.__file__).parent / 'hub/torchvision_0.12.json')))
    if importlib.util.find_spec('torchvision'):
        known |= NEWER & set(get_torchvision_models())
    else:
        known |= NEWER
    assert not [pair for pair in named if pair[1] not in known]


@pytest.mark.parametrize('name', [name for name in NAMES if name.endswith('_nuclei.py') and 'unet' not in name])
def test_detectors_trained_on_crops_see_no_padding_in_a_test(name):
    """The padding is brighter than these images and group norm counts it: it cost PSENet 10 of 38 points of AP."""
    cfg = loaded(name)
    if cfg.model.type in ('mmseg_plugins.TiledSOLO', 'mmseg_plugins.TiledMask2Former'):
        return  # cuts tiles of the crops' size out of the image without its padding
    if cfg.model.type == 'BoxInst':
        return  # adds maps of all strides, so 32 must divide the sides; its norms count no padding in a test
    init_default_scope(cfg.default_scope)
    image = torch.zeros(3, 90, 70, dtype=torch.uint8)
    prepared = MODELS.build(cfg.model.data_preprocessor)(dict(inputs=[image], data_samples=None))
    assert prepared['inputs'].shape[-2:] == (90, 70)


def test_published_recipes_of_one_image_size_let_cudnn_choose_its_algorithms():
    """Off where images have sizes of their own (FCN), and in the small settings, which two CPU cores train."""
    small = re.compile(r'_(nuclei|shapes|balloon|images)\.py$|it-crop\d+_camvid\.py$')
    seen = {True: 0, False: 0}
    for name in NAMES:
        cfg = loaded(name)
        if small.search(name) or not cfg.get('train_dataloader'):
            continue
        data = cfg.train_dataloader.get('dataset') or {}
        data = data.get('dataset', data)
        if cfg.get('default_scope') == 'mmseg':
            one_size = bool(cfg.model.data_preprocessor.get('size')) or 'CamVid' in data.get('type', '') \
                or 'Cityscapes' in data.get('type', '')
        else:  # crops; or images of a camera, which are resized alike
            one_size = any(step.type == 'RandomCrop' for step in data.pipeline) or 'cityscapes' in name
        assert cfg.env_cfg.get('cudnn_benchmark', False) == one_size, name
        seen[one_size] += 1
    assert min(seen.values()) > 20
