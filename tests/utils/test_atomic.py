"""Files that appear whole."""

from mmseg_plugins.utils.atomic import atomic_write_bytes


def test_names_may_be_as_long_as_the_file_system_allows(tmp_path):
    for name in ('x' * 251 + '.png', 'é' * 125 + '.png'):
        atomic_write_bytes(str(tmp_path / name), b'1')
    assert {len(path.name.encode()) for path in tmp_path.iterdir()} == {255, 254}
