"""The examples of docs/your_data.md do what the page says."""

import re

import pytest
from config_files import ROOT

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


def test_own_panoptic_classes_reach_the_heads(tmp_path):
    cfg = read(blocks('README.md')[2], tmp_path)
    head = cfg.model.panoptic_head
    assert (head.num_things_classes, head.num_stuff_classes, len(head.loss_cls.class_weight)) == (2, 1, 4)
    assert [metric.ann_file for metric in cfg.val_evaluator] == ['data/streets/panoptic_val.json']
