"""Images without labels, for pre-training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mmseg_plugins.registry import DATASETS
from mmseg_plugins.utils.errors import UserError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class ImageFolderDataset(BaseDataset):
    """All images below some folders, in the order of folders and names.

    Args:
        folders: One folder or several, below ``data_root`` where there is one; those within them count, too.
        suffixes: Of image files, in small letters.
        kwargs: Of mmengine's ``BaseDataset``: ``data_root``, ``pipeline``, ``indices``, ...

    Raises:
        UserError: a folder that is not there or holds no image.
    """

    def __init__(self, folders: str | Sequence[str] = '.', suffixes: Sequence[str] = SUFFIXES, **kwargs: Any) -> None:
        self.folders = [folders] if isinstance(folders, str) else list(folders)
        self.suffixes = tuple(suffixes)
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry for each image: its path."""
        return [dict(img_path=str(path)) for folder in self.folders
                for path in self._images(Path(self.data_root or '') / folder)]

    def _images(self, folder: Path) -> list[Path]:
        if not folder.is_dir():
            raise UserError(f'ImageFolderDataset: {folder} is no folder.', fix='correct folders.')
        # macOS writes ._name next to name.
        found = sorted(path for path in folder.rglob('*')
                       if path.suffix.lower() in self.suffixes and not path.name.startswith('._'))
        if not found:
            raise UserError(f'ImageFolderDataset: {folder} holds no image ({", ".join(self.suffixes)}).',
                            fix='correct folders or suffixes.')
        return found
