"""What here is compared with compiled mmcv is collected where there is one."""

from compiled_mmcv import COMPILED

collect_ignore = [] if COMPILED else ['test_compiled_mmcv.py']
