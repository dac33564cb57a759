"""The one table over all systems: every measured row, missing values as dashes, the paper's number with its source."""

from pathlib import Path

import pytest
import yaml

from mmseg_plugins.reporting.overview import fill_overview, overview_table, paper_cell, read_entries
from mmseg_plugins.utils.errors import UserError

RESULT = {
    'Task': 'Instance Segmentation', 'Dataset': 'toy', 'Metrics': {'mask AP': 34.6, 'mask AP S': 12.0, 'PQ': 7.0},
    'Minutes': 12.3,
    'Seconds per Iteration': 0.5, 'Peak Memory (GB)': 2.0, 'Parameters (M)': 4.0, 'Hardware': 'A CPU', 'Seed': 0,
    'Command': 'python tools/train.py', 'Versions': 'torch 2',
}
SPEED = {
    'Seconds per Image': 0.12, 'Seconds per Training Step': 0.41, 'GMACs': 3.25, 'Image': '64 x 64',
    'Hardware': 'A GPU',
}


def model(name, folder, **more):
    return {'Name': name, 'In Collection': folder, 'Config': f'configs/{folder}/{name}.py', **more}


@pytest.fixture
def configs(tmp_path):
    paper = [{'Dataset': 'COCO', 'Metrics': {'mask AP': 37.6, 'box AP': 42.0}},
             {'Dataset': 'VOC', 'Metrics': {'r': 66}}]
    files = {
        'zeta': dict(Collections=[dict(Name='zeta')], Models=[model('z_r18_1it_toy', 'zeta', Results=[RESULT])]),
        'alpha': dict(
            Collections=[dict(Name='alpha', Paper=dict(URL='https://paper', Title='A'))],
            Models=[
                model('a_r50_1x_coco', 'alpha', **{'Paper Results': paper}),
                model('a_r18_1it_toy', 'alpha', **{
                    'Paper Row': 'a_r50_1x_coco', 'Results': [{**RESULT, 'Speed': SPEED}]}),
                model('a_r18_1it_other', 'alpha', Results=[{**RESULT, 'Dataset': 'other'}]),
            ]),
    }
    for folder, content in files.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'metafile.yml').write_text(yaml.safe_dump(content, sort_keys=False))
    return tmp_path


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_rows_are_those_of_the_data_set_by_folder_with_what_was_measured(configs):
    lines = overview_table(read_entries(configs), 'toy', configs).splitlines()
    head, first, second = cells(lines[0]), cells(lines[2]), cells(lines[3])
    assert len(head) == len(first) == len(second) == 18
    row = dict(zip(head, first, strict=True))
    assert row['config'] == '[`a_r18_1it_toy`](alpha/a_r18_1it_toy.py)'
    assert row['system'] == '[alpha](alpha/README.md)'
    assert [row[name] for name in ('mask AP', 'AP50', 'S', 'M', 'GMACs', 's/image', 's/iter')] \
        == ['34.6', '-', '12.0', '-', '3.25', '0.12', '0.41']
    assert row['also'] == 'PQ 7.0'
    assert row['on'] == 'A, speed B'
    assert row['paper'] == '[mask AP 37.6, box AP 42.0 (COCO); r 66 (VOC)](https://paper)'
    earlier = dict(zip(head, second, strict=True))
    assert [earlier[name] for name in ('GMACs', 's/image', 's/iter', 'on', 'paper')] == ['-', '-', '0.50', 'A', '-']
    assert lines[-2] == 'On A: A CPU; B: A GPU. GMACs: multiply-adds of one image of 64 x 64.'
    assert lines[-1].endswith('tell nothing](../docs/training.md#how-far-do-two-trainings-differ).')


def test_a_table_of_label_maps_has_their_columns_and_names_the_weights_of_tests(configs):
    scores = {'Dataset': 'maps', 'Metrics': {'mIoU': 50.0, 'mAcc': 60.0, 'aAcc': 80.0}}
    tested = {key: RESULT[key] for key in ('Parameters (M)', 'Hardware', 'Command', 'Versions')}
    models = [model('z_crf_1it_maps', 'zeta', Results=[{**tested, **scores, 'Weights': 'z_r18_1it_maps'}]),
              model('z_r18_1it_maps', 'zeta', Results=[{**RESULT, **scores, 'Metrics': {'mIoU': 49.0}}])]
    (configs / 'zeta' / 'metafile.yml').write_text(yaml.safe_dump(dict(Models=models), sort_keys=False))
    lines = overview_table(read_entries(configs), 'maps', configs).splitlines()
    rows = [dict(zip(cells(lines[0]), cells(line), strict=True)) for line in lines[2:4]]
    assert list(rows[0])[2:6] == ['mIoU', 'class average', 'global accuracy', 'parameters']
    assert [rows[0][name] for name in ('mIoU', 'class average', 's/iter', 'training')] \
        == ['50.0', '60.0', '-', 'weights of `z_r18_1it_maps`']
    assert [rows[1][name] for name in ('mIoU', 'global accuracy', 'training')] == ['49.0', '-', '12.3 min']


def test_table_stands_between_its_markers_and_says_when_nothing_was_measured(configs):
    text = 'before\n<!-- all results: none -->\nold\n<!-- end of results -->\nafter\n'
    filled = fill_overview(text, read_entries(configs), configs)
    assert filled == 'before\n<!-- all results: none -->\nNot yet measured.\n<!-- end of results -->\nafter\n'
    assert fill_overview(filled, read_entries(configs), configs) == filled


def test_row_of_a_paper_that_is_not_there_is_an_error_with_the_fix(configs):
    entries = read_entries(configs)
    wrong = entries[1]._replace(model={**entries[1].model, 'Paper Row': 'a_r50_2x_coco'})
    with pytest.raises(UserError, match=r"Paper Row 'a_r50_2x_coco' of a_r18_1it_toy .*mean 'a_r50_1x_coco'.*Fix"):
        paper_cell(wrong, entries)


def test_row_of_a_paper_may_be_in_another_folder_whose_paper_is_named(configs):
    entries = read_entries(configs)
    other = entries[-1]._replace(model={**entries[-1].model, 'Paper Row': 'a_r50_1x_coco'})
    assert other.folder.name == 'zeta'
    assert paper_cell(other, entries).endswith('(https://paper)')


def test_every_paper_row_of_the_project_leads_to_numbers_with_a_source():
    entries = read_entries(Path(__file__).resolve().parents[2] / 'configs')
    for entry in entries:
        cell = paper_cell(entry, entries)
        assert cell == '-' or '](http' in cell, entry.model['Name']
