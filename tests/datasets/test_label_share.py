"""A share of the labels is nested and leaves the other images unlabeled; batches hold parts in fixed numbers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from few_label_cases import tiny
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DefaultScope
from toy_runs import write_toy_label_maps

from mmseg_plugins.datasets.label_share import LabelShare, choose_share
from mmseg_plugins.datasets.parts_batch_sampler import PartsBatchSampler
from mmseg_plugins.engine.checks.training_parts import check_loader
from mmseg_plugins.utils.errors import UserError

CLASSES = dict(classes=('ground', 'disc', 'bar'), palette=[(0, 0, 0)] * 3)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_label_maps(tmp_path_factory.mktemp('maps'), images=8)


def part(data: Path, labeled: bool = True, folder: str = 'img_dir') -> dict[str, Any]:
    prefix = dict(img_path=folder, **(dict(seg_map_path='ann_dir') if labeled else {}))
    return dict(type='mmseg.BaseSegDataset', data_root=str(data), img_suffix='.png', data_prefix=prefix,
                metainfo=CLASSES)


def names(dataset: Any) -> list[str]:
    return [Path(dataset.get_data_info(index)['img_path']).name for index in range(len(dataset))]


def test_shares_are_nested_and_the_others_are_unlabeled(data: Path) -> None:
    before: set[str] = set()
    for share, number in ((1 / 8, 1), (0.3, 2), (0.5, 4)):
        made = LabelShare([part(data), part(data, labeled=False), part(data)], share=share)
        labeled, unlabeled, truth = (names(one) for one in made.datasets)
        assert len(labeled) == number
        assert labeled == truth
        assert sorted(labeled + unlabeled) == [f'{index}.png' for index in range(8)]
        assert before <= set(labeled)
        assert made.labeled_part is made.datasets[0]
        before = set(labeled)


def test_the_draw_stays_what_it_is() -> None:
    """Rows of tables are trained on these images."""
    assert choose_share(8, 0.5, 0).tolist() == [2, 3, 4, 6]
    assert choose_share(8, 0.01, 0).tolist() == [2]


def test_unlabeled_images_of_their_own_stay_whole(data: Path, tmp_path: Path) -> None:
    write_toy_label_maps(tmp_path, images=3)
    made = LabelShare([part(data), part(tmp_path, labeled=False)], share=1)
    assert [len(one) for one in made.datasets] == [8, 3]


@pytest.mark.parametrize('share', [0, 1.5, -0.1, '1/8', True])
def test_a_share_out_of_range_is_refused(data: Path, share: Any) -> None:
    with pytest.raises(UserError, match=r'above 0 and at most 1'):
        LabelShare([part(data)], share=share)


def test_nothing_unlabeled_is_refused(data: Path) -> None:
    with pytest.raises(UserError, match='an image that is not labeled'):
        LabelShare([part(data), part(data, labeled=False)], share=1.0)


def test_no_maps_at_all_are_refused(data: Path) -> None:
    with pytest.raises(UserError, match='none of its data sets has label maps'):
        LabelShare([part(data, labeled=False)])


class Sized(SimpleNamespace):
    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def sampler(sizes: list[int], rank: int = 0, world_size: int = 1) -> Any:
    made = InfiniteSampler(Sized(cumulative_sizes=sizes), seed=3)
    made.rank, made.world_size = rank, world_size
    return made


def test_batches_hold_each_part_in_its_number_and_order() -> None:
    batches = list(islice(PartsBatchSampler(sampler([3, 10, 13]), 8, [1, 2, 1]), 6))
    for batch in batches:
        assert [sum(low <= index < high for index in batch) for low, high in ((0, 3), (3, 10), (10, 13))] == [2, 4, 2]
        assert batch[:2] == [index for index in batch if index < 3]
        assert batch[6:] == [index for index in batch if index >= 10]
    first = [index for batch in batches for index in batch[:2]]
    third = [index - 10 for batch in batches for index in batch[6:]]
    assert all(sorted(first[at:at + 3]) == [0, 1, 2] for at in range(0, 12, 3))
    assert first != third


def test_two_processes_share_what_one_would_draw() -> None:
    one = list(islice(PartsBatchSampler(sampler([5, 12]), 4, [1, 1]), 6))
    two = [list(islice(PartsBatchSampler(sampler([5, 12], rank, 2), 2, [1, 1]), 6)) for rank in (0, 1)]
    for whole, *halves in zip(one, *two, strict=True):
        assert whole == [halves[0][0], halves[1][0], halves[0][1], halves[1][1]]


def test_a_part_of_one_image_is_refused_where_a_norm_needs_two() -> None:
    head = dict(type='PSPHead', in_channels=16, channels=8, pool_scales=(1, ), num_classes=3, norm_cfg=dict(type='BN'),
                loss_decode=dict(type='CrossEntropyLoss'))
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = tiny('MeanTeacher', decode_head=head)

    def loader(size: int) -> Any:
        made = sampler([5, 12])
        return SimpleNamespace(sampler=made, batch_sampler=PartsBatchSampler(made, size, [1, 1]))

    check_loader(loader(4), model, by_epoch=False)
    with pytest.raises(UserError, match=r'batch of one image.*batch_size=4 or more'):
        check_loader(loader(2), model, by_epoch=False)


@pytest.mark.parametrize(('parts', 'size', 'words'), [
    ([1, 1], 5, 'batch_size=4'), ([1, 1, 1], 6, 'has 2 parts'), ([1, 0], 4, 'above 0')])
def test_parts_that_do_not_fit_are_refused(parts: list[int], size: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        PartsBatchSampler(sampler([5, 12]), size, parts)
