"""Configs that the tests of this folder write."""

import pytest


@pytest.fixture
def child(tmp_path):
    def write(base, text, name='child.py'):
        path = tmp_path / name
        path.write_text(f'_base_ = {str(base)!r}\n{text}\n')
        return path
    return write
