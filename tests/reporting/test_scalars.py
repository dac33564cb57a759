"""The scalar table: growing, resuming, damage."""

import pytest

from mmseg_plugins.reporting.scalars import ScalarTable, best_value, read_scalars
from mmseg_plugins.utils.errors import UserError


def table_with(path, iterations):
    table = ScalarTable(path)
    for iteration in iterations:
        table.add(iteration, iteration / 10, 'train', {'loss': 1.0 / iteration})
    return table


def test_rows_and_new_columns_come_back(tmp_path):
    table = table_with(tmp_path / 's.csv', [1, 2])
    table.add(2, 0.2, 'val', {'coco/segm_mAP': 0.25})
    lines = ['iter,epoch,phase,loss,coco/segm_mAP', '1,0.1,train,1,', '2,0.2,train,0.5,', '2,0.2,val,,0.25', '']
    assert (tmp_path / 's.csv').read_text().split('\n') == lines
    assert read_scalars(tmp_path / 's.csv') == table.rows
    assert table.series('loss') == ([1, 2], [1.0, 0.5])
    assert table.names('val') == ['coco/segm_mAP']


def test_resume_drops_what_was_lost_and_continues_without_duplicates(tmp_path):
    table_with(tmp_path / 's.csv', [1, 2, 3, 4])
    table = ScalarTable(tmp_path / 's.csv', resume_iter=2)
    table.add(3, 0.3, 'train', {'loss': 7.0})
    assert [(row['iter'], row['loss']) for row in read_scalars(tmp_path / 's.csv')] == [(1, 1.0), (2, 0.5), (3, 7.0)]


def test_fresh_start_keeps_the_old_table_aside(tmp_path):
    table_with(tmp_path / 's.csv', [1, 2])
    table_with(tmp_path / 's.csv', [1])
    table_with(tmp_path / 's.csv', [1])
    assert len(read_scalars(tmp_path / 's.csv')) == 1
    assert len(read_scalars(tmp_path / 's_old1.csv')) == 2
    assert len(read_scalars(tmp_path / 's_old2.csv')) == 1


def test_same_iteration_and_phase_replaces_its_row(tmp_path):
    table = table_with(tmp_path / 's.csv', [1, 2])
    table.add(2, 0.2, 'train', {'loss': 9.0})
    assert [row['loss'] for row in read_scalars(tmp_path / 's.csv')] == [1.0, 9.0]


def test_torn_last_line_is_left_out_and_damage_in_the_middle_is_named(tmp_path):
    path = tmp_path / 's.csv'
    table_with(path, [1, 2])
    whole = path.read_text()
    path.write_text(whole + '3,0.3,tra')
    assert [row['iter'] for row in read_scalars(path)] == [1, 2]
    path.write_text(whole.replace('1,0.1,train,1', '1,0.1,train,one'))
    with pytest.raises(UserError, match='line 2 is damaged'):
        read_scalars(path)
    path.write_text('a,b\n')
    with pytest.raises(UserError, match='not a scalar table'):
        read_scalars(path)


def test_best_is_the_most_but_the_least_for_losses():
    assert best_value('mIoU', [0.1, 0.5, float('nan'), 0.4]) == 1
    assert best_value('val_loss', [0.1, 0.5]) == 0
    assert best_value('coco/segm_mAP_l', [-1, -1]) is None
