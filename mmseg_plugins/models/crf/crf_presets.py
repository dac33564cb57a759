"""Parameters of dense CRFs as published, by name.

Sources: pydensecrf's README (lucasb-eyer/pydensecrf@2723c7f); the script of DeepLab v1 (``run_densecrf.sh`` of
TheLegendAli/DeepLab-Context@20484a5) and the page of each of its models, as several repositories quote them (the pages
are gone; w, xy, rgb of the net without LargeFOV: 5, 50, 10, where the script has 5, 50, 3); v2 (run_densecrf.sh for
VGG-16, kazuto1011/deeplab-pytorch@4219467 for ResNet-101); HyeonwooNoh/DeconvNet; torrvision/crfasrnn@2156669.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from mmseg_plugins.models.crf.crf_features import Scale
from mmseg_plugins.models.crf.mean_field import NORMALIZATIONS, Normalization
from mmseg_plugins.utils.deprecation import renamed_arguments
from mmseg_plugins.utils.errors import UserError

Compat = float | Sequence[float] | Sequence[Sequence[float]] | Tensor


@dataclass(frozen=True)
class CRFParams:
    """A dense CRF with one kernel of positions and one of positions and colors.

    Attributes:
        gaussian_sxy: Standard deviation of the kernel of positions, px; one number or (x, y).
        gaussian_compat: Its weight w (Potts model), or energies of label pairs: C numbers (the diagonal) or a C x C
            matrix, of which the symmetric half counts; None leaves the kernel out.  A Potts weight w is -w I.
        bilateral_sxy, bilateral_srgb: Standard deviations of the other kernel, px and color units of 0..255; one
            number or (x, y) and one number or one a channel.
        bilateral_compat: As ``gaussian_compat``.
        iterations: Of the mean field.
        normalization: ``symmetric``, ``after``, ``before`` or ``none``; see
            :class:`~mmseg_plugins.models.crf.mean_field.LatticeMessages`.
    """

    gaussian_sxy: Scale = 3
    gaussian_compat: Compat | None = 3
    bilateral_sxy: Scale = 80
    bilateral_srgb: Scale = 13
    bilateral_compat: Compat | None = 10
    iterations: int = 5
    normalization: Normalization = 'symmetric'

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise UserError(f'CRF: iterations={self.iterations} must be 0 or more')
        if self.normalization not in NORMALIZATIONS:
            raise UserError(f'CRF: normalization={self.normalization!r} must be one of {NORMALIZATIONS}')


PRESETS = {
    'pydensecrf': CRFParams(),
    'deeplabv1': CRFParams(3, 3, 50, 3, 5, 10),
    'deeplabv1-plain': CRFParams(3, 3, 50, 10, 5, 10),
    'deeplabv1-largefov': CRFParams(3, 3, 121, 5, 4, 10),
    'deeplabv1-msc': CRFParams(3, 3, 95, 3, 3, 10),
    'deeplabv1-msc-largefov': CRFParams(3, 3, 83, 5, 4, 10),
    'deeplabv2-vgg16': CRFParams(3, 3, 49, 5, 4, 10),
    'deeplabv2-r101': CRFParams(1, 3, 67, 3, 4, 10),
    'deconvnet': CRFParams(3, 3, 20, 3, 5, 10),
    'crf-rnn': CRFParams(3, 3, 160, 3, 5, 10, 'after'),
}


def resolve_params(params: str | CRFParams, changes: dict[str, Any]) -> CRFParams:
    """A preset by name, or ready parameters, with some of them replaced.

    Raises:
        ValueError: no such preset, or no such parameter; the message lists those there are.
    """
    if isinstance(params, str):
        if params not in PRESETS:
            raise UserError(f'no preset {params!r} for a dense CRF; there are {sorted(PRESETS)}')
        params = PRESETS[params]
    changes = renamed_arguments('a dense CRF', changes, {'normalisation': 'normalization'})
    known = [field.name for field in fields(CRFParams)]
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise UserError(f'a dense CRF has no parameter {unknown}; it has {known}')
    return replace(params, **changes)
