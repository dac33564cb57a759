"""YAML is read safely, and as PyYAML's parser in Python reads it."""

import pytest
import yaml

from mmseg_plugins.utils.yaml_text import read_yaml

TEXT = """
Models:
  - Name: a_r18_shapes
    Paper Results: [{Metrics: {mask AP: 36.4, runs: 3}, Date: 2017-03-20}]
    Weights:
    Note: "it's 1e-3, yes, ~ and 0x1F"
    Numbers: [1e-3, 1.0e-3, yes, ~, 0x1F, '1']
"""


def test_it_says_what_the_parser_in_python_says():
    assert read_yaml(TEXT) == yaml.load(TEXT, Loader=yaml.SafeLoader)


@pytest.mark.parametrize('text', ['a: [1', "!!python/object/apply:os.getcwd []"])
def test_what_is_broken_or_would_run_code_is_refused(text):
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
