"""Measured numbers are written once and every table follows them."""

import copy
from pathlib import Path

import pytest
import yaml

from mmseg_plugins.benchmark.record_runs import update_tables
from mmseg_plugins.reporting.metafiles import (
    evaluation_to_results,
    read_models,
    record,
    speed_to_results,
    summary_to_results,
    weights_of,
)
from mmseg_plugins.reporting.results_table import Baseline, above_untrained, fill_tables, results_table, untrained_score
from mmseg_plugins.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
METAFILE = """# a comment that stays
Models:
  - Name: first_r18_1it_toy
    Config: configs/toy/first_r18_1it_toy.py
  - Name: second_r18_1it_toy
    Config: configs/toy/second_r18_1it_toy.py
    Metadata:
      Iterations: 1
"""
SUMMARY = {
    'status': 'finished',
    'config': 'configs/toy/second_r18_1it_toy.py',
    'command': 'python tools/train.py configs/toy/second_r18_1it_toy.py --work-dir here --cfg-options data_root=x/ a=1',
    'metrics': {'final': {'coco/segm_mAP': 0.3456, 'coco/bbox_mAP': 0.5}},
    'minutes': 12.345,
    'seconds_per_iteration_median': 0.5,
    'peak_memory': {'rss_mb': 2048.0},
    'parameters': {'total': 4_000_000},
    'hardware': {'cpu': 'A CPU', 'torch_threads': 2, 'gpus': []},
    'seed': 0,
    'versions': {'torch': '2', 'mmcv': '3', 'mmdet': '4'},
}


@pytest.fixture
def metafile(tmp_path):
    path = tmp_path / 'metafile.yml'
    path.write_text(METAFILE)
    return path


def test_recording_writes_percent_and_keeps_the_rest_of_the_file(metafile):
    record(metafile, SUMMARY['config'], 'toy', summary_to_results(SUMMARY))
    assert metafile.read_text().startswith(METAFILE)
    result = read_models(metafile)[1]['Results'][0]
    assert result['Metrics'] == {'mask AP': 34.6, 'box AP': 50.0}
    assert result['Peak Memory (GB)'] == 2.0
    assert result['Command'] == 'python tools/train.py configs/toy/second_r18_1it_toy.py --cfg-options a=1'


def test_mixed_precision_stands_next_to_the_machine():
    assert summary_to_results(SUMMARY)['Hardware'] == 'A CPU, 2 thread(s)'
    mixed = summary_to_results({**SUMMARY, 'precision': 'bfloat16'})
    assert mixed['Hardware'] == 'A CPU, 2 thread(s), mixed bfloat16'


def test_scores_by_size_are_kept_and_sizes_without_objects_left_out():
    final = {'coco/segm_mAP': 0.4, 'coco/segm_mAP_s': 0.3, 'coco/segm_mAP_m': -1.0, 'coco/segm_mAP_l': None}
    results = summary_to_results({**SUMMARY, 'metrics': {'final': final}})
    assert results['Metrics'] == {'mask AP': 40.0, 'mask AP S': 30.0}


def test_recall_panoptic_quality_and_mean_iou_are_kept_in_percent():
    final = {'coco/AR@100': 0.45, 'coco_panoptic/PQ': 51.94, 'mIoU': 70.06}
    results = summary_to_results({**SUMMARY, 'metrics': {'final': final}})
    assert results['Metrics'] == {'mask AR@100': 45.0, 'PQ': 51.9, 'mIoU': 70.1}


def test_panoptic_quality_and_recall_have_columns_where_a_row_has_them(metafile):
    final = {'coco/segm_mAP': 0.4, 'coco/AR@100': 0.45, 'coco_panoptic/PQ': 51.94}
    record(metafile, SUMMARY['config'], 'toy', summary_to_results({**SUMMARY, 'metrics': {'final': final}}))
    table = results_table(read_models(metafile), 'toy')
    assert '| box AP | mask AR@100 | PQ | parameters |' in table
    assert '|  | 45.0 | 51.9 |' in table


def test_panoptic_maps_without_instances_are_a_panoptic_task_of_mmdet(metafile):
    final = {'coco_panoptic/PQ': 73.7, 'semantic/mIoU': 77.3}
    versions = {'torch': '2', 'mmdet': '4', 'mmsegmentation': '5'}
    results = summary_to_results({**SUMMARY, 'metrics': {'final': final}, 'versions': versions})
    assert results['Versions'] == 'torch 2, mmdet 4'
    record(metafile, SUMMARY['config'], 'toy', results)
    assert read_models(metafile)[1]['Results'][0]['Task'] == 'Panoptic Segmentation'


def test_label_maps_keep_their_three_scores_packages_and_task(metafile):
    final = {'mIoU': 41.26, 'mAcc': 52.0, 'aAcc': 83.0}
    versions = {'torch': '2', 'mmdet': '4', 'mmsegmentation': '5'}
    results = summary_to_results({**SUMMARY, 'metrics': {'final': final}, 'versions': versions})
    assert results['Metrics'] == {'mIoU': 41.3, 'mAcc': 52.0, 'aAcc': 83.0}
    assert results['Versions'] == 'torch 2, mmsegmentation 5'
    record(metafile, SUMMARY['config'], 'toy', results)
    assert read_models(metafile)[1]['Results'][0]['Task'] == 'Semantic Segmentation'
    table = results_table(read_models(metafile), 'toy')
    assert table.startswith('| config | mIoU | class average | global accuracy | parameters |')
    assert '| 41.3 | 52.0 | 83.0 | 4.00 M | 0.50 | 12.3 min | 2.00 GB |' in table


TESTED = {
    'config': SUMMARY['config'], 'metrics': {'mIoU': 43.0}, 'minutes': 1.24, 'parameters': {'total': 4_000_000},
    'command': 'python tools/test.py configs/toy/second_r18_1it_toy.py /x/work_dirs/first_r18_1it_toy/iter_1.pth',
    'hardware': SUMMARY['hardware'], 'versions': {'torch': '2'}, 'seed': 0,
}


def test_a_test_with_another_configs_weights_has_their_name_and_no_training_cost(metafile):
    results = evaluation_to_results(TESTED, 'first_r18_1it_toy')
    assert results['Command'] == (
        'python tools/test.py configs/toy/second_r18_1it_toy.py work_dirs/first_r18_1it_toy/iter_1.pth')
    assert 'Minutes' not in results
    assert results['Test Minutes'] == 1.2
    record(metafile, SUMMARY['config'], 'toy', results)
    table = results_table(read_models(metafile), 'toy')
    assert '| 43.0 |  |  | 4.00 M |  | weights of `first_r18_1it_toy` |  |' in table
    assert 'seed' not in table


def test_a_training_and_a_test_on_one_machine_name_it_once(metafile):
    training = {**SUMMARY, 'versions': {'torch': '2'}, 'metrics': {'final': {'mIoU': 0.5}}}
    record(metafile, 'configs/toy/first_r18_1it_toy.py', 'toy', summary_to_results(training))
    record(metafile, SUMMARY['config'], 'toy', evaluation_to_results(TESTED, 'first_r18_1it_toy'))
    table = results_table(read_models(metafile), 'toy')
    assert table.count('torch 2') == 1
    assert f'; seed {SUMMARY["seed"]}. Commands' in table


def test_a_row_without_training_says_so_and_the_others_say_whether_they_lie_above_it(metafile):
    untrained = {**TESTED, 'metrics': {'coco/segm_mAP': 0.4, 'coco/bbox_mAP': 0.3}}
    record(metafile, 'configs/toy/first_r18_1it_toy.py', 'toy', evaluation_to_results(untrained, None))
    record(metafile, SUMMARY['config'], 'toy', summary_to_results(SUMMARY))  # mask AP 34.6
    models = read_models(metafile)
    assert untrained_score(models, 'toy') == ('mask AP', 40.0)
    rows = fill_tables('<!-- results: toy -->\n<!-- end of results -->\n', models).split('\n')
    assert rows[1].endswith('| box AP | above 40.0, no training | parameters | s/iter | training | peak memory |')
    assert rows[3].endswith('| 40.0 |  |  | 30.0 | - | 4.00 M |  | none |  |')
    assert '| 34.6 |  |  | 50.0 | no, -5.4 | 4.00 M |' in rows[4]
    models[1]['Results'][0]['Metrics']['mask AP'] = 41.25
    assert '| yes, +1.2 |' in results_table(models, 'toy', Baseline('mask AP', 40.0))


def test_scores_of_another_metric_are_not_compared(metafile):
    untrained = {**TESTED, 'metrics': {'coco/segm_mAP': 0.1}}
    record(metafile, 'configs/toy/first_r18_1it_toy.py', 'toy', evaluation_to_results(untrained, None))
    record(metafile, SUMMARY['config'], 'toy', summary_to_results({**SUMMARY, 'metrics': {'final': {'mIoU': 0.5}}}))
    models = read_models(metafile)
    baseline = untrained_score(models, 'toy')
    assert [above_untrained(model['Results'][0], baseline) for model in models] == ['-', '-']
    assert 'no training' not in results_table(models[1:], 'toy', baseline)


def test_models_that_are_given_boxes_are_no_baseline(metafile):
    record(metafile, 'configs/toy/first_r18_1it_toy.py', 'toy', evaluation_to_results(TESTED, None))
    models = read_models(metafile)
    models[0]['Given'] = 'boxes'
    assert untrained_score(models, 'toy') is None
    assert '| none; boxes given |' in results_table(models, 'toy')


def test_a_table_of_two_trainings_says_what_differences_tell_and_where_it_is_explained(metafile):
    record(metafile, SUMMARY['config'], 'toy', summary_to_results(SUMMARY))
    one = results_table(read_models(metafile), 'toy')
    record(metafile, 'configs/toy/first_r18_1it_toy.py', 'toy', summary_to_results(SUMMARY))
    two = results_table(read_models(metafile), 'toy')
    note = '[differences up to about 2.5 points tell nothing](../../docs/training.md#how-far-do-two-trainings-differ).'
    assert note not in one
    assert two.endswith(f'`metafile.yml`.\nOne training a row: {note}\n')
    assert '## How far do two trainings differ?' in (ROOT / 'docs/training.md').read_text()


def test_whose_weights_is_asked_of_the_metafile(metafile):
    config = SUMMARY['config']
    with pytest.raises(UserError, match=r'Fix: add "Weights Of:'):
        weights_of([metafile], config)
    metafile.write_text(METAFILE + '    Weights Of: third_r18_1it_toy\n')
    with pytest.raises(UserError, match=r"'third_r18_1it_toy' in the metafile entry of .* names no model"):
        weights_of([metafile], config)
    metafile.write_text(METAFILE + '    Weights Of: first_r18_1it_toy\n')
    assert weights_of([metafile], config) == 'first_r18_1it_toy'


def test_results_on_several_data_sets_stand_next_to_each_other(metafile):
    for dataset, score in (('toy', 0.3), ('other', 0.2), ('toy', 0.4)):
        summary = {**SUMMARY, 'metrics': {'final': {'coco/segm_mAP': score}}}
        record(metafile, SUMMARY['config'], dataset, summary_to_results(summary))
    results = read_models(metafile)[1]['Results']
    assert [(result['Dataset'], result['Metrics']['mask AP']) for result in results] == [('other', 20.0), ('toy', 40.0)]
    assert metafile.read_text().startswith(METAFILE)


def test_versions_are_those_of_either_line_of_openmmlab():
    assert summary_to_results(SUMMARY)['Versions'] == 'torch 2, mmcv 3, mmdet 4'
    onedl = {'torch': '2', 'onedl-mmcv': '5', 'onedl-mmdetection': '6', 'numpy': '1'}
    results = summary_to_results({**SUMMARY, 'versions': onedl})
    assert results['Versions'] == 'torch 2, onedl-mmcv 5, onedl-mmdetection 6'


def test_speed_is_kept_with_its_image_and_machine(metafile):
    measured = dict(infer_s=0.123456, train_s=0.98765, macs=2_345_678_901, size=[256, 320], data='data set')
    hardware = dict(cpu='A CPU', torch_threads=1, gpus=[dict(name='A GPU')])
    results = {**summary_to_results(SUMMARY), **speed_to_results(measured, hardware)}
    record(metafile, SUMMARY['config'], 'toy', results)
    kept = read_models(metafile)[1]['Results'][0]['Speed']
    assert kept == {'Seconds per Image': 0.1235, 'Seconds per Training Step': 0.9877, 'GMACs': 2.346,
                    'Image': '256 x 320', 'Hardware': 'A GPU'}
    uncounted = speed_to_results({**measured, 'macs': None, 'train_s': None}, hardware)['Speed']
    assert list(uncounted) == ['Seconds per Image', 'Image', 'Hardware']


def test_recording_again_replaces_the_earlier_numbers(metafile):
    better = copy.deepcopy(SUMMARY)
    better['metrics']['final']['coco/segm_mAP'] = 0.4
    for summary in (SUMMARY, better):
        record(metafile, summary['config'], 'toy', summary_to_results(summary))
    results = read_models(metafile)[1]['Results']
    assert [result['Metrics']['mask AP'] for result in results] == [40.0]
    assert 'Results' not in read_models(metafile)[0]


def test_unfinished_run_is_refused():
    with pytest.raises(UserError, match='only finished runs'):
        summary_to_results({**SUMMARY, 'status': 'running'})


def test_config_without_an_entry_is_refused(metafile):
    with pytest.raises(UserError, match='no model with'):
        record(metafile, 'configs/toy/third.py', 'toy', {})


def test_table_stands_between_its_markers_and_names_the_hardware(metafile):
    record(metafile, SUMMARY['config'], 'toy', summary_to_results(SUMMARY))
    text = fill_tables('before\n<!-- results: toy -->\nold\n<!-- end of results -->\nafter\n', read_models(metafile))
    assert 'old' not in text
    assert '| 34.6 |' in text
    assert 'A CPU, 2 thread(s)' in text
    assert text.startswith('before\n')
    assert text.endswith('<!-- end of results -->\nafter\n')
    assert results_table(read_models(metafile), 'other') == 'Not yet measured.\n'


def test_a_table_names_rows_of_other_folders_that_it_compares_with(metafile):
    record(metafile, SUMMARY['config'], 'toy', summary_to_results(SUMMARY))
    models = read_models(metafile)
    far = dict(models[1], Name='far_r18_1it_toy', Config='configs/far/ablations/far_r18_1it_toy.py')
    text = '<!-- results: toy, also far_r18_1it_toy -->\nold\n<!-- end of results -->\n'
    filled = fill_tables(text, models, [*models, far])
    rows = [line for line in filled.split('\n') if line.startswith('| [')]
    assert [row.split(' |')[0] for row in rows] == [
        '| [`second_r18_1it_toy`](second_r18_1it_toy.py)',
        '| [`far_r18_1it_toy`](../far/ablations/far_r18_1it_toy.py)']
    assert fill_tables(filled, models, [*models, far]) == filled
    for known in (models, [*models, dict(far, Results=[])]):
        with pytest.raises(UserError, match="names 'far_r18_1it_toy', which has no result on toy in any metafile"):
            fill_tables(text, models, known)


def test_every_table_under_configs_is_up_to_date():
    assert update_tables(check=True) == []


def test_every_recorded_number_has_its_command_hardware_minutes_and_seed():
    for path in (ROOT / 'configs').rglob('metafile.yml'):
        for model in yaml.safe_load(path.read_text())['Models']:
            for result in model.get('Results', []):
                assert model['Name'] in result['Command']  # train takes the name or the file
                assert result['Hardware']
                # a test's own cost is in the row of the config that was trained; without parameters nothing was
                if 'Weights' not in result and result.get('Training') != 'none':
                    assert result['Minutes'] > 0
                    assert result['Seed'] is not None
