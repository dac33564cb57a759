"""The documentation is written in short sentences and in the words of the field."""

import re
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(page for pattern in ('*.md', 'docs/*.md', 'configs/**/*.md') for page in ROOT.glob(pattern))
MOST_WORDS = 15  # median of the sentences
LONG, LONG_SHARE = 40, 0.02
#: Words that a reader of the field does not expect, and what is written in their place.
UNUSUAL = {
    'beside': 'next to', 'behind': 'after', 'mend': 'fix', 'mends': 'fixes', 'mended': 'fixed', 'mending': 'fixing',
    'photograph': 'image', 'photographs': 'images', 'remedy': 'fix',
}  # fmt: skip
BLOCK = re.compile(r'^\s*([*-]|\d+\.|- \[[x ]\])\s+')


def paragraphs(text: str) -> list[str]:
    """Prose of a page, one string per paragraph or list entry: no code blocks, comments, tables, headings, images."""
    text = re.sub(r'^\s*```.*?^\s*```', '', text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r'<!--.*?-->', '', text, flags=re.DOTALL)
    found: list[list[str]] = [[]]
    for line in text.split('\n'):
        if not line.strip() or line.startswith(('|', '#', '![')):
            found.append([])
            continue
        if BLOCK.match(line):
            found.append([])
        found[-1].append(BLOCK.sub('', line).strip())
    return [' '.join(lines) for lines in found if lines]


def sentences(text: str) -> list[str]:
    """Sentences of a page; a link counts by its text alone."""
    parts = (re.sub(r'\]\([^)]*\)', ']', paragraph) for paragraph in paragraphs(text))
    return [sentence for part in parts for sentence in re.split(r'(?<=[.!?])["\')\]*]*\s+', part) if sentence]


def test_sentences_are_counted_as_a_reader_does():
    text = '# Head\n\nOne [two](a.b c). Three\nfour?\n\n```bash\nno. no.\n```\n* Five 1.5 six.\n| no. | no. |\n'
    assert sentences(text) == ['One [two].', 'Three four?', 'Five 1.5 six.']


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_half_of_the_sentences_of_a_page_are_short(page):
    lengths = [len(sentence.split()) for sentence in sentences(page.read_text(encoding='utf-8'))]
    assert median(lengths) <= MOST_WORDS


def test_few_sentences_are_long():
    every = [(page.name, sentence) for page in PAGES for sentence in sentences(page.read_text(encoding='utf-8'))]
    long = [(name, sentence) for name, sentence in every if len(sentence.split()) > LONG]
    assert len(long) < LONG_SHARE * len(every), long


# CONTRIBUTING.md has the glossary, which names the words that are not used.
@pytest.mark.parametrize('page', [page for page in PAGES if page.name != 'CONTRIBUTING.md'],
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_page_uses_the_words_of_the_field(page):
    text = re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    text = re.sub(r'`[^`]*`|\]\([^)]*\)', '', text)
    used = {word for word in re.findall(r'[a-z]+', text.lower()) if word in UNUSUAL}
    assert not used, {word: UNUSUAL[word] for word in used}
