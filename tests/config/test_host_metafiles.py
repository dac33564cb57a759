"""A host's package is looked for once, unless it is not there yet."""

from mmengine.config import config

from mmseg_plugins.config import host_metafiles


def test_a_package_is_looked_for_until_it_is_found(monkeypatch):
    asked = []
    answers = iter([False, True])

    def is_installed(package):
        asked.append(package)
        return next(answers)

    monkeypatch.setattr(host_metafiles, '_INSTALLED', set())
    monkeypatch.setattr(config, 'is_installed', is_installed)
    with host_metafiles.metafiles_read_once():
        assert [config.is_installed('host') for _ in range(4)] == [False, True, True, True]
    assert asked == ['host', 'host']
    assert config.is_installed is is_installed
