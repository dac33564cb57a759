"""Hooks of the default runtime; importing this package registers them."""

from mmseg_plugins.engine.hooks.channels_last_hook import ChannelsLastHook  # noqa: F401
from mmseg_plugins.engine.hooks.data_check_hook import DataCheckHook  # noqa: F401
from mmseg_plugins.engine.hooks.finite_loss_hook import FiniteLossHook  # noqa: F401
from mmseg_plugins.engine.hooks.load_from_check_hook import LoadFromCheckHook  # noqa: F401
from mmseg_plugins.engine.hooks.masked_patches_hook import MaskedPatchesHook  # noqa: F401
from mmseg_plugins.engine.hooks.padding_check_hook import PaddingCheckHook  # noqa: F401
from mmseg_plugins.engine.hooks.post_process_hook import PostProcessHook  # noqa: F401
from mmseg_plugins.engine.hooks.precise_bn_hook import PreciseBNHook  # noqa: F401
from mmseg_plugins.engine.hooks.progress_hook import ProgressHook  # noqa: F401
from mmseg_plugins.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook  # noqa: F401
