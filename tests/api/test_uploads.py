"""Pictures in: what is stored, what is a duplicate, what is refused and why."""

import io
import json

import pytest
from PIL import Image as Pillow

from app.db.tables import Candidate, Category, Example, Image, Source
from tests import factories
from tests.api.service import Service, problem
from tests.api.test_rounds_and_labels import decide, lease
from tests.pictures.making import animation, busy, chunk, encode, exif, png, quarters

JPEG = encode(busy(), "JPEG", quality=90)
SIXTEEN_BITS = png(8, 8, 16, 0, (b"\x00" + b"\x40\x00" * 8) * 8)
BOMB = png(50_000, 50_000, 8, 0, b"")


def test_a_picture_is_stored_with_its_bytes_and_source(service: Service) -> None:
    source = {
        "url": "https://example.org/a.jpg",
        "tags": ["flower", "alps"],
        "author": "A. Botanist",
        "licence": "CC BY 4.0",
        "crawled_at": "2026-01-31T12:00:00Z",
    }
    answer = service.upload("/images", ("a.jpg", JPEG), sources=[source]).json()
    assert (answer["stored"], answer["duplicate"], answer["rejected"]) == (1, 0, 0)
    (image,) = answer["images"]
    assert (image["filename"], image["outcome"], image["reason"]) == ("a.jpg", "stored", None)
    url = f"/projects/flowers/images/{image['sha256']}"
    detail = service.call("ben", "GET", url).json()
    assert detail["sources"] == [source]
    assert (detail["width"], detail["height"], detail["size"]) == (40, 30, len(JPEG))
    original = service.call("ben", "GET", f"{url}/original")
    assert (original.content, original.headers["content-type"]) == (JPEG, "image/jpeg")


def test_every_size_is_served_to_members_as_their_own_cache_only(service: Service) -> None:
    sha256 = _store(service, JPEG)
    for size in ("thumbnail", "screen"):
        answer = service.call("ben", "GET", f"/projects/flowers/images/{sha256}/{size}")
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"].startswith("private")
        assert Pillow.open(io.BytesIO(answer.content)).size == (40, 30)
    problem(service.call("ben", "GET", f"/projects/flowers/images/{sha256}/huge"), 404, "not-found")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"This is not a picture, whatever its name says. " * 9, "not_an_image"),
        ("cut.jpg", JPEG[: len(JPEG) // 2], "truncated"),
        ("bomb.png", BOMB, "too_many_pixels"),
        ("big.jpg", JPEG + b"\x00" * 200_000, "too_large"),
        ("dot.png", encode(Pillow.new("RGB", (1, 1)), "PNG"), "too_small"),
        ("page.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', None),
    ],
)
def test_a_bad_file_is_refused_with_a_reason_and_the_good_one_beside_it_is_stored(
    service: Service, name: str, data: bytes, reason: str | None
) -> None:
    answer = service.upload("/images", (name, data), ("good.jpg", JPEG)).json()
    bad, good = answer["images"]
    assert (bad["filename"], bad["outcome"], bad["sha256"]) == (name, "rejected", None)
    assert reason in (bad["reason"], None)
    assert len(bad["detail"]) > 20
    assert good["outcome"] == "stored"
    assert service.count(Image) == service.count(Candidate) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cmyk.jpg", encode(quarters().convert("CMYK"), "JPEG")),
        ("16bit.png", SIXTEEN_BITS),
        ("palette.png", encode(quarters().convert("P"), "PNG")),
        ("animated.gif", animation("GIF")),
        ("animated.webp", animation("WEBP")),
        ("turned.jpg", encode(quarters(), "JPEG", exif=exif(6))),
        ("alpha.png", encode(quarters().convert("RGBA"), "PNG")),
        ("extra.png", png(8, 8, 8, 0, (b"\x00" + b"\x40" * 8) * 8, chunk(b"tEXt", b"a\x00b"))),
    ],
)
def test_what_a_viewer_would_show_is_accepted_and_shown(
    service: Service, name: str, data: bytes
) -> None:
    answer = service.upload("/images", (name, data)).json()["images"][0]
    assert answer["outcome"] == "stored", answer
    url = f"/projects/flowers/images/{answer['sha256']}"
    detail = service.call("lea", "GET", url).json()
    thumbnail = service.call("lea", "GET", f"{url}/thumbnail")
    assert Pillow.open(io.BytesIO(thumbnail.content)).size == (detail["width"], detail["height"])


def test_a_turned_picture_has_the_size_that_a_viewer_sees(service: Service) -> None:
    sha256 = _store(service, encode(quarters(64, 48), "JPEG", exif=exif(6)))
    detail = service.call("lea", "GET", f"/projects/flowers/images/{sha256}").json()
    assert (detail["width"], detail["height"]) == (48, 64)


def test_sending_again_is_a_duplicate(service: Service) -> None:
    _store(service, JPEG)
    answer = service.upload("/images", ("again.jpg", JPEG)).json()
    assert answer["images"][0]["outcome"] == "duplicate"
    assert service.count(Image) == 1


def test_one_file_twice_in_one_request_is_stored_once(service: Service) -> None:
    answer = service.upload("/images", ("a.jpg", JPEG), ("b.jpg", JPEG)).json()
    assert [each["outcome"] for each in answer["images"]] == ["stored", "duplicate"]
    assert service.count(Image) == service.count(Candidate) == 1


def test_a_seed_that_a_crawler_finds_again_stays_out_of_the_pool(service: Service) -> None:
    _categories(service, "Aster")
    _seed(service, "Aster", JPEG)
    answer = service.upload("/images", ("a.jpg", JPEG), sources=[{"url": "https://e.org/a"}])
    assert answer.json()["images"][0]["outcome"] == "duplicate"
    assert (service.count(Candidate), service.count(Source)) == (0, 1)


def test_a_retried_source_is_kept_once_and_a_new_one_is_added(service: Service) -> None:
    first, second = {"url": "https://e.org/1", "tags": ["a"]}, {"author": "B"}
    for source in (first, first, second, second, first):
        service.upload("/images", ("a.jpg", JPEG), sources=[source])
    sha256 = service.upload("/images", ("a.jpg", JPEG)).json()["images"][0]["sha256"]
    detail = service.call("lea", "GET", f"/projects/flowers/images/{sha256}").json()
    assert [each["url"] for each in detail["sources"]] == ["https://e.org/1", None]


def test_one_source_holds_for_all_files(service: Service) -> None:
    files = [("a.jpg", JPEG), ("b.jpg", factories.paint(0, 1))]
    service.upload("/images", *files, sources=[{"licence": "CC0"}])
    assert service.count(Source, Source.licence == "CC0") == 2


@pytest.mark.parametrize(
    "sources",
    [
        [{}, {}, {}],
        [],
        {"url": "https://e.org"},
        [{"uri": "https://e.org"}, {}],
        [1, 2],
        [{"tags": "one"}, {}],
        [{"crawled_at": "yesterday"}, {}],
    ],
)
def test_sources_of_another_form_refuse_the_request(service: Service, sources: object) -> None:
    files = [("a.jpg", JPEG), ("b.jpg", factories.paint(0, 1))]
    refused = problem(service.upload("/images", *files, sources=sources), 422, "invalid")
    assert refused["fields"][0]["field"] == "sources"
    assert service.count(Image) == 0
    assert not list(service.data_dir.rglob("*.tmp"))


def test_sources_that_are_no_json_refuse_the_request(service: Service) -> None:
    files = [("files", ("a.jpg", JPEG))]
    for text in ("{", "[NaN]", "[" * 500, "null"):
        data = {"sources": text}
        answer = service.call("lea", "POST", "/projects/flowers/images", files=files, data=data)
        problem(answer, 422, "invalid")
    assert service.count(Image) == 0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"url": "javascript:alert(1)"}, "invalid_url"),
        ({"author": "a\x00b"}, "invalid_author"),
        ({"licence": " "}, "invalid_licence"),
        ({"tags": [""]}, "invalid_tags"),
        ({"crawled_at": "2026-01-31T12:00:00"}, "invalid_crawled_at"),
        ({"crawled_at": "9999-12-31T23:59:59-09:00"}, "invalid_crawled_at"),
    ],
)
def test_a_picture_with_a_bad_source_is_rejected_alone(
    service: Service, source: dict, reason: str
) -> None:
    files = [("a.jpg", JPEG), ("b.jpg", factories.paint(0, 1))]
    answer = service.upload("/images", *files, sources=[source, {}]).json()
    assert [each["outcome"] for each in answer["images"]] == ["rejected", "stored"]
    assert answer["images"][0]["reason"] == reason


def test_a_strange_file_name_is_told_back_harmlessly(service: Service) -> None:
    answer = service.upload("/images", ("../../etc/\x01passwd", JPEG)).json()
    assert "\x01" not in json.dumps(answer["images"][0]["filename"], ensure_ascii=False)
    assert {path.name for path in service.data_dir.iterdir()} == {"blobs"}


def test_too_many_files_in_a_request_are_refused(service: Service) -> None:
    files = [(f"{index}.jpg", JPEG) for index in range(21)]
    problem(service.upload("/images", *files), 413, "too-large")
    assert service.count(Image) == 0


def test_a_request_without_files_is_refused(service: Service) -> None:
    answer = service.call("lea", "POST", "/projects/flowers/images", data={"sources": "[]"})
    problem(answer, 422, "invalid")


def test_a_seed_is_an_example_with_its_split(service: Service) -> None:
    _categories(service, "Aster")
    assert _seed(service, "aster", JPEG)[0]["outcome"] == "stored"
    assert _seed(service, "Aster", factories.paint(0, 1), split="test")[0]["outcome"] == "stored"
    (category,) = service.call("ben", "GET", "/projects/flowers/categories").json()
    assert category["counts"] == {"train": 1, "test": 1, "hard_negatives": 0}


def test_an_unknown_category_refuses_the_seed_and_stores_nothing(service: Service) -> None:
    answer = service.upload("/examples", ("a.jpg", JPEG), category="Nowhere")
    assert "'Nowhere'" in problem(answer, 404, "not-found")["detail"]
    assert service.count(Image) == service.count(Example) == 0
    assert not service.blobs_dir.exists() or not list(service.blobs_dir.rglob("*.*"))


def test_an_unknown_split_refuses_the_seed(service: Service) -> None:
    _categories(service, "Aster")
    answer = service.upload("/examples", ("a.jpg", JPEG), category="Aster", split="validation")
    problem(answer, 422, "invalid")


def test_the_same_picture_under_two_categories_is_a_conflict_that_is_named(
    service: Service,
) -> None:
    _categories(service, "Aster", "Gentian")
    _seed(service, "Aster", JPEG)
    (answer,) = _seed(service, "Gentian", JPEG)
    assert (answer["outcome"], answer["reason"]) == ("conflict", "another_category")
    assert "'Aster'" in answer["detail"]
    assert _seed(service, "Aster", JPEG)[0]["outcome"] == "duplicate"
    assert _seed(service, "Aster", JPEG, split="test")[0]["reason"] == "another_split"
    assert service.count(Example) == 1


def test_a_candidate_that_is_seeded_leaves_the_pool(service: Service) -> None:
    _categories(service, "Aster")
    _store(service, JPEG)
    assert _seed(service, "Aster", JPEG)[0]["outcome"] == "stored"
    assert (service.count(Candidate), service.count(Example)) == (0, 1)


def test_a_picture_that_labelers_are_asked_about_cannot_be_seeded(labeling: Service) -> None:
    proposed = factories.paint(0, 3)  # the first after three exemplars
    (answer,) = _seed(labeling, "Alpine aster", proposed)
    assert (answer["outcome"], answer["reason"]) == ("conflict", "open_proposal")
    assert "Round 1" in answer["detail"]


def test_a_picture_that_was_refused_for_a_category_cannot_be_seeded_there(
    labeling: Service,
) -> None:
    refused = factories.paint(0, 3)
    (proposal,) = lease(labeling, count=1)
    assert decide(labeling, proposal, "no").status_code == 201
    assert labeling.call("lea", "POST", "/projects/flowers/rounds/1/close").status_code == 200
    names = {each["id"]: each["name"] for each in _listed(labeling)}
    (answer,) = _seed(labeling, names.pop(proposal["category_id"]), refused)
    assert (answer["outcome"], answer["reason"]) == ("conflict", "rejected_before")
    (answer,) = _seed(labeling, *names.values(), refused)
    assert answer["outcome"] == "stored"


def _listed(service: Service) -> list[dict]:
    categories: list[dict] = service.call("lea", "GET", "/projects/flowers/categories").json()
    return categories


def test_names_of_categories_are_unique_in_whatever_case(service: Service) -> None:
    _categories(service, "Aster")
    body = {"name": " aSTER "}
    problem(service.call("lea", "POST", "/projects/flowers/categories", json=body), 409, "taken")
    assert service.count(Category) == 1


def test_look_alikes_are_answered_by_their_own_names(service: Service) -> None:
    _categories(service, "Aster")
    body = {"name": "Gentian", "look_alikes": [" ASTER"]}
    answer = service.call("lea", "POST", "/projects/flowers/categories", json=body)
    assert answer.json()["look_alikes"] == ["Aster"]
    unknown = {"name": "Rose", "look_alikes": ["Lotus"]}
    refused = service.call("lea", "POST", "/projects/flowers/categories", json=unknown)
    assert problem(refused, 422, "invalid")["fields"][0]["field"] == "look_alikes"
    assert service.count(Category) == 2


def test_a_category_in_use_stays_and_an_unused_one_goes(service: Service) -> None:
    ids = _categories(service, "Aster", "Gentian")
    _seed(service, "Aster", JPEG)
    url = "/projects/flowers/categories"
    problem(service.call("lea", "DELETE", f"{url}/{ids[0]}"), 409, "category-in-use")
    assert service.call("lea", "DELETE", f"{url}/{ids[1]}").status_code == 204


def _store(service: Service, data: bytes) -> str:
    (answer,) = service.upload("/images", ("a.jpg", data)).json()["images"]
    assert answer["outcome"] == "stored", answer
    return str(answer["sha256"])


def _seed(service: Service, category: str, data: bytes, **form: str) -> list[dict]:
    answer = service.upload("/examples", ("seed.jpg", data), category=category, **form)
    assert answer.status_code == 200, answer.text
    images: list[dict] = answer.json()["images"]
    return images


def _categories(service: Service, *names: str) -> list[int]:
    ids = []
    for name in names:
        answer = service.call("lea", "POST", "/projects/flowers/categories", json={"name": name})
        ids.append(answer.json()["id"])
    return ids
