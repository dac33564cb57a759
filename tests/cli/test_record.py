"""``mmseg-plugins results record`` of a finished run: numbers and speed end in metafile and tables."""

import json

import pytest
import toy_runs
import yaml

from mmseg_plugins.benchmark import record_runs
from mmseg_plugins.cli.main import main
from mmseg_plugins.config import paths


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A project with one toy config, and the work directory of its finished run."""
    project = tmp_path_factory.mktemp('project')
    work_dir = project / 'work_dirs' / 'toy'
    cfg = toy_runs.detector_config(toy_runs.write_toy_coco(project / 'data'), work_dir)
    (project / 'configs' / 'toy').mkdir(parents=True)
    cfg.dump(str(project / 'configs' / 'toy' / 'toy.py'))
    cfg.filename = str(project / 'configs' / 'toy' / 'toy.py')
    toy_runs.train(cfg, train_samples=0, val_samples=0)
    return project


@pytest.fixture
def project(run, monkeypatch):
    models = dict(Models=[dict(Name='toy', Config='configs/toy/toy.py')])
    (run / 'configs' / 'toy' / 'metafile.yml').write_text(
        'Models:\n' + ''.join(f'  {line}\n' for line in yaml.safe_dump(models['Models'], sort_keys=False).splitlines()))
    (run / 'configs' / 'toy' / 'README.md').write_text('<!-- results: toy -->\n<!-- end of results -->\n')
    (run / 'configs' / 'README.md').write_text('<!-- all results: toy -->\n<!-- end of results -->\n')
    summary = json.loads((run / 'work_dirs' / 'toy' / 'summary.json').read_text())
    summary['config'] = str(run / 'configs' / 'toy' / 'toy.py')
    summary['metrics'] = dict(final={'coco/segm_mAP': 0.25})
    (run / 'work_dirs' / 'toy' / 'summary.json').write_text(json.dumps(summary))
    for module in (paths, record_runs):
        monkeypatch.setattr(module, 'config_root', lambda: run / 'configs')
    return run


def results_of(project):
    return yaml.safe_load((project / 'configs' / 'toy' / 'metafile.yml').read_text())['Models'][0]['Results'][0]


def test_record_measures_an_image_and_a_training_step_with_the_runs_weights_and_fills_every_table(project, capsys):
    few = ['--images', '1', '--steps', '1']
    assert main(['results', 'record', str(project / 'work_dirs' / 'toy'), '--dataset', 'toy', *few]) == 0
    kept = results_of(project)
    assert kept['Metrics'] == {'mask AP': 25.0}
    assert kept['Speed']['Image'] == '96 x 96'
    assert kept['Speed']['Seconds per Image'] > 0
    assert kept['Speed']['Seconds per Training Step'] > 0
    assert kept['Speed']['GMACs'] > 0
    overview = (project / 'configs' / 'README.md').read_text()
    assert f'| {kept["Speed"]["GMACs"]:.4g} |' in overview
    assert '| 25.0 |' in (project / 'configs' / 'toy' / 'README.md').read_text()
    assert main(['results', 'tables', '--check']) == 0
    (project / 'configs' / 'README.md').write_text(overview.replace('25.0', '26.0'))
    assert main(['results', 'tables', '--check']) == 1
    assert 'configs/README.md: out of date' in capsys.readouterr().out


def test_record_can_leave_the_measuring_out(project):
    assert main(['results', 'record', str(project / 'work_dirs' / 'toy'), '--dataset', 'toy', '--no-measure']) == 0
    assert 'Speed' not in results_of(project)


def test_record_keeps_the_score_of_every_validation(project):
    table = project / 'work_dirs' / 'toy' / 'scalars.csv'
    kept = table.read_text()
    table.write_text('iter,epoch,phase,coco/segm_mAP\n1,0.5,val,0.1\n2,1.0,val,0.25\n')
    try:
        assert main(['results', 'record', str(table.parent), '--dataset', 'toy', '--no-measure']) == 0
    finally:
        table.write_text(kept)
    assert results_of(project)['Curve'] == {'mask AP': {1: 10.0, 2: 25.0}}


def leave_test(project, config, checkpoint, **metrics):
    """A working folder of ``tools/test.py``."""
    folder = project / 'work_dirs' / 'tested'
    folder.mkdir(exist_ok=True)
    summary = json.loads((project / 'work_dirs' / 'toy' / 'summary.json').read_text())
    kept = {key: summary[key] for key in ('parameters', 'hardware', 'versions', 'seed')}
    (folder / 'test_summary.json').write_text(json.dumps(dict(
        kept, config=str(project / config), checkpoint=str(checkpoint), metrics=metrics, minutes=1.0,
        command=f'python tools/test.py {config} {checkpoint}')))
    return folder


def test_a_test_of_another_configs_weights_becomes_a_row_that_names_them(project, capsys):
    metafile = project / 'configs' / 'toy' / 'metafile.yml'
    checkpoint = next((project / 'work_dirs' / 'toy').glob('*.pth'))
    (project / 'configs' / 'toy' / 'crf.py').write_text((project / 'configs' / 'toy' / 'toy.py').read_text())
    folder = leave_test(project, 'configs/toy/crf.py', checkpoint, **{'coco/segm_mAP': 0.5})
    record = ['record', str(folder), '--dataset', 'toy', '--test', '--images', '1']
    metafile.write_text(metafile.read_text() + '  - Name: crf\n    Config: configs/toy/crf.py\n')
    assert main(['results', *record]) == 2
    assert 'Fix: add "Weights Of:' in capsys.readouterr().err
    metafile.write_text(metafile.read_text() + '    Weights Of: toy\n')
    assert main(['results', *record]) == 0
    kept = yaml.safe_load(metafile.read_text())['Models'][1]['Results'][0]
    assert (kept['Metrics'], kept['Weights']) == ({'mask AP': 50.0}, 'toy')
    assert kept['Speed']['GMACs'] > 0
    assert kept['Command'] == f'python tools/test.py configs/toy/crf.py work_dirs/toy/{checkpoint.name}'
    assert 'weights of `toy`' in (project / 'configs' / 'README.md').read_text()
    metafile.write_text(metafile.read_text().replace('Weights Of: toy', 'Weights Of: crf'))
    assert main(['results', *record]) == 2
    assert 'was trained by toy, but the metafile says Weights Of: crf' in capsys.readouterr().err


def test_a_test_of_its_own_weights_gives_the_scores_and_the_training_the_cost(project):
    checkpoint = next((project / 'work_dirs' / 'toy').glob('*.pth'))
    folder = leave_test(project, 'configs/toy/toy.py', checkpoint, **{'coco/segm_mAP': 0.5})
    assert main(['results', 'record', str(folder), '--dataset', 'toy-test', '--test', '--no-measure']) == 0
    kept = results_of(project)
    assert kept['Metrics'] == {'mask AP': 50.0}
    assert {'Minutes', 'Seconds per Iteration', 'Seed'} <= set(kept)
    assert kept['Command'].startswith('python tools/test.py')
    assert main(['results', 'record', str(project / 'work_dirs' / 'toy'), '--dataset', 'x', '--test']) == 2


def test_record_without_data_or_checkpoint_says_what_to_do_and_writes_nothing(project, capsys):
    work_dir = project / 'work_dirs' / 'toy'
    before = (project / 'configs' / 'toy' / 'metafile.yml').read_text()
    gone = ['--cfg-options', 'test_dataloader.dataset.data_root=gone']
    assert main(['results', 'record', str(work_dir), '--dataset', 'toy', *gone]) == 2
    assert 'Fix: --cfg-options data_root=..., or --no-measure' in capsys.readouterr().err
    summary = json.loads((work_dir / 'summary.json').read_text())
    (work_dir / 'summary.json').write_text(json.dumps({**summary, 'checkpoints': dict(best='gone.pth', last=None)}))
    assert main(['results', 'record', str(work_dir), '--dataset', 'toy']) == 2
    assert 'holds no checkpoint to measure with. Fix: --no-measure' in capsys.readouterr().err
    (work_dir / 'summary.json').write_text(json.dumps(summary))
    assert (project / 'configs' / 'toy' / 'metafile.yml').read_text() == before
