"""The three configs of own data in the README, as written, train and validate on toy data."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import toy_runs
from config_files import ROOT

from mmseg_plugins.cli.main import main
from mmseg_plugins.structures.panoptic_ids import ids_as_bgr

BLOCKS = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)[:3]

#: Tiny networks and images; what trains on which files is left to the page.
RUN = [f'{split}_dataloader.{key}' for split in ('train', 'val', 'test')
       for key in ('num_workers=0', 'persistent_workers=False')]
RUN += ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2', 'run_report=False']
PANET = [
    'model.backbone.depth=18', 'model.backbone.base_channels=8', 'model.backbone.init_cfg=None',
    'model.neck.in_channels=[8,16,32,64]', 'model.neck.out_channels=16', 'model.neck.norm_cfg.num_groups=4',
    'model.rpn_head.in_channels=16', 'model.rpn_head.feat_channels=16',
    'model.roi_head.bbox_roi_extractor.out_channels=16', 'model.roi_head.mask_roi_extractor.out_channels=16',
    'model.roi_head.bbox_head.in_channels=16', 'model.roi_head.bbox_head.fc_out_channels=16',
    'model.roi_head.bbox_head.conv_out_channels=16', 'model.roi_head.bbox_head.norm_cfg.num_groups=4',
    'model.roi_head.mask_head.in_channels=16', 'model.roi_head.mask_head.conv_out_channels=16',
    'model.roi_head.mask_head.norm_cfg.num_groups=4', 'model.train_cfg.rpn_proposal.max_per_img=20',
    'model.test_cfg.rpn.max_per_img=20', 'model.test_cfg.rcnn.max_per_img=3',
    'train_dataloader.dataset.pipeline.2.scales=[(64,64)]',
    'val_dataloader.dataset.pipeline.1.scale=(64,64)', 'test_dataloader.dataset.pipeline.1.scale=(64,64)',
]  # fmt: skip
QUERIES = ['model.panoptic_head.num_queries=5', 'model.test_cfg.max_per_image=5']


def coco(root: Path) -> None:
    """Images in ``train`` and ``val``, a JSON for each."""
    for split in ('train', 'val'):
        toy_runs.write_toy_coco(root / 'made', images=2)
        (root / 'made/images').rename(root / split)
        (root / 'made/ann.json').rename(root / f'{split}.json')


def label_maps(root: Path) -> None:
    """Images of two classes, numbers 0 and 1, and 255."""
    for split in ('train', 'val'):
        for folder in ('images', 'maps'):
            (root / folder / split).mkdir(parents=True)
        for index in range(2):
            image, masks = toy_runs.toy_image(index)
            labels = masks[0].astype(np.uint8)
            labels[:4] = 255
            cv2.imwrite(str(root / 'images' / split / f'{index}.png'), image)
            cv2.imwrite(str(root / 'maps' / split / f'{index}.png'), labels)


def panoptic(root: Path) -> None:
    """Two things and the ground around them in COCO's panoptic format."""
    categories = [dict(id=key, name=name, isthing=int(name != 'road'))
                  for key, name in ((1, 'car'), (2, 'person'), (7, 'road'))]
    for split in ('train', 'val'):
        (root / 'images' / split).mkdir(parents=True)
        (root / f'panoptic_{split}').mkdir()
        images, annotations = [], []
        for index in range(2):
            image, (disc, bar) = toy_runs.toy_image(index)
            ids = np.full(disc.shape, 3, np.int32)
            ids[disc], ids[bar] = 1, 2
            cv2.imwrite(str(root / 'images' / split / f'{index}.png'), image)
            cv2.imwrite(str(root / f'panoptic_{split}' / f'{index}.png'), ids_as_bgr(ids))
            images.append(dict(id=index, file_name=f'{index}.png', height=64, width=64))
            segments = []
            for number, category in ((1, 1), (2, 2), (3, 7)):
                rows, columns = np.nonzero(ids == number)
                x, y = int(columns.min()), int(rows.min())
                segments.append(dict(id=number, category_id=category, area=len(rows), iscrowd=0, bbox=[
                    x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1]))
            annotations.append(dict(image_id=index, file_name=f'{index}.png', segments_info=segments))
        content = dict(images=images, annotations=annotations, categories=categories)
        (root / f'panoptic_{split}.json').write_text(json.dumps(content))


@pytest.mark.parametrize(('number', 'write', 'options', 'score'), [
    (0, coco, PANET, 'coco/segm_mAP'), (1, label_maps, ['crop_size=(64,64)'], 'mIoU'),
    (2, panoptic, QUERIES, 'coco_panoptic/PQ')], ids=['COCO', 'label maps', 'panoptic'])
def test_config_of_the_readme_trains_and_validates(number, write, options, score, tmp_path, monkeypatch):
    block = BLOCKS[number]
    assert len(block.strip().split('\n')) <= 15
    monkeypatch.chdir(tmp_path)
    root = Path(re.search("data_root = '(.*)'", block)[1])
    root.mkdir(parents=True)
    write(root)
    (tmp_path / 'page.py').write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
    given = ['--cfg-options', *RUN, *options]
    assert main(['train', 'page.py', '--work-dir', 'run', *given]) == 0
    log = ''.join(path.read_text() for path in Path('run').rglob('*.log'))
    assert f'{score}: ' in log
    if write is label_maps:
        assert main(['test', 'page.py', 'run/iter_2.pth', '--work-dir', 'tested', *given]) == 0
        log = ''.join(path.read_text() for path in Path('tested').rglob('*.log'))
        assert f'{score}: ' in log
        assert 'The validation set is tested' in log
