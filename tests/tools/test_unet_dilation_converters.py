"""unet_meetps.py and dilation_official.py as commands: what they write and what they refuse."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from golden_cases import golden_state_dict
from official_dilation import context_params, frontend_params
from official_unet import official_params

ROOT = Path(__file__).parents[2]
NETS = {
    'unet_meetps': (dict(type='mmseg_plugins.ValidUNet', base_channels=2), dict(margin=92, divisor=16, remainder=4),
                    dict(type='mmseg_plugins.UNetHead', in_channels=2)),
    'dilation_official': (dict(type='mmseg_plugins.VGG', base_channels=2, padding='valid', out_indices=(4, ),
                               pool_strides=(2, 2, 2, 0, 0), dilations=(1, 1, 1, 1, 2)), dict(margin=186, divisor=8),
                          dict(type='mmseg_plugins.DilationHead', in_channels=16, fc_channels=4, context='basic7')),
}


def small_config(folder, tool):
    """A narrow network, as a config file."""
    net, margin, head = NETS[tool]
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    model = dict(
        type='EncoderDecoder', backbone=dict(type='mmseg_plugins.MirrorMargin', net=net, **margin), train_cfg=dict(),
        test_cfg=dict(mode='whole'), decode_head=dict(in_index=0, num_classes=11, loss_decode=loss, **head))
    text = ("default_scope = 'mmseg'\ncustom_imports = dict(imports=['mmseg_plugins'])\n"
            f'model = {model}\ntrain_dataloader = dict(dataset=dict(type="mmseg_plugins.CamVidDataset"))\n')
    (folder / 'config.py').write_text(text)
    return folder / 'config.py'


def weights(tool):
    if tool == 'unet_meetps':
        return golden_state_dict(official_params(11, 2), 1, 2.0), 'final.bias', 'decode_head.classify.bias'
    params = {**frontend_params(11, 2, 4), **context_params(11, 'basic7')}
    return golden_state_dict(params, 1, 2.0), 'ctx_final.bias', 'decode_head.context.final.bias'


def run(tool, *args):
    command = [sys.executable, '-W', 'ignore', str(ROOT / f'tools/model_converters/{tool}.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.mark.parametrize('tool', NETS)
def test_writes_a_checkpoint_for_the_config_and_refuses_half_of_it(tmp_path, tool):
    config = small_config(tmp_path, tool)
    official, theirs, ours = weights(tool)

    def save(name, state_dict):
        torch.save({'model_state': state_dict} if tool == 'unet_meetps' else state_dict, tmp_path / name)
        return tmp_path / name

    result = run(tool, save('whole.pth', official), tmp_path / 'new/ours.pth', '--config', config)
    assert result.returncode == 0, result.stderr
    written = torch.load(tmp_path / 'new/ours.pth', weights_only=True)
    assert torch.equal(written['state_dict'][ours], official[theirs])
    assert written['meta']['dataset_meta']['classes'][0] == 'sky'
    half = {key: value for key, value in official.items() if key != theirs}
    result = run(tool, save('half.pth', half), tmp_path / 'x.pth', '--config', config)
    assert result.returncode != 0
    assert ours in result.stderr
    assert not (tmp_path / 'x.pth').exists()
