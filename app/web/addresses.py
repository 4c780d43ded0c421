"""Paths inside this site."""

from urllib.parse import urlencode, urlsplit

HOME = "/"


def safe_path(target: str) -> str:
    r"""The path to go to after sign-in, or home for anything that could lead to another site.

    Browsers read a backslash as a slash and drop tabs and newlines, so `/\evil.example` and
    `/<tab>/evil.example` would leave the site although they look like paths.
    """
    if not target.isprintable() or "\\" in target or not target.startswith("/"):
        return HOME
    try:
        parts = urlsplit(target)
    except ValueError:
        return HOME
    leaves = parts.scheme or parts.netloc or target.startswith("//")
    return HOME if leaves else target


def sign_in_path(path: str, query: str) -> str:
    """The address of the sign-in form that leads back."""
    target = f"{path}?{query}" if query else path
    return "/sign-in" if target == HOME else "/sign-in?" + urlencode({"next": target})
