"""The panoptic loading step gives what the generator drew: its label maps and its instance masks."""

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoPanopticDataset
from mmengine.registry import init_default_scope

from mmseg_plugins.data_prep.shapes import STUFF, THINGS
from mmseg_plugins.data_prep.shapes_writer import ShapesSpec, write_shapes
from mmseg_plugins.datasets.transforms.load_panoptic import LoadPanopticAnnotations, class_map
from mmseg_plugins.structures.rle import decode_rle


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('panoptic') / 'shapes'
    write_shapes(folder, ShapesSpec(train=4, val=2, size=64))
    return folder


@pytest.fixture(scope='module')
def loaded(shapes):
    init_default_scope('mmdet')
    steps = [dict(type='LoadImageFromFile'), dict(type='mmseg_plugins.LoadPanopticAnnotations')]
    dataset = CocoPanopticDataset(
        data_root=str(shapes), ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='train/', seg='panoptic_train/'), pipeline=steps,
        metainfo=dict(classes=THINGS + STUFF, thing_classes=THINGS, stuff_classes=STUFF))  # fmt: skip
    return [dataset[index] for index in range(len(dataset))]


def test_label_maps_are_those_of_the_generator(loaded, shapes):
    for item in loaded:
        name = item['seg_map_path'].rsplit('/', 1)[1]
        drawn = cv2.imread(str(shapes / 'semantic_train' / name), cv2.IMREAD_UNCHANGED)
        assert item['gt_seg_map'].dtype == np.uint8
        assert (item['gt_seg_map'] == drawn).all()


def test_things_have_boxes_labels_and_masks_in_one_order(loaded, shapes):
    import json

    instances = json.loads((shapes / 'annotations/instances_train.json').read_text())['annotations']
    for item in loaded:
        own = [ann for ann in instances if ann['image_id'] == item['img_id']]
        assert len(item['gt_masks']) == len(item['gt_bboxes']) == len(own) > 0
        assert item['gt_bboxes_labels'].tolist() == [ann['category_id'] - 1 for ann in own]
        for mask, ann in zip(item['gt_masks'].masks, own, strict=True):
            assert (mask == decode_rle(ann['segmentation'])).all()


def test_image_without_things_has_no_masks_but_a_label_map():
    ids = np.array([[1, 1], [2, 0]])
    segments = [dict(id=1, category=5, is_thing=False), dict(id=2, category=6, is_thing=False)]
    assert class_map(ids, segments).tolist() == [[5, 5], [6, 255]]
    step = LoadPanopticAnnotations()
    out = step(dict(instances=[], segments_info=[], seg_map_path=None, img_shape=(2, 2), ori_shape=(2, 2)))
    assert 'gt_seg_map' not in out
    with pytest.raises(ValueError, match='class 255 of 256'):
        class_map(ids, [dict(id=1, category=255)])
