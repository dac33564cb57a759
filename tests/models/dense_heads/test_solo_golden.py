"""SOLO's heads with the original's weights: raw outputs, losses of both ground truth sets, targets, predictions."""

import pytest
import torch
from golden_cases import rel_error
from solo_cases import HEADS, golden, golden_head, pyramid, samples, unpack

from mmseg_plugins.models.postprocess.solo_masks import point_nms

pytestmark = pytest.mark.golden


def raw_outputs(case, head):
    """The head's outputs under the names of the golden arrays."""
    with torch.no_grad():
        outs = head(pyramid(case))
        if case == 'solo_v1_head':
            names = ['mask_logit', 'cls_logit']
            outs = [[head.mask_logits(level, feature) for level, feature in enumerate(outs[0])], outs[1]]
        elif case == 'solov2_head':
            names = ['kernel', 'cls_logit', 'mask_feature']
        else:
            names = ['mask_logit_x', 'mask_logit_y', 'cls_logit']
    found = {}
    for name, value in zip(names, outs, strict=True):
        if isinstance(value, torch.Tensor):
            found[name] = value
        else:
            found.update({f'{name}_{level}': part for level, part in enumerate(value)})
    for level in range(head.num_levels):
        scores = point_nms(found[f'cls_logit_{level}'].sigmoid())
        found[f'cls_score_nms_{level}'] = scores.permute(0, 2, 3, 1)
    return found


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('case', HEADS)
def test_raw_outputs_are_the_originals_in_both_modes(case, training):
    found = raw_outputs(case, golden_head(case).train(training))
    wanted = [name for name in golden(case).arrays
              if name.startswith(('mask_logit', 'cls_logit', 'kernel', 'mask_feature', 'cls_score_nms'))]
    assert sorted(found) == sorted(wanted)
    errors = {name: rel_error(found[name], golden(case).arrays[name]) for name in wanted}
    assert max(errors.values()) <= golden(case).tolerance, errors


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('gt_set', ['a', 'b'])
@pytest.mark.parametrize('case', HEADS)
def test_losses_are_the_originals_in_both_modes(case, gt_set, training):
    losses = golden_head(case).train(training).loss(pyramid(case), samples(case, gt_set))
    found = torch.stack([losses['loss_mask'], losses['loss_cls']]).double().detach()
    wanted = golden(case).arrays[f'loss_{gt_set}']
    assert rel_error(found, wanted) <= golden(case).facts['tolerance']['suggested_loss_rel'], (found, wanted)


@pytest.mark.parametrize('gt_set', ['a', 'b'])
@pytest.mark.parametrize('case', HEADS)
def test_targets_are_the_originals(case, gt_set):
    head, arrays = golden_head(case), golden(case).arrays
    targets = [head.image_targets(s.gt_instances, torch.device('cpu')) for s in samples(case, gt_set)]
    labels = torch.cat([level.labels for target in targets for level in target.levels])
    theirs = arrays[f'targets_{gt_set}_cls']
    assert torch.equal((labels + 1) % (head.num_classes + 1), theirs)  # background is 0 there
    if case == 'solov2_head':
        pairs = torch.tensor([[len(level.cells) for level in target.levels] for target in targets])
        cells = torch.tensor([[len(level.cells.unique()) for level in target.levels] for target in targets])
        assert torch.equal(pairs, arrays[f'targets_{gt_set}_num_masks'])
        assert torch.equal(cells, arrays[f'targets_{gt_set}_num_cells'])


def test_shared_cells_count_twice_in_solov2_where_stock_differs():
    case, arrays = 'solov2_head', golden('solov2_head').arrays
    pairs, cells = arrays['targets_b_num_masks'].sum(), arrays['targets_b_num_cells'].sum()
    stock = golden_head(case, 'mmdet').train().loss(pyramid(case), samples(case, 'b'))['loss_mask'].item()
    ours = golden_head(case).train().loss(pyramid(case), samples(case, 'b'))['loss_mask'].item()
    assert stock == pytest.approx(ours * (pairs / cells).item(), rel=1e-5)


@pytest.mark.parametrize('chunk_bytes', [1, 2**27])
@pytest.mark.parametrize('case', HEADS)
def test_predictions_are_the_originals(case, chunk_bytes):
    head, facts, arrays = golden_head(case).eval(), golden(case).facts, golden(case).arrays
    head.chunk_bytes = chunk_bytes
    results = head.predict(pyramid(case), samples(case, 'a'), rescale=True)
    for image, result in enumerate(results):
        wanted = unpack(arrays[f'pred{image}_mask_bits'], tuple(arrays[f'pred{image}_mask_shape'].tolist()))
        assert rel_error(result.scores, arrays[f'pred{image}_scores']) <= facts['tolerance']['suggested_score_rel']
        assert torch.equal(result.labels, arrays[f'pred{image}_labels'])
        different = (result.masks.numpy() != wanted.astype(bool)).mean()
        assert different <= facts['tolerance']['suggested_mask_pixel_fraction']


@pytest.mark.parametrize('case', HEADS)
def test_predictions_are_stock_mmdets(case):
    stock, ours = golden_head(case, 'mmdet').eval(), golden_head(case).eval()
    with torch.no_grad():
        theirs = stock.predict(pyramid(case), samples(case, 'a'), rescale=True)
    for found, wanted in zip(ours.predict(pyramid(case), samples(case, 'a'), rescale=True), theirs, strict=True):
        torch.testing.assert_close(found.scores, wanted.scores)
        assert torch.equal(found.labels, wanted.labels)
        assert (found.masks != wanted.masks).float().mean() < 1e-4
