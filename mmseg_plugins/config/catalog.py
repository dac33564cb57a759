"""Our configs and systems as a list: what each is, its data, its measured scores.  Reads text and YAML only."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_plugins.config.paths import config_root, iter_configs
from mmseg_plugins.config.shipped import shipped_models
from mmseg_plugins.utils.errors import UserError
from mmseg_plugins.utils.suggest import did_you_mean
from mmseg_plugins.utils.yaml_text import read_yaml

#: Metrics that stand for a system's score, the first that is there.
_SCORES = ('mask AP', 'mIoU', 'PQ', 'mAP^r .5', 'mask AR@100')


@dataclass(frozen=True)
class ConfigInfo:
    """One config.

    Attributes:
        name: Its file's name without ``.py``; :func:`load_config` takes it.
        system: Folder below ``configs/``.
        description: First sentence of the comment at its head.
        path: The file.
        results: Data set -> metric -> value, as measured with this code (percent).
        paper: Data set -> metric -> value, as the paper states it.
        shipped: Name under which the package brings trained weights; ``Predictor`` takes it alone.
    """

    name: str
    system: str
    description: str
    path: Path
    results: dict[str, dict[str, float]] = field(default_factory=dict)
    paper: dict[str, dict[str, float]] = field(default_factory=dict)
    shipped: str | None = None

    @property
    def dataset(self) -> str:
        """What it trains on: the last word of its name."""
        return self.name.rsplit('_', 1)[-1]

    @property
    def score(self) -> str:
        """``mask AP 36.4 (nuclei)``; the paper's in brackets where nothing was measured; else ``-``."""
        for results, form in ((self.results, '{} {} ({})'), (self.paper, '[paper: {} {} ({})]')):
            for dataset, metrics in results.items():
                name = next((name for name in _SCORES if name in metrics), None)
                if name is not None:
                    return form.format(name, f'{metrics[name]:.1f}', dataset)
        return '-'


@dataclass(frozen=True)
class SystemInfo:
    """One system: folder below ``configs/``, title of its README, number of its configs."""

    name: str
    title: str
    configs: int


def list_configs(pattern: str | None = None) -> list[ConfigInfo]:
    """Our configs, by folder and name.

    Args:
        pattern: Only those of this system, or whose name (or shipped model's name) holds this word or matches this
            pattern (``solo*nuclei``).

    Raises:
        UserError: none matches.
    """
    entries: dict[str, dict[str, Any]] = {}
    for metafile in sorted(config_root().rglob('metafile.yml')):
        entries.update(_models(metafile))
    names = {model.config: model.name for model in shipped_models().values()}
    everything = [
        ConfigInfo(
            name=path.stem,
            system=path.relative_to(config_root()).parts[0],
            description=describe(path.read_text(encoding='utf-8')),
            path=path,
            results=_results(entries.get(path.stem, {}).get('Results')),
            paper=_results(entries.get(path.stem, {}).get('Paper Results')),
            shipped=names.get(path),
        )
        for path in iter_configs()
    ]
    if pattern is None:
        return everything
    if any(one.system == pattern for one in everything):
        return [one for one in everything if one.system == pattern]
    found = [one for one in everything if any(
        pattern in name or fnmatch.fnmatch(name, f'*{pattern}*') for name in (one.name, one.shipped or ''))]
    if not found:
        known = sorted({one.system for one in everything}) + [one.name for one in everything] + list(names.values())
        raise UserError(f'no config matches {pattern!r}{did_you_mean(pattern, known)}.',
                        fix='mmseg-plugins list, without a word, names all')
    return found


def list_systems() -> list[SystemInfo]:
    """The systems, by folder."""
    counts: dict[str, int] = {}
    for path in iter_configs():
        system = path.relative_to(config_root()).parts[0]
        counts[system] = counts.get(system, 0) + 1
    return [SystemInfo(name, _title(config_root() / name / 'README.md', name), number)
            for name, number in counts.items()]


def describe(text: str) -> str:
    """The first sentence of the comment at the head of a config; empty where there is none."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('#') or re.match(r'#\s{2,}\S', line):  # the end, or an indented command
            break
        lines.append(line.lstrip('# ').strip())
    whole = ' '.join(lines)
    sentence = re.match(r'(.+?[.:])(?:\s+[A-Z]|\s*$)', whole)
    return (sentence[1] if sentence else whole).rstrip('.:')


def _models(metafile: Path) -> dict[str, dict[str, Any]]:
    models = read_yaml(metafile.read_text(encoding='utf-8')).get('Models')
    return {model['Name']: model for model in models or ()}


def _results(results: Any) -> dict[str, dict[str, float]]:
    """Data set -> metrics, of a metafile's list; the later entry of a data set adds to the earlier."""
    found: dict[str, dict[str, float]] = {}
    for result in results or ():
        metrics = {name: float(value) for name, value in result['Metrics'].items() if isinstance(value, (int, float))}
        found.setdefault(str(result['Dataset']), {}).update(metrics)
    return found


def _title(readme: Path, name: str) -> str:
    if readme.is_file():
        for line in readme.read_text(encoding='utf-8').splitlines():
            if line.startswith('# '):
                return line[2:].strip()
    return name
