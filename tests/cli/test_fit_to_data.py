"""fit_to_data: what it measures of toy data, what it writes, how it fails; the fitted configs load and build."""

import argparse
import dataclasses
import json
import shlex

import cv2
import numpy as np
import pytest
import toy_runs
from mmengine.registry import MODELS, init_default_scope

from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.planning.fingerprint import collect_objects, open_source, validation_source
from mmseg_plugins.planning.fragment import fragment_text
from mmseg_plugins.planning.objects import Objects
from mmseg_plugins.planning.planners import Entry, anchor_part, limit_part
from mmseg_plugins.utils.cfg_options import CfgOptions


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    """Folder of the toy data, whose image files are removed: only annotations are read."""
    folder = toy_runs.write_toy_coco(tmp_path_factory.mktemp('toy'))
    for path in (folder / 'images').iterdir():
        path.unlink()
    return folder


def data_options(toy):
    place = 'train_dataloader.dataset.'
    return [f'{place}data_root={toy}', f'{place}ann_file=ann.json', f'{place}data_prefix.img=images/',
            f"{place}metainfo.classes=('disc','bar')"]


def parsed(options):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    return parser.parse_args(['--cfg-options', *options]).cfg_options


def changed_json(toy, path, change):
    content = json.loads((toy / 'ann.json').read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_objects_of_a_json_are_those_of_its_masks(toy):
    objects = collect_objects(open_source(str(toy / 'ann.json')))
    expected = [toy_runs.toy_image(index)[1] for index in range(4)]
    masks = np.concatenate(expected)
    assert isinstance(objects, Objects)
    assert objects.areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    assert objects.image.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert objects.labels.tolist() == [0, 1] * 4
    assert objects.inputs.tolist() == [[64, 64]] * 4
    for mask, box, center in zip(masks, objects.boxes, objects.centers, strict=True):
        y, x = np.nonzero(mask)
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert center.tolist() == pytest.approx([x.mean(), y.mean()])
    assert len(objects.crops) == 8
    assert [int(crop.sum()) for crop in objects.crops] == objects.areas.tolist()


def test_resize_of_a_json_scales_objects(toy):
    objects = collect_objects(open_source(str(toy / 'ann.json'), (128, 128)))
    plain = collect_objects(open_source(str(toy / 'ann.json')))
    assert objects.inputs.tolist() == [[128, 128]] * 4
    assert objects.boxes == pytest.approx(2 * plain.boxes)


def test_crops_of_a_config_cut_objects_and_whole_counts_stay(toy, tmp_path):
    cfg = toy_runs.detector_config(toy, tmp_path / 'run')
    steps = cfg.train_dataloader.dataset.pipeline
    steps.insert(2, dict(type='RandomCrop', crop_size=(32, 24), allow_negative_crop=True))
    cfg.dump(str(tmp_path / 'config.py'))
    objects = collect_objects(open_source(str(tmp_path / 'config.py')), seed=1)
    assert set(map(tuple, objects.inputs.tolist())) == {(24, 32)}
    assert objects.whole_counts.tolist() == [2, 2, 2, 2]
    assert 0 < len(objects) < 8
    again = collect_objects(open_source(str(tmp_path / 'config.py')), seed=1)
    assert objects.boxes.tolist() == again.boxes.tolist()


def test_json_gives_a_table_plots_and_a_fragment_a_system(toy, tmp_path, capsys):
    assert main(['fit', str(toy / 'ann.json'), '--out-dir', str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert 'objects with an anchor of IoU >= 0.5' in text
    assert "SOLO grids, strides [8, 8, 16, 32, 32] (COCO's settings)" in text
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'mask-rcnn.py', 'fcis.py', 'solo.py', 'mask2former.py', 'fit.md', 'fit.json', 'fit.png'}
    assert cv2.imread(str(tmp_path / 'fit.png')).shape[2] == 3
    fitted = json.loads((tmp_path / 'fit.json').read_text())['parts']['anchors']['fitted']
    assert f'anchor_scales = {fitted["anchor_scales"]}' in (tmp_path / 'mask-rcnn.py').read_text()
    assert 'Nothing to change' in (tmp_path / 'mask2former.py').read_text()
    assert (tmp_path / 'fit.md').read_text().count('| **') == 7


SYSTEMS = {
    'configs/panet/panet_r18-path-pooling_1500it_shapes.py': ('anchor_scales', ),
    'configs/panet/mask-rcnn_r18-gnfpn_1500it_shapes.py': ('anchor_scales', 'finest_scale'),
    'mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py': ('anchor_scales', 'finest_scale'),
    'mmdet::solo/decoupled-solo-light_r50_fpn_3x_coco.py': ('scale_ranges', 'num_grids'),
    'mmdet::solov2/solov2-light_r18_fpn_ms-3x_coco.py': ('scale_ranges', 'num_grids'),
    'mmdet::yolact/yolact_r50_1xb8-55e_coco.py': ('anchor_scales', ),
    'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py': (),
}


@pytest.mark.parametrize('name', SYSTEMS)
def test_fitted_config_loads_takes_the_values_and_builds(name, toy, tmp_path):
    source = name if '::' in name else str(toy_runs.ROOT / name)
    ours = [f'data_root={toy}', 'train_ann_file=ann.json', 'train_img_prefix=images/', "classes=('disc','bar')"]
    options = data_options(toy) if '::' in name else ours
    assert main(['fit', source, '--out-dir', str(tmp_path), '--cfg-options', *options]) == 0
    path = next(tmp_path.glob('*_fitted.py'))
    cfg, before = load_config(path), load_config(source)
    for variable in SYSTEMS[name]:
        assert variable in cfg
    model = cfg.model.to_dict()
    if 'anchor_scales' in SYSTEMS[name]:
        head = model.get('rpn_head') or model['bbox_head']
        assert head['anchor_generator']['scales'] == cfg.anchor_scales
    if 'finest_scale' in SYSTEMS[name]:
        assert model['roi_head']['mask_roi_extractor']['finest_scale'] == cfg.finest_scale
    if 'num_grids' in SYSTEMS[name]:
        assert list(model['mask_head']['num_grids']) == cfg.num_grids != list(before.model.mask_head.num_grids)
        assert [tuple(one) for one in model['mask_head']['scale_ranges']] == cfg.scale_ranges
    init_default_scope('mmdet')
    assert MODELS.build(cfg.model) is not None
    if '::' in name:  # options that no variable holds are in the command
        assert f'{shlex.quote(options[0])}' in path.read_text().split('Train:')[1]
        assert cfg.train_dataloader == before.train_dataloader
    else:  # trains on the data that was measured
        assert cfg.train_dataloader == load_config(source, parsed(options)).train_dataloader
        assert '--cfg-options' not in path.read_text().split('Train:')[1].splitlines()[1]


FILLED = {
    'mask-rcnn': ('mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py', ),
    'fcis': (),
    'solo': ('mmdet::solo/decoupled-solo-light_r50_fpn_3x_coco.py', 'mmdet::solov2/solov2-light_r18_fpn_ms-3x_coco.py'),
    'mask2former': (),
}


@pytest.mark.parametrize('stem', FILLED)
def test_fragment_of_a_json_fits_the_base_that_it_names(stem, toy, tmp_path):
    assert main(['fit', str(toy / 'ann.json'), '--out-dir', str(tmp_path / 'a' / 'b')]) == 0
    path = tmp_path / 'a' / 'b' / f'{stem}.py'
    text = path.read_text()
    assert "# _base_ = ['" in text
    example = text.split("# _base_ = ['")[1].split("'")[0]
    init_default_scope('mmdet')
    for base in (example, *FILLED[stem]):
        path.write_text(text.replace(f"# _base_ = ['{example}']", f"_base_ = ['{base}']"))
        cfg = load_config(path)
        cfg.model.pop('init_cfg', None)
        assert MODELS.build(cfg.model) is not None


def test_config_changed_since_or_of_somebody_else_is_not_written_over(toy, tmp_path, capsys):
    arguments = [str(toy / 'ann.json'), '--out-dir', str(tmp_path)]
    assert main(['fit', *arguments]) == 0
    assert main(['fit', *arguments]) == 0  # its own files it renews
    solo = tmp_path / 'solo.py'
    filled = solo.read_text().replace('# _base_', '_base_')
    solo.write_text(filled)
    assert main(['fit', *arguments]) == 2
    assert f'{solo} exists and is not as this tool left it' in capsys.readouterr().err
    assert solo.read_text() == filled
    config = tmp_path / 'config.py'
    toy_runs.detector_config(toy, tmp_path / 'run').dump(str(config))
    before = config.read_text()
    assert main(['fit', str(config), '--out-dir', str(tmp_path / 'out'), '--fragment', str(config)]) == 2
    assert 'is the config that is measured' in capsys.readouterr().err
    assert config.read_text() == before
    assert main(['fit', str(config), '--out-dir', str(config)]) == 2
    assert 'is a file' in capsys.readouterr().err


def test_base_is_found_where_the_folder_is_a_link(toy, tmp_path):
    toy_runs.detector_config(toy, tmp_path / 'run').dump(str(tmp_path / 'config.py'))
    (tmp_path / 'far' / 'away').mkdir(parents=True)
    (tmp_path / 'linked').symlink_to(tmp_path / 'far' / 'away')
    assert main(['fit', str(tmp_path / 'config.py'), '--out-dir', str(tmp_path / 'linked' / 'out')]) == 0
    assert 'model' in load_config(tmp_path / 'linked' / 'out' / 'config_fitted.py')


def test_what_the_loader_drops_is_told(toy, tmp_path, capsys):
    def drop(content):
        content['annotations'][0]['iscrowd'] = 1
        content['annotations'][1]['area'] = 0

    path = changed_json(toy, tmp_path / 'half.json', drop)
    assert main(['fit', str(path), '--out-dir', str(tmp_path / 'out')]) == 0
    told = ['not measured: 1 x iscrowd=1', 'not measured: 1 x area <= 0']
    for text in (capsys.readouterr().out, (tmp_path / 'out' / 'fit.md').read_text()):
        assert all(line in text for line in told)
    assert len(json.loads((tmp_path / 'out' / 'fit.json').read_text())['left_out']) == 2


def test_boxes_given_by_their_corners_are_refused(toy, tmp_path, capsys):
    def corners(content):
        for item in content['annotations']:
            x, y, width, height = item['bbox']
            item['bbox'] = [x, y, x + width, y + height]

    path = changed_json(toy, tmp_path / 'xyxy.json', corners)
    assert main(['fit', str(path), '--out-dir', str(tmp_path / 'a')]) == 2
    assert 'bbox fits as [x1, y1, x2, y2]' in capsys.readouterr().err
    assert main(['fit', str(toy / 'ann.json'), '--out-dir', str(tmp_path / 'b')]) == 0
    assert 'bbox is [x, y, width, height]' not in capsys.readouterr().err


def test_validation_without_masks_is_left_out_and_told(toy, tmp_path, capsys):
    cfg = toy_runs.detector_config(toy, tmp_path / 'run')
    for step in cfg.val_dataloader.dataset.pipeline:
        if step.type == 'LoadAnnotations':
            step.with_mask = False
    cfg.dump(str(tmp_path / 'config.py'))
    assert main(['fit', str(tmp_path / 'config.py'), '--out-dir', str(tmp_path / 'out')]) == 0
    assert 'not measured: the validation images: the pipeline of' in capsys.readouterr().out


def test_maps_of_stuff_are_not_read(toy, tmp_path):
    cfg = toy_runs.detector_config(toy, tmp_path / 'run')
    cfg.train_dataloader.dataset.pipeline[1].with_seg = True  # HTC; there are no such files
    cfg.dump(str(tmp_path / 'config.py'))
    assert len(collect_objects(open_source(str(tmp_path / 'config.py')))) == 8


def test_anchors_without_scales_are_not_fitted(toy):
    objects = collect_objects(open_source(str(toy / 'ann.json')))
    points = dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32])
    assert anchor_part(dict(bbox_head=dict(anchor_generator=points)), objects) is None
    lists = dict(type='SSDAnchorGenerator', strides=[8], ratios=([2], ), basesize_ratio_range=(0.15, 0.9))
    assert anchor_part(dict(bbox_head=dict(anchor_generator=lists)), objects) is None


@pytest.mark.parametrize(('counts', 'now', 'fitted'), [
    ([3, 10], dict(detections=100, proposals=100), {}),
    ([3, 130], dict(detections=100, proposals=100),
     {'rpn_head.num_proposals': 200, 'test_cfg.rcnn.max_per_img': 200, 'test_cfg.rpn.max_per_img': 500}),
    ([3, 130], dict(detections=300, proposals=1000), {}),
])
def test_limits_follow_the_fullest_image_and_are_never_lowered(counts, now, fitted, toy):
    objects = collect_objects(open_source(str(toy / 'ann.json')))
    objects = dataclasses.replace(objects, whole_counts=np.array(counts))
    model = dict(
        rpn_head=dict(num_proposals=now['detections']),
        test_cfg=dict(rcnn=dict(max_per_img=now['detections']), rpn=dict(max_per_img=now['proposals'])))
    part = limit_part(model, objects)
    assert {entry.keys[0].removeprefix('model.'): entry.value for entry in part.entries} == fitted
    told = [row.now for row in part.rows if 'COCO' in row.measure]
    assert told == (['22.6 %'] if counts == [3, 130] else [])


def test_padding_is_the_preprocessors(toy, tmp_path):
    cfg = toy_runs.detector_config(toy, tmp_path / 'run')
    cfg.model.data_preprocessor.pop('pad_size_divisor', None)
    cfg.dump(str(tmp_path / 'config.py'))
    assert collect_objects(open_source(str(tmp_path / 'config.py'))).pad_divisor == 1  # mmdet's default
    assert collect_objects(open_source(str(toy / 'ann.json'))).pad_divisor == 32


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--size', '0', '0'], '--size 0: at least 1'),
    (['--fragment', 'a.py'], '--fragment and --cfg-options belong to a config'),
])
def test_options_that_cannot_act_are_refused(arguments, message, toy, tmp_path, capsys):
    assert main(['fit', str(toy / 'ann.json'), '--out-dir', str(tmp_path / 'out'), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_categories_without_names_and_other_files_are_refused_in_words(toy, tmp_path, capsys):
    path = changed_json(toy, tmp_path / 'noname.JSON', lambda c: [item.pop('name') for item in c['categories']])
    assert main(['fit', str(path), '--out-dir', str(tmp_path / 'out')]) == 2
    assert 'has no list "categories"' in capsys.readouterr().err
    (tmp_path / 'README.md').write_text('# no config')
    assert main(['fit', str(tmp_path / 'README.md'), '--out-dir', str(tmp_path / 'out')]) == 2
    assert 'README.md is no config' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_queries_and_limits_are_raised_where_images_are_full(tmp_path):
    content = json.loads((toy_runs.write_toy_coco(tmp_path / 'full', 1) / 'ann.json').read_text())
    first = content['annotations'][0]
    x, y, w, h = first['bbox']
    content['annotations'] = [dict(first, id=i + 1, bbox=[x + i / 1000, y, w, h]) for i in range(130)]
    (tmp_path / 'full.json').write_text(json.dumps(content))
    assert main(['fit', str(tmp_path / 'full.json'), '--out-dir', str(tmp_path / 'out')]) == 0
    text = (tmp_path / 'out' / 'mask2former.py').read_text()
    assert 'panoptic_head_num_queries = 200' in text
    assert 'max_per_image = 200' in text
    assert 'Objects in the fullest image: 130; before 100' in text
    assert 'test_cfg=dict(nms_pre' not in (tmp_path / 'out' / 'solo.py').read_text()  # 500 is room enough
    assert 'max_per_img=max_per_img' in (tmp_path / 'out' / 'solo.py').read_text()


def test_fragment_is_a_config_with_its_reasons(tmp_path):
    entries = [Entry('a_value', [1, 2], 'Because of this', ('model.x.y', 'model.z.y')),
               Entry('', None, '', ('model.x.gone', ))]
    (tmp_path / 'base.py').write_text('model = dict(x=dict(y=0, gone=3, kept=1), z=dict(y=0))\n')
    text = fragment_text(entries, ['what it is'], 'base.py')
    assert '# Because of this.\na_value = [1, 2]\n' in text
    (tmp_path / 'fitted.py').write_text(text)
    cfg = load_config(tmp_path / 'fitted.py')
    assert cfg.model.to_dict() == dict(x=dict(y=[1, 2], gone=None, kept=1), z=dict(y=[1, 2]))


@pytest.mark.parametrize(('spoil', 'message'), [
    (lambda c: c.update(annotations=[]), r'no annotation is usable'),
    (lambda c: [a.update(iscrowd=1) for a in c['annotations']], r'no annotation is usable'),
    (lambda c: [a.pop('segmentation') for a in c['annotations']], r'no segmentation, while the pipeline loads masks'),
    (lambda c: c.pop('images'), r"no 'images'"),
    (lambda c: c.update(categories=[]), r'"categories" is empty'),
])
def test_json_without_instances_is_refused_with_the_fix(spoil, message, toy, tmp_path, capsys):
    content = json.loads((toy / 'ann.json').read_text())
    spoil(content)
    (tmp_path / 'bad.json').write_text(json.dumps(content))
    assert main(['fit', str(tmp_path / 'bad.json'), '--out-dir', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert 'Fix' in error
    assert not (tmp_path / 'out').exists()


def test_missing_files_and_label_maps_are_named(toy, tmp_path, capsys):
    out = ['--out-dir', str(tmp_path / 'out')]
    assert main(['fit', str(tmp_path / 'gone.json'), *out]) == 2
    assert 'gone.json does not exist' in capsys.readouterr().err
    assert main(['fit', 'gone.py', *out]) == 2
    assert "config file 'gone.py' does not exist" in capsys.readouterr().err
    maps = toy_runs.segmentor_config(toy_runs.write_toy_label_maps(tmp_path / 'maps'), tmp_path / 'run')
    maps.dump(str(tmp_path / 'maps.py'))
    assert main(['fit', str(tmp_path / 'maps.py'), *out]) == 2
    assert 'trains on label maps' in capsys.readouterr().err
    detector = toy_runs.detector_config(toy, tmp_path / 'run')
    detector.dump(str(tmp_path / 'detector.py'))
    assert main(['fit', str(tmp_path / 'detector.py'), *out, '--size', '9', '9']) == 2
    assert 'a config resizes by its own pipeline' in capsys.readouterr().err
    detector.train_dataloader.dataset.pipeline[1].with_mask = False
    detector.dump(str(tmp_path / 'boxes.py'))
    assert main(['fit', str(tmp_path / 'boxes.py'), *out]) == 2
    assert 'gives no masks' in capsys.readouterr().err
    detector.train_dataloader.dataset.data_root = str(tmp_path / 'gone')
    detector.dump(str(tmp_path / 'moved.py'))
    assert main(['fit', str(tmp_path / 'moved.py'), *out]) == 2
    assert 'does not exist' in capsys.readouterr().err


def test_solo_grids_are_measured_on_the_resized_validation_images_too(toy, tmp_path, capsys):
    cfg = toy_runs.detector_config(toy, tmp_path / 'run')
    cfg.dump(str(tmp_path / 'config.py'))
    source = open_source(str(tmp_path / 'config.py'))
    trained, tested = collect_objects(source), collect_objects(validation_source(source))
    # the test pipeline resizes 64 px to 96 px and loads the annotations afterwards
    assert tested.inputs.tolist() == [[96, 96]] * 4
    assert tested.boxes == pytest.approx(1.5 * collect_objects(open_source(str(toy / 'ann.json'))).boxes)
    assert trained.inputs.tolist() == [[64, 64]] * 4
    assert main(['fit', str(tmp_path / 'config.py'), '--out-dir', str(tmp_path / 'out')]) == 0
    assert 'validation images (median 96 x 96): share a cell on some level' in capsys.readouterr().out
    cfg.val_dataloader.dataset.ann_file = 'gone.json'
    cfg.dump(str(tmp_path / 'config.py'))
    assert validation_source(open_source(str(tmp_path / 'config.py'))) is None
