"""Averaged batch norm statistics: a slow computation, what is left alone, whole runs, resuming, errors."""

from copy import deepcopy

import pytest
import torch
from engine_toy import loader, toy_config, train, validation
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import HOOKS, MODELS
from semantic_batches import random_labels, semantic_batch
from torch import nn
from toy_runs import segmentor_config, write_toy_label_maps

from mmseg_plugins.engine.checkpoint.safe_load import load_checkpoint_file
from mmseg_plugins.engine.hooks import PreciseBNHook
from mmseg_plugins.engine.hooks.precise_bn_hook import average_batch_statistics
from mmseg_plugins.engine.runner.safe_runner import SafeRunner
from mmseg_plugins.utils.errors import UserError

HOOK = dict(type='mmseg_plugins.PreciseBNHook')


class Net(BaseModel):
    """One norm after another, one used twice, one frozen, one without statistics, one that is never reached."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(4)
        self.conv, self.drop = nn.Conv2d(3, 4, 3), nn.Dropout(0.5)
        self.frozen, self.free = nn.BatchNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)
        self.unused = nn.BatchNorm2d(4)

    def train(self, mode=True):
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, inputs, data_samples=None, mode='tensor'):
        assert mode == 'loss'
        x = self.drop(self.conv(self.first(inputs)).relu())
        x = self.free(self.frozen(self.second(self.second(x) * 2)))
        return dict(loss=x.mean())


def batches(count=5, size=7):
    generator = torch.Generator().manual_seed(0)
    return [dict(inputs=3 * torch.randn(2, 3, size, size, generator=generator) + 1) for _ in range(count)]


def slow_statistics(model, data):
    """(mean, variance) averaged over all uses: every batch through a copy that remembers the last one only."""
    model = deepcopy(model).train()
    model.drop.p = 0
    seen = {'first': [], 'second': []}
    for name in seen:
        def read(_, inputs, name=name):
            x = inputs[0].transpose(0, 1).flatten(1).double()
            m = x.shape[1]
            mean = x.sum(1) / m
            seen[name].append((mean, ((x - mean[:, None])**2).sum(1) / m * (m / (m - 1))))
        getattr(model, name).register_forward_pre_hook(read)
    for batch in data:
        model(**batch, mode='loss')
    return {name: [sum(values) / len(values) for values in zip(*uses, strict=True)] for name, uses in seen.items()}


def test_equals_the_slow_averages_and_touches_nothing_else():
    torch.manual_seed(0)
    model = Net()
    for p in model.parameters():
        nn.init.normal_(p)
    model.train()
    for batch in batches(2):
        model(**batch, mode='loss')
    model.conv.eval()
    before, modes = deepcopy(model.state_dict()), [m.training for m in model.modules()]
    wanted = slow_statistics(model, batches())
    assert average_batch_statistics(model, batches()) == 2
    after = model.state_dict()
    for name, (mean, variance) in wanted.items():
        torch.testing.assert_close(after.pop(f'{name}.running_mean').double(), mean, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(after.pop(f'{name}.running_var').double(), variance, rtol=1e-5, atol=1e-5)
    for key, value in after.items():
        assert torch.equal(value, before[key]), key
    assert [m.training for m in model.modules()] == modes
    assert model.first.momentum == 0.1
    assert all(p.grad is None for p in model.parameters())


def test_a_failing_batch_leaves_the_statistics_as_they_were():
    model = Net()
    before = deepcopy(model.state_dict())
    with pytest.raises(RuntimeError, match='should contain 5 elements'):
        average_batch_statistics(model, [*batches(1), dict(inputs=torch.zeros(1, 5, 9, 9))])
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert model.first.momentum == 0.1


@HOOKS.register_module()
class StatisticsSeen(Hook):
    """Notes the running means at every validation and test, after PreciseBNHook."""

    priority = 'LOWEST'

    def __init__(self):
        self.seen = []

    def before_val_epoch(self, runner):
        self.seen.append(runner.model.body[1].running_mean.clone())

    before_test_epoch = before_val_epoch


class Stop(Exception):
    """Ends a run as a kill would."""


@HOOKS.register_module()
class StopAfter(Hook):

    def __init__(self, iterations):
        self.iterations = iterations

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iterations:
            raise Stop


def run_config(hooks, **changes):
    return dict(train_cfg=dict(by_epoch=False, max_iters=8, val_interval=4), custom_hooks=hooks, **validation(),
                **changes)


def seen_by(runner):
    return next(hook for hook in runner.hooks if isinstance(hook, StatisticsSeen)).seen


def test_training_is_the_same_with_it_and_the_checkpoint_holds_the_averages(tmp_path):
    train(tmp_path / 'plain', **run_config([]))
    runner = train(tmp_path / 'precise', **run_config([HOOK, dict(type='StatisticsSeen')]))
    plain = load_checkpoint_file(tmp_path / 'plain' / 'iter_8.pth')['state_dict']
    precise = load_checkpoint_file(tmp_path / 'precise' / 'iter_8.pth')['state_dict']
    differing = {key for key in plain if not torch.equal(plain[key], precise[key])}
    assert differing == {'body.1.running_mean', 'body.1.running_var'}
    assert torch.equal(precise['body.1.running_mean'], seen_by(runner)[-1])
    assert len(seen_by(runner)) == 2

    changes = run_config([HOOK, dict(type='StatisticsSeen')], test_dataloader=validation()['val_dataloader'],
                         test_cfg={}, test_evaluator=dict(type='ToyMetric'))
    again = toy_config(tmp_path / 'test', load_from=str(tmp_path / 'precise' / 'iter_8.pth'), **changes)
    tested = SafeRunner.from_cfg(again)
    tested.test()
    assert torch.equal(seen_by(tested)[0], seen_by(runner)[-1])  # the same images, the same augmentation


def test_workers_change_nothing_and_fewer_batches_do(tmp_path):
    results = []
    for index, (workers, number) in enumerate([(0, None), (2, None), (0, 6), (0, 2)]):
        hook = dict(HOOK, dataloader=loader(workers), num_batches=number)
        results.append(seen_by(train(tmp_path / str(index), **run_config([hook, dict(type='StatisticsSeen')])))[-1])
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])  # 12 images are 6 batches of 2
    assert not torch.equal(results[0], results[3])


def test_only_the_stages_asked_for(tmp_path):
    hooks = [dict(HOOK, stages=['test']), dict(type='StatisticsSeen')]
    seen = seen_by(train(tmp_path / 'test_only', **run_config(hooks)))
    plain = seen_by(train(tmp_path / 'none', **run_config(hooks[1:])))
    assert torch.equal(seen[-1], plain[-1])


@pytest.mark.parametrize('after', [5, 7])
def test_an_interrupted_run_ends_alike(tmp_path, after):
    train(tmp_path / 'whole', **run_config([HOOK]))
    with pytest.raises(Stop):
        train(tmp_path / 'cut', **run_config([HOOK, dict(type='StopAfter', iterations=after)]))
    train(tmp_path / 'cut', **run_config([HOOK]))
    whole, cut = (load_checkpoint_file(tmp_path / name / 'iter_8.pth')['state_dict'] for name in ('whole', 'cut'))
    for key, value in whole.items():
        assert torch.equal(value, cut[key]), key


def test_in_a_segmentor(tmp_path):
    cfg = segmentor_config(write_toy_label_maps(tmp_path / 'data'), tmp_path / 'run')
    cfg.custom_hooks = [HOOK]
    runner = SafeRunner.from_cfg(cfg)
    runner.train()
    layers = [m for m in runner.model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(layers) > 5
    assert all(layer.num_batches_tracked == 2 and layer.momentum == 0.1 for layer in layers)


def densenet(batch_statistics):
    """A small FC-DenseNet with the paper's dropout before every norm of a block."""
    layout = dict(growth_rate=8, dropout=0.2, batch_statistics=batch_statistics)
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[127.5] * 3, std=[64.0] * 3, size=(32, 32)),
        backbone=dict(type='mmseg_plugins.FCDenseNet', stem_channels=16, down_layers=(2, 2), bottleneck_layers=2,
                      **layout),
        decode_head=dict(type='mmseg_plugins.FCDenseNetHead', in_channels=[32, 48, 16], up_layers=(2, 2), num_classes=3,
                         loss_decode=dict(type='mmseg.CrossEntropyLoss'), **layout),
        test_cfg=dict(mode='whole')))
    model.init_weights()
    return model


def test_dropout_before_norms_inflates_moving_variances_and_precise_ones_close_the_gap():
    model, original = densenet(False), densenet(True)
    data = [semantic_batch([random_labels((32, 32), 3, void=0.0, seed=j) for j in range(4)], seed=i) for i in range(2)]
    with torch.no_grad():
        for _ in range(20):
            for one in data:
                model.train()(**model.data_preprocessor(one, True), mode='loss')
    original.load_state_dict(model.state_dict())
    inputs = model.data_preprocessor(data[0], True)['inputs']

    def logits(net):
        with torch.no_grad():
            return net.eval().encode_decode(inputs, [dict(ori_shape=(32, 32), img_shape=(32, 32))] * 4)

    def variances():
        return torch.cat([m.running_var for m in model.modules() if isinstance(m, nn.BatchNorm2d)])

    wanted, moving, moving_variances = logits(original), logits(model), variances()
    average_batch_statistics(model, data)
    precise = logits(model)
    assert (moving_variances / variances()).median() > 1.2  # dropout is on in training
    gap, closed = ((other - wanted).norm() / wanted.norm() for other in (moving, precise))
    assert gap > 0.1
    assert closed < 0.3 * gap


@pytest.mark.parametrize(('arguments', 'words'), [
    (dict(num_batches=0), 'num_batches=0'), (dict(stages='val'), "'val'"), (dict(stages=['train']), 'train')])
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(UserError, match=words):
        PreciseBNHook(**arguments)


def test_missing_training_data_is_named(tmp_path):
    cfg = toy_config(tmp_path, **validation())
    cfg.pop('train_dataloader')
    cfg.update(train_cfg=None, optim_wrapper=None, param_scheduler=None, custom_hooks=[HOOK])
    with pytest.raises(UserError, match=r'no train_dataloader.*Fix'):
        SafeRunner.from_cfg(cfg).val()
