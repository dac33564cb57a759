"""mmdet's and mmsegmentation's own entry points find the operators: no import of ours, any order, any folder."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from toy_runs import detector_config, segmentor_config, write_toy_coco, write_toy_label_maps

WITHOUT_OURS = dict(custom_imports=dict(_delete_=True, imports=[]), train_cfg=dict(max_iters=1, val_interval=1),
                    default_hooks=dict(checkpoint=dict(_delete_=True, type='CheckpointHook', interval=-1)))


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a toy set and a config of a small Mask R-CNN that names nothing of ours."""
    folder = write_toy_coco(tmp_path_factory.mktemp('detector'))
    detector_config(folder, folder / 'run', visualizer=dict(type='DetLocalVisualizer'),
                    **WITHOUT_OURS).dump(str(folder / 'config.py'))
    assert 'mmseg_plugins' not in (folder / 'config.py').read_text()
    return folder


def test_mmdets_train_script_trains_and_evaluates(detector: Path) -> None:
    spec = find_spec('mmdet')
    assert spec is not None
    assert spec.origin is not None
    script = Path(spec.origin).parent / '.mim/tools/train.py'
    assert 'segm_mAP' in run(detector, str(script), 'config.py')


PREDICT = """
from {package}.apis import {name}
print(list({name}('config.py', device='cpu')({image!r})))
"""


def test_det_inferencer_predicts(detector: Path) -> None:
    code = PREDICT.format(package='mmdet', name='DetInferencer', image='images/toy 0.png')
    assert "['predictions', 'visualization']" in run(detector, '-c', code)


def test_mmseg_inferencer_predicts(tmp_path: Path) -> None:
    folder = write_toy_label_maps(tmp_path)
    segmentor_config(folder, folder / 'run', visualizer=dict(type='SegLocalVisualizer'),
                     **WITHOUT_OURS).dump(str(folder / 'config.py'))
    code = PREDICT.format(package='mmseg', name='MMSegInferencer', image='img_dir/0.png')
    assert "['predictions', 'visualization']" in run(folder, '-c', code)
