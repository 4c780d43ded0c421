"""ImageFolder: train/, test/ and hard_negatives/, each with a folder for each category."""

from collections.abc import Iterator

from app.export.members import Member, about_member, papers, picture
from app.export.rows import Selection, in_folders
from app.export.tar_archive import tar_archive
from app.export.zip_archive import zip_archive


def image_folder_zip(selection: Selection) -> Iterator[bytes]:
    """As a zip."""
    return zip_archive(_members(selection), selection.about.frozen_at)


def image_folder_tar(selection: Selection) -> Iterator[bytes]:
    """As a tar."""
    return tar_archive(_members(selection), selection.about.frozen_at)


def _members(selection: Selection) -> Iterator[Member]:
    yield about_member(selection)
    for row in selection.rows():
        yield picture(selection, row, in_folders(row))
    yield from papers(selection, in_folders)
