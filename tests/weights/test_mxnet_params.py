"""MXNet's .params files: all versions and types are read, damaged ones are refused at once."""


import struct

import numpy as np
import pytest
from official_fcis import write_params

from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.weights.mxnet_params import read_params


def some_arrays():
    rng = np.random.default_rng(0)
    arrays = {'arg:a_weight': rng.normal(size=(3, 2, 1, 5)).astype(np.float32), 'aux:a_moving_mean': np.arange(4.0)}
    for name in ('float16', 'uint8', 'int32', 'int8', 'int64'):
        arrays[f'arg:{name} ü'] = rng.integers(0, 100, (2, 3)).astype(name)
    return arrays


@pytest.mark.parametrize('version', [0, 1, 2, 3])
def test_reads_what_mxnet_writes(tmp_path, version):
    arrays = some_arrays()
    write_params(tmp_path / 'a.params', arrays, version)
    found = read_params(tmp_path / 'a.params')
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    found['aux:a_moving_mean'][0] = 5  # an own copy


def test_known_bytes(tmp_path):
    """A file written down by hand: one float32 array [1, -2] named 'w'."""
    content = (
        b'\x12\x01\0\0\0\0\0\0' + bytes(8)  # magic number, reserved
        + b'\x01\0\0\0\0\0\0\0'  # one array
        + b'\xc9\xfa\x93\xf9' + bytes(4)  # version 2, dense
        + b'\x01\0\0\0' + b'\x02\0\0\0\0\0\0\0'  # one dimension, of two
        + b'\x01\0\0\0' + bytes(4) + bytes(4)  # CPU 0, float32
        + b'\0\0\x80\x3f\0\0\0\xc0' + b'\x01\0\0\0\0\0\0\0' + b'\x01\0\0\0\0\0\0\0w')
    (tmp_path / 'a.params').write_bytes(content)
    assert read_params(tmp_path / 'a.params')['w'].tolist() == [1.0, -2.0]


def test_an_empty_array_has_no_values(tmp_path):
    write_params(tmp_path / 'a.params', {'none': np.zeros(()), 'w': np.ones(2, np.float32)})
    assert read_params(tmp_path / 'a.params')['none'].size == 0


def damaged(kind, content):
    header = struct.calcsize('<QQQ')
    return {
        'other file': b'PK' + bytes(40),
        'too short': content[:10],
        'cut in an array': content[:header + 40],
        'cut in the names': content[:-3],
        'more after the end': content + b'x',
        'many arrays': content[:16] + struct.pack('<Q', 2**60) + content[24:],
        'sparse': content[:header + 4] + struct.pack('<i', 1) + content[header + 8:],
        'dimensions': content[:header + 8] + struct.pack('<I', 2**31) + content[header + 12:],
        'negative': content[:header + 12] + struct.pack('<q', -3) + content[header + 20:],
        'huge': content[:header + 12] + struct.pack('<q', 2**62) + content[header + 20:],
        'type': content[:header + 52] + struct.pack('<i', 77) + content[header + 56:],
        'name': content[:-1] + b'\xff',
    }[kind]


@pytest.mark.parametrize(('kind', 'text'), [
    ('other file', 'does not begin with the number 0x112'),
    ('too short', 'does not begin with'),
    ('cut in an array', 'bytes expected'),
    ('cut in the names', 'bytes expected'),
    ('more after the end', '1 bytes after the last name'),
    ('many arrays', '1152921504606846976 entries announced'),
    ('sparse', r'storage type 1, only dense arrays \(0\)'),
    ('dimensions', '2147483648 dimensions'),
    ('negative', r'the shape \(-3, 2, 1, 5\)'),
    ('huge', 'bytes expected'),
    ('type', 'type 77, known are'),
    ('name', 'a name is no text'),
])
def test_damage_is_named_without_reading_on(tmp_path, kind, text):
    write_params(tmp_path / 'a.params', some_arrays())
    content = (tmp_path / 'a.params').read_bytes()
    (tmp_path / 'b.params').write_bytes(damaged(kind, content))
    with pytest.raises(UserError, match=text) as caught:
        read_params(tmp_path / 'b.params')
    assert 'Fix' in str(caught.value)


def test_double_names_are_refused(tmp_path):
    write_params(tmp_path / 'a.params', {'ab': np.ones(1, np.float32), 'ac': np.ones(1, np.float32)})
    content = (tmp_path / 'a.params').read_bytes()
    (tmp_path / 'a.params').write_bytes(content[:-1] + b'b')
    with pytest.raises(UserError, match=r"names occur twice: \['ab'\]"):
        read_params(tmp_path / 'a.params')
