"""The examples of docs/your_data.md do what the page says; own label maps as the README shows them train."""

import re

import pytest
from config_files import ROOT
from toy_runs import write_toy_label_maps

from mmseg_plugins.cli.main import main
from mmseg_plugins.config.load import load_config
from mmseg_plugins.utils.errors import UserError


def blocks(page):
    text = (ROOT / page).read_text()
    found = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    return [block.replace("'configs/", f"'{ROOT}/configs/") for block in found]


def read(text, folder):
    (folder / 'page.py').write_text(text)
    return load_config(folder / 'page.py')


def test_first_example_of_the_page_wins_over_the_variables(tmp_path):
    cfg = read(blocks('docs/your_data.md')[0], tmp_path)
    assert cfg.train_dataloader.dataset.ann_file == 'train.json'
    assert cfg.val_evaluator.ann_file == cfg.test_evaluator.ann_file == 'balloon/val.json'
    assert cfg.model.roi_head.mask_head.num_classes == 1


def test_second_example_concatenates_and_has_a_test_set(tmp_path):
    cfg = read(blocks('docs/your_data.md')[1], tmp_path)
    files = [(part.ann_file, part.data_prefix['img']) for part in cfg.train_dataloader.dataset.datasets]
    assert files == [('first.json', 'first/'), ('second.json', 'second/')]
    assert cfg.test_evaluator.ann_file == 'cells/test.json'


def test_third_example_is_the_error_it_says(tmp_path):
    with pytest.raises(UserError, match=r'mine\.json.*yours\.json'):
        read(blocks('docs/your_data.md')[2], tmp_path)


def test_three_kinds_of_own_data_take_at_most_15_lines(tmp_path):
    for block in blocks('README.md')[:3]:
        assert len(block.strip().split('\n')) <= 15
        cfg = read(block, tmp_path)
        assert cfg.train_dataloader.dataset.data_root == cfg.test_dataloader.dataset.data_root == cfg.data_root


def test_own_panoptic_classes_reach_the_heads(tmp_path):
    cfg = read(blocks('README.md')[2], tmp_path)
    head = cfg.model.panoptic_head
    assert (head.num_things_classes, head.num_stuff_classes, len(head.loss_cls.class_weight)) == (2, 1, 4)
    assert [metric.ann_file for metric in cfg.val_evaluator] == ['data/streets/panoptic_val.json']


def test_own_label_maps_train_validate_and_are_tested(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_toy_label_maps('my roads')
    (tmp_path / 'my roads/classes.txt').write_text('ground 0 0 0\ndisc 220 60 60\nbar 60 60 220\n')
    text = blocks('README.md')[1].replace('data/roads/', 'my roads/').replace("('road', 'sky')", "'classes.txt'")
    text = re.sub("'images/(train|val)'", "'img_dir'", re.sub("'maps/(train|val)'", "'ann_dir'", text))
    (tmp_path / 'page.py').write_text(text)
    options = ['crop_size=(64,64)', 'train_cfg.max_iters=1', 'train_cfg.val_interval=1',
               'train_dataloader.batch_size=2',
               'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
               'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
               'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False', 'run_report=False']
    assert main(['train', 'page.py', '--work-dir', 'run', '--cfg-options', *options]) == 0
    checkpoint = next(str(path) for path in (tmp_path / 'run').glob('iter_1.pth'))
    capsys.readouterr()
    assert main(['test', 'page.py', checkpoint, '--work-dir', 'tested', '--cfg-options', *options]) == 0
    assert 'The validation set is tested' in ''.join(path.read_text() for path in (tmp_path / 'tested').rglob('*.log'))
