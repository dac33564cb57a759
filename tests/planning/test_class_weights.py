"""Class weights: the reference's numbers, the tool on a config and on a folder, labels that are no class."""

import cv2
import numpy as np
import pytest
import toy_runs
from golden_cases import GoldenCase
from mmengine.config import Config

from mmseg_plugins.cli.main import main
from mmseg_plugins.planning.class_weights import enet, linknet, median_frequency
from mmseg_plugins.planning.label_counts import count_labels
from mmseg_plugins.utils.errors import UserError


@pytest.mark.golden
def test_agrees_with_the_reference():
    case = GoldenCase('class_weights')
    wanted = {key: value.numpy() for key, value in case.arrays.items()}
    maps = [(str(i), lambda labels=labels: labels) for i, labels in enumerate(wanted['labels'])]
    config = case.facts['config']
    classes = tuple(f'class {i}' for i in range(config['num_classes']))
    found = count_labels(maps, classes, ignore_index=config['void_label'])
    np.testing.assert_array_equal(np.column_stack([found.counts, found.void]), wanted['counts'])
    # To the reference, void is one more class.
    with_void = np.column_stack([found.counts, found.void]), np.zeros(len(maps))
    pair = found.counts, found.void
    outputs = dict(
        median_freq=median_frequency(*with_void),
        median_freq_void_in_total=median_frequency(*pair),
        median_freq_void_excluded=median_frequency(*pair, void_in_total=False),
        linknet_valid=linknet(*pair))
    for key in [key for key in wanted if key.startswith('enet_c')]:
        c, _, share = key.removeprefix('enet_c').partition('_')
        pairs = pair if share else with_void
        outputs[key] = enet(*pairs, c=float(c), void_in_total=share != 'valid_share')
    stored = {key for key, facts in case.facts['arrays'].items() if facts['role'] == 'output'}
    assert set(outputs) | {'counts'} == stored
    for key, value in outputs.items():
        np.testing.assert_allclose(value, wanted[key], rtol=case.tolerance, err_msg=key)


@pytest.mark.parametrize('seed', range(3))
def test_agrees_with_the_definition_under_other_labels(seed):
    rng = np.random.RandomState(seed)
    labels = rng.choice([0, 1, 2, 3, 255], size=(5, 9, 8), p=[.5, .3, .1, .05, .05])
    labels[0][labels[0] == 1] = 0
    found = count_labels([(str(i), lambda m=m: m) for i, m in enumerate(labels)], tuple('abcd'))
    frequency = []
    for k in range(4):
        images = [m for m in labels if (m == k).any()]
        frequency.append(sum((m == k).sum() for m in images) / sum(m.size for m in images))
    np.testing.assert_allclose(median_frequency(found.counts, found.void), np.median(frequency) / frequency)
    shares = np.array([(labels == k).sum() / (labels != 255).sum() for k in range(4)])
    np.testing.assert_allclose(enet(found.counts, found.void, 1.1, False), 1 / np.log(1.1 + shares))
    np.testing.assert_allclose(linknet(found.counts, found.void), 1 / np.log(1.02 + shares / shares.max()))


def test_a_class_in_no_image_gets_0_and_does_not_move_the_others():
    counts, void = np.array([[6, 0, 2], [0, 0, 8]]), np.array([2, 2])
    for rule in (median_frequency, enet, linknet):
        weights = rule(counts, void)
        assert weights[1] == 0
        np.testing.assert_allclose(weights[[0, 2]], rule(counts[:, [0, 2]], void))


@pytest.mark.parametrize('rule', [median_frequency, enet, linknet])
def test_void_alone_is_an_error(rule):
    with pytest.raises(UserError, match='without a labelled pixel'):
        rule(np.zeros((2, 3)), np.array([4, 4]))


def test_c_must_be_above_1():
    with pytest.raises(UserError, match=r'c=1\.0.*above 1'):
        enet(np.ones((1, 2)), np.zeros(1), 1.0)


@pytest.fixture
def toy(tmp_path):
    """A config of label maps with three classes (and 255 in a corner), and its folder."""
    folder = toy_runs.write_toy_label_maps(tmp_path / 'data')
    toy_runs.segmentor_config(folder, tmp_path / 'run').dump(str(tmp_path / 'config.py'))
    return folder


def test_the_tool_writes_a_config_that_others_inherit(toy, tmp_path, capsys):
    out = tmp_path / 'new folder' / 'weights.py'
    assert main(['class-weights', str(tmp_path / 'config.py'), '--out-file', str(out), '--c', '1.1']) == 0
    text = capsys.readouterr().out
    labels = np.stack([cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((toy / 'ann_dir').iterdir())])
    shares = [(labels == k).mean() for k in range(3)]
    assert '4 label maps, 0.39 % of all pixels void' in text
    assert all(name in text for name in ('ground', 'disc', 'bar', f'{1 / np.log(1.1 + shares[2]):.4f}'))
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f'_base_ = [{str(out)!r}]\nloss_decode = dict(class_weight={{{{_base_.enet_weights}}}})\n')
    weights = Config.fromfile(leaf).loss_decode.class_weight
    np.testing.assert_allclose(weights, 1 / np.log(1.1 + np.array(shares)), rtol=1e-5)
    assert 'mmseg-plugins class-weights' in out.read_text()


def test_a_folder_and_a_config_give_the_same(toy, tmp_path, capsys):
    assert main(['class-weights', str(tmp_path / 'config.py'), '--shares-of', 'valid']) == 0
    by_config = capsys.readouterr().out
    names = ['--classes', 'ground', 'disc', 'bar']
    assert main(['class-weights', str(toy / 'ann_dir'), *names, '--shares-of', 'valid']) == 0
    assert capsys.readouterr().out == by_config
    assert main(['class-weights', str(toy / 'ann_dir'), *names, 'bicyclist']) == 0
    assert 'in no map, weight 0: bicyclist' in capsys.readouterr().out


def failure(capsys, *argv):
    assert main(['class-weights', *map(str, argv)]) == 2
    return capsys.readouterr().err


def test_labels_outside_the_classes_are_named_with_their_files(toy, tmp_path, capsys):
    path = toy / 'ann_dir' / '2.png'
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    labels[5:7, 5:7] = [[7, 9], [9, 7]]
    cv2.imwrite(str(path), labels)
    for source in ([tmp_path / 'config.py'], [toy / 'ann_dir', '--classes', 'ground', 'disc', 'bar']):
        error = failure(capsys, *source)
        assert all(word in error for word in ('1 label maps', '2.png: [7, 9]', '3 classes', '0 to 2', 'Fix')), error


def test_other_mistakes_are_named(toy, tmp_path, capsys):
    assert '--classes' in failure(capsys, toy / 'ann_dir')
    assert 'no label map found' in failure(capsys, toy / 'ann_dir', '--classes', 'a', '--suffix', '.tif')
    assert '3 channels' in failure(capsys, toy / 'img_dir', '--classes', 'a')
    assert 'does not exist' in failure(capsys, tmp_path / 'absent.py')
    assert 'c=0.5' in failure(capsys, tmp_path / 'config.py', '--c', '0.5')
    assert 'no test_dataloader' in failure(capsys, tmp_path / 'config.py', '--split', 'test', '--cfg-options',
                                           'test_dataloader=None')
