"""Definitions: Markdown in, safe HTML out."""

from markdown_it import MarkdownIt

# "js-default" shows raw HTML as text and refuses javascript: and data: links; pictures are off
# because a page loads them from its own server only.
_MARKDOWN = MarkdownIt("js-default", {"linkify": False}).disable("image")


def to_html(markdown: str) -> str:
    """The HTML of a definition."""
    return str(_MARKDOWN.render(markdown))
