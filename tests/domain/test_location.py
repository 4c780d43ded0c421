"""Which of the operator's locations an address lies in."""

import pytest

from app.domain.location import location_of, locations

ALLOWED = locations(
    "crawls=/srv/crawls,old=s3://bucket/old,all=s3://bucket,other=s3://bucket-2/a/b"
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/srv/crawls", ("crawls", "")),
        ("/srv/crawls/2026/alps/", ("crawls", "2026/alps")),
        ("/srv/crawls-of-others", None),
        ("/srv", None),
        ("/srv/crawls/../secret", ("crawls", "../secret")),  # refused as a prefix, later
        ("s3://bucket/old/2026", ("old", "2026")),
        ("s3://bucket/older", ("all", "older")),
        ("s3://bucket", ("all", "")),
        ("s3://bucket-2/a", None),
        ("s3://bucket-2/a/b/c/d", ("other", "c/d")),
        ("s3://elsewhere/old", None),
        ("s3://", None),
        ("crawls", None),
        ("crawls,x=/srv", None),
        ("", None),
    ],
)
def test_an_address_lies_in_the_innermost_location(
    address: str, found: tuple[str, str] | None
) -> None:
    assert location_of(address, ALLOWED) == found
