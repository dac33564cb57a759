"""What is counted when GrabCut finds no object."""

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmseg_plugins.data_prep import box_masks


@pytest.mark.parametrize(('refine', 'counted', 'area'), [
    (True, box_masks.KEPT_PRIOR, 12),
    (False, box_masks.FALLBACKS['box'], 64),
])
def test_a_missed_object_keeps_the_mask_it_had_only_when_refining(tmp_path, monkeypatch, refine, counted, area):
    assert cv2.imwrite(str(tmp_path / 'a.png'), np.full((32, 32, 3), 90, np.uint8))
    old = np.zeros((32, 32), np.uint8)
    old[10:13, 10:14] = 1
    rle = coco_mask.encode(np.asfortranarray(old))
    rle['counts'] = rle['counts'].decode()
    annotation = dict(id=1, image_id=1, category_id=1, iscrowd=0, bbox=[8, 8, 8, 8], area=64, segmentation=rle)
    monkeypatch.setattr(box_masks, 'grabcut', lambda *args, **kwargs: None)
    image = dict(id=1, file_name='a.png', height=32, width=32)
    made, counts = box_masks.masks_of_image(image, [annotation], tmp_path, box_masks.MaskJob(refine=refine))
    assert counts[counted] == 1
    assert made[0]['area'] == area
