"""What the check accepts can be used to the end; what it refuses, it refuses in words with a fix."""

import data_promise
import pytest

KINDS = [(task, name) for task, kinds in data_promise.all_kinds().items() for name in kinds]


@pytest.mark.parametrize(('task', 'name'), KINDS)
def test_damaged_data_are_refused_with_a_fix_or_can_be_loaded(task, name, tmp_path):
    result = data_promise.try_kind(task, data_promise.TASKS[task].damages()[name], tmp_path, data_promise.load_all)
    assert 'died' not in result.kind, result.text
    assert not data_promise.bad_words(result), result.text
    assert name != 'sound' or result.kind == 'accepted', result.text


@pytest.mark.parametrize(('task', 'name'), [
    ('instances', 'annotations.iscrowd null'), ('label maps', 'image: 16 bits'),
    ('panoptic', 'categories in another order'), ('SBD', 'list: blank lines'),
])
def test_accepted_data_train_resume_validate_test_and_predict(task, name, tmp_path):
    result = data_promise.try_kind(task, data_promise.TASKS[task].damages()[name], tmp_path)
    assert result.kind.startswith('accepted'), result.text
