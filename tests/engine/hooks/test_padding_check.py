"""PaddingCheckHook: says that validation is padded where training never was, and only then."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmdet.models import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_plugins.engine.hooks import PaddingCheckHook
from mmseg_plugins.models.detectors import TiledMask2Former, TiledSOLO
from mmseg_plugins.utils.errors import UserError


def warnings_of(
    train_sizes, val_sizes, *, divisor=32, batches=3, validations=1, removes=False, preprocess=None, resumed=None,
    state=None, **options
):
    """Warnings of a run whose batches hold images of these sizes."""
    said = []
    logger = logging.Logger('toy')
    logger.addHandler(SimpleNamespace(level=0, handle=lambda record: said.append(record.getMessage())))
    model = nn.Module()
    model.data_preprocessor = preprocess or DetDataPreprocessor(pad_size_divisor=divisor)
    model.removes_padding = removes
    sample = SegDataSample if preprocess else DetDataSample
    runner, hook = SimpleNamespace(model=model, logger=logger), PaddingCheckHook(**{'min_batches': 3, **options})
    hook.load_state_dict(resumed or {})

    def batch(sizes):
        return dict(
            inputs=[torch.zeros(3, *size, dtype=torch.uint8) for size in sizes],
            data_samples=[sample(metainfo=dict(img_shape=size)) for size in sizes])

    hook.before_train(runner)
    for _ in range(batches):
        model.data_preprocessor(batch(train_sizes), training=True)
    for _ in range(validations):
        hook.before_val_epoch(runner)
        for size in val_sizes:
            model.data_preprocessor(batch([size]), False)
        hook.after_val_epoch(runner)
    hook.after_train(runner)
    assert not model.data_preprocessor._forward_hooks
    if state is not None:
        state.update(hook.state_dict())
    return said


def test_a_resumed_run_counts_on_and_says_nothing_twice():
    state = {}
    assert warnings_of([(64, 64)], [(40, 64)], batches=2, state=state) == []
    assert len(warnings_of([(64, 64)], [(40, 64)], batches=1, resumed=state, state=state)) == 1
    assert warnings_of([(64, 64)], [(40, 64)], resumed=state) == []


def test_padding_in_validation_alone_is_said_once_with_its_share_and_the_fix():
    said = warnings_of([(64, 64)] * 2, [(64, 64), (40, 64)], validations=2)
    assert len(said) == 1
    for part in ('1 of 2 validation images', '18.8%', '3 training batches', 'pad_size_divisor=1'):
        assert part in said[0]


def test_fix_names_the_setting_of_the_host():
    preprocess = SegDataPreProcessor(size=(64, 64), test_cfg=dict(size_divisor=32))
    said = warnings_of([(64, 64)], [(40, 64)], preprocess=preprocess)
    assert len(said) == 1
    assert 'model.data_preprocessor.test_cfg.size_divisor=1' in said[0]


@pytest.mark.parametrize('case', [
    dict(train_sizes=[(64, 64), (40, 64)], val_sizes=[(40, 64)]),  # training is padded, too
    dict(train_sizes=[(64, 64)], val_sizes=[(64, 96)]),  # nothing to pad
    dict(train_sizes=[(64, 64)], val_sizes=[(40, 64)], divisor=1),  # nothing is padded
    dict(train_sizes=[(64, 64)], val_sizes=[(40, 64)], removes=True),  # the model takes it off
    dict(train_sizes=[(64, 64)], val_sizes=[(40, 64)], batches=2),  # too few batches to know
    dict(train_sizes=[(64, 64)], val_sizes=[(64, 64)] * 9 + [(63, 64)], min_share=0.2),  # hardly any
])
def test_nothing_is_said_without_a_difference(case):
    assert warnings_of(**case) == []


@pytest.mark.parametrize('detector', [TiledSOLO, TiledMask2Former])
def test_a_detector_on_tiles_is_not_warned_of(detector):
    assert detector.removes_padding


@pytest.mark.parametrize('options', [dict(min_batches=0), dict(min_share=0.0), dict(min_share=1.0)])
def test_limits_that_make_no_sense_are_named(options):
    with pytest.raises(UserError, match='PaddingCheckHook'):
        PaddingCheckHook(**options)


def test_batches_of_another_form_are_passed_over():
    hook = PaddingCheckHook()
    for output in (torch.zeros(1), dict(inputs=[torch.zeros(3, 4, 4)]), dict(inputs=torch.zeros(1, 3, 4, 4)),
                   dict(inputs=torch.zeros(1, 3, 4, 4), data_samples=[DetDataSample()])):
        hook._look(None, (None, True), {}, output)
    assert hook.unpadded_batches == 0
    assert not hook.train_is_padded
