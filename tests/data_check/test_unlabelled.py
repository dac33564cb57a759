"""Test images without labels, as mmsegmentation's guide describes them."""

import pytest
from coco_sets import write_image
from config_files import ROOT

from mmseg_plugins.config.load import load_config
from mmseg_plugins.data_check.check_config import check_config

UNLABELLED = '''
test_dataloader = dict(dataset=dict(
    data_prefix=dict(_delete_=True, img_path='images'), pipeline=[dict(type='LoadImageFromFile'), {step}
    dict(type='PackSegInputs')]))
test_evaluator = dict(type='IoUMetric', format_only={only}, output_dir='written')
'''


def unlabelled(folder, step='', only=True):
    (folder / 'page.py').write_text(f"_base_ = '{ROOT}/configs/_base_/datasets/shapes_semantic.py'\n"
                                    f'default_scope = "mmseg"\ndata_root = {str(folder)!r}\n'
                                    + UNLABELLED.format(step=step, only=only))
    write_image(folder / 'images/a.jpg', 64, 64)
    return load_config(folder / 'page.py')


def test_test_images_without_labels_are_accepted_where_predictions_are_only_written(tmp_path):
    cfg = unlabelled(tmp_path)
    (report,) = check_config(cfg, splits=('test',))
    assert (report.problems(), report.images, report.annotations) == ([], 1, 0)
    cfg.test_evaluator = None
    assert check_config(cfg, splits=('test',))[0].problems() == []
    (tmp_path / 'images/b.jpg').write_bytes(b'no image')
    assert 'b.jpg' in check_config(cfg, splits=('test',))[0].problems()[0]


@pytest.mark.parametrize(('changes', 'text'), [
    ({'step': "dict(type='LoadAnnotations'),"}, 'its pipeline has LoadAnnotations'),
    ({'only': False}, 'test_evaluator measures IoUMetric')])
def test_what_reads_labels_of_unlabelled_images_is_named_in_one_sentence(tmp_path, changes, text):
    (problem,) = check_config(unlabelled(tmp_path, **changes), splits=('test',))[0].problems()
    assert text in problem


def test_validation_images_without_labels_are_refused(tmp_path):
    cfg = unlabelled(tmp_path)
    cfg.val_dataloader = cfg.test_dataloader
    (problem,) = check_config(cfg, splits=('val',))[0].problems()
    assert 'val reads labels' in problem
