"""A CRF on finished predictions: label maps, maps of one channel, class weights, instance masks."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import MODELS
from mmengine.structures import BaseDataElement, InstanceData, PixelData

from mmseg_plugins.models.crf import conv_crf, dense_crf

SIZE = (20, 24)


def two_colors():
    """Dark left of column 12, bright right of it."""
    image = torch.full((3, *SIZE), 20.0)
    image[..., 12:] = 200
    return image


def bright_object():
    """A bright rectangle in rows 4 to 15 and columns 8 to 19."""
    image = torch.full((3, *SIZE), 20.0)
    image[:, 4:16, 8:20] = 200
    return image


def label_sample(logits):
    labels = logits.argmax(0, keepdim=True) if len(logits) > 1 else (logits > 0.5).float()
    return BaseDataElement(seg_logits=PixelData(data=logits), pred_sem_seg=PixelData(data=labels))


def dense(**options):
    return MODELS.build(dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deconvnet', **options))


@pytest.mark.parametrize('kind', ['dense', 'conv'])
def test_label_map_and_scores_are_those_of_the_crf(kind):
    image, logits = torch.rand(3, *SIZE) * 255, torch.randn(4, *SIZE) * 3
    probabilities = logits.softmax(0)[None]
    if kind == 'dense':
        post = dense(params=dict(iterations=3))
        wanted = dense_crf(probabilities, image[None], 'deconvnet', iterations=3)[0]
    else:
        post = MODELS.build(dict(type='mmseg_plugins.ConvCRFPostProcess', params=dict(window=5, blur=2)))
        wanted = conv_crf(probabilities.clamp_min(1e-5).log(), image[None], window=5, blur=2, final_softmax=True)[0]
    sample = label_sample(logits)
    post([sample], [image])
    assert torch.equal(sample.pred_sem_seg.data, wanted.argmax(0, keepdim=True))
    torch.testing.assert_close(sample.seg_logits.data.softmax(0), wanted, rtol=1e-3, atol=1e-4)


def test_colours_are_given_in_the_chosen_order():
    image, logits = torch.rand(3, *SIZE) * 255, torch.randn(4, *SIZE)
    samples = label_sample(logits), label_sample(logits)
    dense(channel_order='bgr')(samples[:1], [image])
    dense()(samples[1:], [image.flip(0)])
    assert torch.equal(samples[0].seg_logits.data, samples[1].seg_logits.data)


@pytest.mark.parametrize('threshold', [None, 0.3])
def test_a_model_of_one_channel_is_a_crf_of_two_classes_around_its_threshold(threshold):
    scores = torch.full((1, *SIZE), 0.35)  # after the sigmoid, as mmseg leaves them
    scores[..., 12:] = 0.9
    scores[0, 5, 5] = 0.95
    model = SimpleNamespace(decode_head=SimpleNamespace(threshold=threshold))
    sample = label_sample(scores)
    dense()([sample], [two_colors()], model)
    assert sample.seg_logits.data.shape == (1, *SIZE)
    if threshold is None:
        assert torch.equal(sample.pred_sem_seg.data[0], (torch.arange(24) >= 12).float().expand(SIZE))
    else:
        assert sample.pred_sem_seg.data.all()  # .35 is foreground for this model, as before
    assert torch.equal((sample.seg_logits.data > (threshold or 0.5)).float(), sample.pred_sem_seg.data)


def test_class_weights_of_mask_classification_are_divided_by_their_sum():
    class MaskFormerHead(torch.nn.Module):
        pass

    weights = torch.rand(3, *SIZE) + 0.1
    post, model = dense(), SimpleNamespace(decode_head=MaskFormerHead())
    sample = label_sample(weights)
    torch.testing.assert_close(post.probabilities(sample, model), weights / weights.sum(0))
    torch.testing.assert_close(post.probabilities(sample), weights.softmax(0))
    torch.testing.assert_close(dense(scores='probabilities').probabilities(sample), weights / weights.sum(0))


@pytest.mark.parametrize('one_channel', [False, True])
def test_scores_made_of_probabilities_give_them_back(one_channel):
    model = SimpleNamespace(decode_head=SimpleNamespace(threshold=0.3))
    probabilities = torch.rand(2, *SIZE).clamp(0.01, 0.99)
    probabilities = probabilities / probabilities.sum(0)
    for post in (dense(), dense(scores='probabilities')):
        sample = label_sample(post.as_scores(probabilities, one_channel, model))
        torch.testing.assert_close(post.probabilities(sample, model), probabilities)


def instances(masks, scores=None):
    found = InstanceData(masks=masks, bboxes=torch.zeros(len(masks), 4))
    if scores is not None:
        found.scores = scores
    return BaseDataElement(pred_instances=found)


def test_an_instance_follows_the_edge_in_the_image():
    mask = torch.zeros(1, *SIZE, dtype=torch.bool)
    mask[0, 4:16, 6:18] = True  # two columns too far to the left
    sample = instances(mask.clone(), torch.tensor([0.9]))
    dense(mask_confidence=0.7)([sample], [bright_object()])
    refined = sample.pred_instances.masks
    assert refined.dtype == torch.bool
    assert torch.equal(refined[0], bright_object()[0] > 100)


def test_weak_empty_and_vanishing_instances_stay_and_the_others_do_not_see_them():
    masks = torch.zeros(4, *SIZE, dtype=torch.bool)
    masks[0, 4:16, 6:18] = True  # weak
    masks[2, 3, 3] = True  # a single pixel on a flat ground
    masks[3, 4:16, 6:18] = True
    sample = instances(masks.clone(), torch.tensor([0.01, 0.9, 0.9, 0.9]))
    dense(mask_confidence=0.7)([sample], [bright_object()])
    assert torch.equal(sample.pred_instances.masks[:3], masks[:3])
    assert not torch.equal(sample.pred_instances.masks[3], masks[3])


def test_masks_without_scores_and_no_instance_at_all():
    empty = instances(torch.zeros(0, *SIZE, dtype=torch.bool), torch.zeros(0))
    dense()([empty], [two_colors()])
    assert empty.pred_instances.masks.shape == (0, *SIZE)
    whole = instances(torch.ones(1, *SIZE, dtype=torch.bool))
    dense()([whole], [two_colors()])
    assert whole.pred_instances.masks.any()


def test_boxes_alone_are_refused_with_a_fix():
    sample = BaseDataElement(pred_instances=InstanceData(bboxes=torch.zeros(1, 4)))
    with pytest.raises(ValueError, match=r"masks.*has \['pred_instances'\].*leave post_process out"):
        dense()([sample], [two_colors()])


@pytest.mark.parametrize(('options', 'message'), [
    (dict(channel_order='gbr'), "channel_order='gbr'"), (dict(scores='log'), "scores='log'"),
    (dict(threshold=1.0), r'threshold=1\.0'), (dict(mask_confidence=0.5), r'mask_confidence=0\.5'),
    (dict(margin=-1), 'margin=-1'), (dict(params=dict(sxy=3)), r"no parameter \['sxy'\]"),
])
def test_options_without_a_meaning_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        dense(**options)
