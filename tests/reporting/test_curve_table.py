"""Scores of a run's validations are kept with its results, and a table shows them."""

from pathlib import Path

from mmseg_plugins.reporting.curve_table import curve_table, fill_curves
from mmseg_plugins.reporting.metafiles import read_models, score_curve

ROOT = Path(__file__).resolve().parents[2]


def validation(iteration, **scores):
    return {'iter': iteration, 'epoch': 0.5, 'phase': 'val', **scores}


def test_a_curve_is_the_main_score_of_every_validation_in_percent():
    rows = [{'iter': 50, 'epoch': 0.1, 'phase': 'train', 'loss': 1.0},
            validation(100, **{'coco/segm_mAP': 0.1234, 'coco/bbox_mAP': 0.9}),
            validation(200, **{'coco/segm_mAP': 0.25, 'coco/bbox_mAP': 0.8})]
    assert score_curve(rows) == {'mask AP': {100: 12.3, 200: 25.0}}


def test_panoptic_quality_goes_before_mask_ap_and_mask_ap_before_mean_iou():
    both = {'coco/segm_mAP': 0.5, 'mIoU': 40.0}
    assert list(score_curve([validation(1, **both), validation(2, **both)])) == ['mask AP']
    all_three = {**both, 'coco_panoptic/PQ': 30.0}
    assert list(score_curve([validation(1, **all_three), validation(2, **all_three)])) == ['PQ']


def test_one_validation_or_none_makes_no_curve():
    assert score_curve([]) == score_curve([validation(10, mIoU=3.0)]) == {}
    assert score_curve([validation(10, aAcc=3.0), validation(20, aAcc=4.0)]) == {}


def test_a_validation_without_an_object_is_no_point():
    rows = [validation(1, **{'coco/segm_mAP': -1.0}), validation(2, **{'coco/segm_mAP': 0.1}),
            validation(3, **{'coco/segm_mAP': 0.2})]
    assert score_curve(rows) == {'mask AP': {2: 10.0, 3: 20.0}}


def model(name, dataset, points):
    return {'Name': name, 'Config': f'configs/toy/{name}.py',
            'Results': [{'Dataset': dataset, 'Curve': {'mIoU': points}}]}


def test_the_table_has_a_row_for_each_curve_with_what_the_last_part_gained():
    without = {'Name': 'b', 'Config': 'x', 'Results': [{'Dataset': 'toy'}]}
    models = [model('a', 'toy', {1000: 10.0, 2000: 12.5}), without, model('c', 'other', {300: 50.0, 600: 49.0})]
    lines = curve_table(models).splitlines()
    assert lines[2:] == [
        '| [`a`](../configs/toy/a.py) | toy | mIoU | 1000: 10.0, 2000: 12.5 | +2.5 |',
        '| [`c`](../configs/toy/c.py) | other | mIoU | 300: 50.0, 600: 49.0 | -1.0 |']


def test_the_page_gets_the_table_between_its_markers():
    page = 'before\n<!-- curves -->\nold\n<!-- end of curves -->\nafter\n'
    filled = fill_curves(page, [model('a', 'toy', {1: 1.0, 2: 2.0})])
    assert filled.startswith('before\n<!-- curves -->\n| config')
    assert filled.endswith('|\n<!-- end of curves -->\nafter\n')
    assert 'old' not in filled


def test_the_published_page_shows_every_recorded_curve():
    models = [model for path in sorted((ROOT / 'configs').rglob('metafile.yml')) for model in read_models(path)]
    page = (ROOT / 'docs' / 'training.md').read_text()
    assert f'<!-- curves -->\n{curve_table(models)}<!-- end of curves -->' in page


def test_the_last_point_of_every_recorded_curve_is_the_score_of_its_row():
    results = [result for path in sorted((ROOT / 'configs').rglob('metafile.yml')) for model in read_models(path)
               for result in model.get('Results', []) if 'Curve' in result]
    assert results
    for result in results:
        (metric, points), = result['Curve'].items()
        assert points[max(points)] == result['Metrics'][metric], result['Command']
