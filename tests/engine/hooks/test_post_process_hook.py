"""post_process in a config: which images it sees, where it acts, and that it leaves the model as it was."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import toy_runs
from mmengine.evaluator import DumpResults
from mmengine.fileio import load
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import BaseDataElement, PixelData

from mmseg_plugins.apis import Predictor
from mmseg_plugins.config.load import load_config
from mmseg_plugins.engine import SafeRunner
from mmseg_plugins.engine.runner.post_process import (
    RefinedTTAModel,
    attach,
    attached,
    build_post_process,
    detach,
    raw_images,
)
from mmseg_plugins.models.crf import dense_crf
from mmseg_plugins.utils.errors import UserError

POST = dict(type='mmseg_plugins.DenseCRFPostProcess', preset='deconvnet')


def batch(image, **meta):
    """A loader's batch of one image (H, W, 3) in BGR."""
    sample = BaseDataElement(metainfo=meta)
    return dict(inputs=[torch.from_numpy(image.transpose(2, 0, 1).copy())], data_samples=[sample])


def prediction(height, width):
    return [BaseDataElement(pred_sem_seg=PixelData(data=torch.zeros(1, height, width)))]


@pytest.fixture
def picture():
    return np.random.RandomState(0).randint(0, 256, (12, 18, 3)).astype(np.uint8)


def rgb(picture):
    return torch.from_numpy(picture[..., ::-1].transpose(2, 0, 1).copy())


def test_an_untouched_image_is_used_as_it_is_in_rgb(picture):
    assert torch.equal(raw_images(batch(picture), prediction(12, 18))[0], rgb(picture))


def test_a_resized_image_is_read_from_its_file_again(picture, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    data = batch(cv2.resize(picture, (9, 6)), img_path=str(tmp_path / 'a.png'))
    assert torch.equal(raw_images(data, prediction(12, 18))[0], rgb(picture))


def test_without_a_file_the_image_is_cut_to_its_content_turned_back_and_resized(picture):
    large = cv2.resize(picture, (36, 24), interpolation=cv2.INTER_NEAREST)
    padded = np.zeros((32, 40, 3), np.uint8)
    padded[:24, :36] = large
    plain = raw_images(batch(padded, scale_factor=(2.0, 2.0)), prediction(12, 18))[0]
    torch.testing.assert_close(plain, rgb(picture).float())
    turned = batch(np.ascontiguousarray(picture[:, ::-1]), flip=True, flip_direction='horizontal')
    assert torch.equal(raw_images(turned, prediction(12, 18))[0], rgb(picture).float())


def test_of_augmented_images_an_unflipped_one_is_used(picture):
    flipped = batch(np.ascontiguousarray(picture[:, ::-1]), flip=True, flip_direction='horizontal')
    plain = batch(picture, flip=False)
    data = {key: [flipped[key], plain[key]] for key in plain}
    assert torch.equal(raw_images(data, prediction(12, 18))[0], rgb(picture))


def test_a_post_process_without_a_type_names_the_fix():
    assert build_post_process(None) is None
    with pytest.raises(UserError, match=r'names no type.*post_process\.type'):
        build_post_process(dict(preset='deconvnet'))


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    """Config and weights of an untrained segmentor whose test pipeline enlarges images."""
    folder = tmp_path_factory.mktemp('toy')
    data = toy_runs.write_toy_label_maps(folder / 'data', images=2)
    cfg = toy_runs.segmentor_config(data, folder / 'run')
    cfg.test_dataloader.dataset.pipeline[1]['scale'] = (96, 96)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta=dict()), folder / 'model.pth')
    cfg.load_from = str(folder / 'model.pth')
    cfg.custom_hooks = []
    for switch in ('data_check', 'run_report', 'progress', 'finite_loss'):
        cfg[switch] = False
    return cfg, data, folder


def predictions_of(cfg, folder, stage='test', **changes):
    """Predictions of a run's test, by image name."""
    cfg = cfg.copy()
    cfg.merge_from_dict(dict(changes, experiment_name=f'{cfg.experiment_name}_{len(list(folder.iterdir()))}'))
    runner = SafeRunner.from_cfg(cfg)
    out = folder / f'{len(list(folder.iterdir()))}.pkl'
    metric = DumpResults(out_file_path=str(out))
    (runner.test_evaluator if stage == 'test' else runner.val_evaluator).metrics.append(metric)
    getattr(runner, stage)()
    assert not {'test_step', 'val_step', 'merge_preds'} & set(vars(runner.model))
    return {one['img_path']: one for one in load(str(out))}


@pytest.fixture(scope='module')
def plain_and_refined(toy):
    cfg, _, folder = toy
    asked = {f'post_process.{key}': value for key, value in POST.items()}
    return predictions_of(cfg, folder), predictions_of(cfg, folder, **asked)


def test_one_line_refines_the_test_of_any_segmentor(plain_and_refined):
    plain, refined = plain_and_refined
    changed = 0
    for path, one in refined.items():
        image = rgb(cv2.imread(path))
        wanted = dense_crf(plain[path]['seg_logits']['data'][None], image[None], 'deconvnet', kind='logits')[0]
        assert torch.equal(one['pred_sem_seg']['data'], wanted.argmax(0, keepdim=True))
        changed += int((one['pred_sem_seg']['data'] != plain[path]['pred_sem_seg']['data']).sum())
    assert changed > 0


def test_validation_is_refined_only_if_asked_for(toy, plain_and_refined):
    cfg, _, folder = toy
    plain, refined = plain_and_refined
    cfg = cfg.copy()
    cfg.val_dataloader = cfg.test_dataloader
    for asked, wanted in ((False, plain), (True, refined)):
        found = predictions_of(cfg, folder, 'val', post_process=dict(POST, validation=asked))
        for path, one in found.items():
            assert torch.equal(one['pred_sem_seg']['data'], wanted[path]['pred_sem_seg']['data'])


def test_predictor_and_test_agree(toy, plain_and_refined):
    cfg, _, folder = toy
    cfg.dump(str(folder / 'config.py'))
    options = {f'post_process.{key}': value for key, value in POST.items()}
    predictor = Predictor(str(folder / 'config.py'), folder / 'model.pth', cfg_options=options)
    for path, one in plain_and_refined[1].items():
        assert torch.equal(predictor(path).pred_sem_seg.data, one['pred_sem_seg']['data'])


def test_with_test_time_augmentation_the_mean_of_all_predictions_is_refined(toy, plain_and_refined):
    cfg, _, _ = toy
    init_default_scope('mmseg')
    model = MODELS.build(dict(type='SegTTAModel', module=cfg.model)).eval()
    model.module.load_state_dict(torch.load(cfg.load_from)['state_dict'])
    from mmengine.dataset import pseudo_collate
    from mmseg.datasets.transforms import PackSegInputs
    path = next(iter(plain_and_refined[0]))
    images = [cv2.imread(path), np.ascontiguousarray(cv2.imread(path)[:, ::-1])]
    packed = []
    for image, flip in zip(images, (False, True), strict=True):
        packed.append(PackSegInputs()(dict(
            img=image, img_path=path, ori_shape=(64, 64), img_shape=(64, 64), pad_shape=(64, 64), flip=flip,
            flip_direction='horizontal' if flip else None)))
    data = {key: [pseudo_collate([one])[key] for one in packed] for key in packed[0]}
    with torch.no_grad():
        singles = [model.module.test_step({key: value[index] for key, value in data.items()})[0].seg_logits.data
                   for index in (0, 1)]
        refined = RefinedTTAModel(model, build_post_process(POST)).test_step(data)[0]
    mean = (singles[0].softmax(0) + singles[1].softmax(0)) / 2
    wanted = dense_crf(mean[None], rgb(images[0])[None], 'deconvnet')[0].argmax(0, keepdim=True)
    assert torch.equal(refined.pred_sem_seg.data, wanted)
    assert not {'test_step', 'merge_preds'} & set(vars(model))


class Doubling(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        return [BaseDataElement(metainfo=dict(ori_shape=(2, 2)), found=inputs * 2)] if mode == 'predict' else inputs


def test_a_post_process_acts_on_steps_once_and_can_be_taken_off():
    model, plain = Doubling(), Doubling()
    calls = []

    def post(samples, images, model):
        calls.append((samples, images, model))
        return ['refined']

    data = dict(inputs=torch.ones(1, 3, 2, 2), data_samples=[BaseDataElement(metainfo=dict(ori_shape=(2, 2)))])
    attach(model, lambda *_: ['another'])
    attach(model, post)
    assert attached(model) is post
    assert attached(plain) is None
    assert model.test_step(data) == model.val_step(data) == ['refined']
    assert torch.equal(calls[0][0][0].found, plain.test_step(data)[0].found)
    assert torch.equal(calls[0][1][0], torch.ones(3, 2, 2))
    assert calls[0][2] is model
    assert len(calls) == 2
    prepared = model.data_preprocessor(data, True)
    assert torch.equal(model(**prepared, mode='predict')[0].found, data['inputs'] * 2)  # raw images are not known
    detach(model)
    detach(model)
    assert torch.equal(model.test_step(data)[0].found, data['inputs'] * 2)
    assert not model._forward_hooks
    assert not model.data_preprocessor._forward_pre_hooks


def test_with_test_time_augmentation_scores_stay_with_their_image():
    """An image without scores before one with them takes no scores, and the other keeps its own."""
    def scored(*value):
        return BaseDataElement(seg_logits=PixelData(data=torch.tensor(value).reshape(-1, 1, 1)))

    class Last(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            return [group[-1] for group in data_samples_list]

    bare, model = BaseDataElement(), Last(Doubling())
    post = SimpleNamespace(
        probabilities=lambda sample, module: sample.seg_logits.data, as_scores=lambda mean, one_channel, module: mean)
    first, second = RefinedTTAModel(model, post).merge_preds([[bare], [scored(0.2, 0.8), scored(0.4, 0.6)]])
    assert 'seg_logits' not in first
    torch.testing.assert_close(second.seg_logits.data.flatten(), torch.tensor([0.3, 0.7]))


def test_masks_of_a_detector_are_refined_by_the_same_line(tmp_path):
    data = toy_runs.write_toy_coco(tmp_path / 'data', images=1)
    cfg = toy_runs.detector_config(data, tmp_path / 'run')
    cfg.model.test_cfg.rcnn.update(score_thr=0.0, mask_thr_binary=0.0)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=('a', 'b')))),
               tmp_path / 'model.pth')
    image = cv2.imread(str(next((data / 'images').iterdir())))
    plain = Predictor(cfg, tmp_path / 'model.pth')(image)
    predictor = Predictor(cfg, tmp_path / 'model.pth', cfg_options={
        'post_process.type': POST['type'], 'post_process.min_score': 0.0, 'post_process.mask_confidence': 0.51})
    seen = []
    refine = predictor.post_process.refine
    predictor.post_process.refine = lambda *args: seen.append(args) or refine(*args)
    refined = predictor(image)
    assert len(seen) == plain.pred_instances.masks.flatten(1).any(1).sum() > 0
    assert all(colors.shape[2:] == probabilities.shape[2:] for probabilities, colors in seen)
    assert torch.equal(plain.pred_instances.bboxes, refined.pred_instances.bboxes)
    build_post_process(dict(POST, preset='pydensecrf', min_score=0.0, mask_confidence=0.51))([plain], [rgb(image)])
    assert torch.equal(plain.pred_instances.masks, refined.pred_instances.masks)


def test_no_warning_of_a_new_key(toy, capsys):
    cfg, _, folder = toy
    cfg.dump(str(folder / 'again.py'))
    load_config(folder / 'again.py', {'post_process.type': POST['type']})
    assert 'new key' not in capsys.readouterr().out
