"""Tables of measurements in pages that people write by hand."""

from __future__ import annotations

from pathlib import Path

from mmseg_plugins.utils.errors import UserError


def set_block(path: Path, name: str, text: str) -> None:
    """Set what a Markdown page has between ``<!-- NAME -->`` and ``<!-- end of NAME -->``; the rest keeps its bytes.

    Raises:
        UserError: the page has no such lines.
    """
    begin, end = f'<!-- {name} -->\n', f'<!-- end of {name} -->'
    page = path.read_text(encoding='utf-8')
    start, stop = page.find(begin), page.find(end)
    if start < 0 or stop < start:
        raise UserError(f'{path} has no lines {begin.strip()} and {end}.', fix='add them where the table belongs')
    path.write_text(page[:start + len(begin)] + text.rstrip('\n') + '\n' + page[stop:], encoding='utf-8')
