"""What we export is the same dataset when it is imported into an empty project."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.db.tables import Candidate, Category, Example, Image, Source
from app.domain.dataset import Member, Split, content_hash
from app.export.formats import Format
from tests.api.test_export_formats import Taken, taken
from tests.api.test_imports import work
from tests.imports.packing import zipped

__all__ = ["taken"]

Bring = Callable[..., Any]


@pytest.fixture
def bring(taken: Taken) -> Bring:
    """Imports an archive into a new project of Olga's; gives (its slug, the import at its end)."""

    def send(slug: str, archive: Any, name: str, **form: str) -> Any:
        service = taken.service
        service.call("olga", "POST", "/projects", json={"slug": slug, "name": slug})
        path = f"/projects/{slug}/imports"
        answer = service.call("olga", "POST", path, files={"file": (name, archive)}, data=form)
        assert answer.status_code == 201, answer.text
        work(service)
        done = service.call("olga", "GET", f"{path}/{answer.json()['id']}").json()
        assert done["state"] == "done", done
        return done

    return send


def held(taken: Taken, slug: str) -> dict[str, list[tuple[str, str]]]:
    with taken.service.sessions() as session:
        project = taken.service.project(slug)
        rows = session.execute(
            select(Example.split, Image.sha256, Category.name)
            .join(Image, Image.id == Example.image_id)
            .join(Category, Category.id == Example.category_id)
            .where(Example.project_id == project.id)
        ).all()
    return {
        part: sorted((sha256, name) for split, sha256, name in rows if split == part)
        for part in ("train", "test")
    }


def examples(taken: Taken) -> dict[str, list[tuple[str, str]]]:
    return {part: taken.truth[part] for part in ("train", "test")}


ARCHIVES = [Format.IMAGE_FOLDER, Format.IMAGE_FOLDER_TAR, Format.HUGGING_FACE]


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_comes_back_with_its_sources(taken: Taken, bring: Bring, kind: str) -> None:
    slug = f"back-{kind}"
    done = bring(slug, io.BytesIO(taken.fetch(f"format={kind}")), "a.zip")
    assert held(taken, slug) == examples(taken)
    assert done["reasons"] == {"hard_negative": 3}
    with taken.service.sessions() as session:
        licences = session.scalars(
            select(Source.licence)
            .join(Image, Image.id == Source.image_id)
            .where(Image.project_id == taken.service.project(slug).id)
        ).all()
    assert sorted(map(str, licences)) == ["CC BY 4.0", "CC BY 4.0", "CC0"]
    members = [
        Member(sha256, name, Split(part))
        for part, rows in examples(taken).items()
        for sha256, name in rows
    ]
    again = [
        Member(sha256, name, Split(part))
        for part, rows in held(taken, slug).items()
        for sha256, name in rows
    ]
    assert content_hash(again) == content_hash(members)


def test_a_bare_image_folder_comes_back(taken: Taken, bring: Bring) -> None:
    folder = taken.unpacked("imagefolder")
    files = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*.jpg")}
    done = bring("bare", zipped(files), "a.zip", rest="pool")
    assert done["format"] == "imagefolder"
    assert held(taken, "bare") == examples(taken)
    assert done["pool"] == 3
    assert (
        taken.service.count(Candidate, Candidate.project_id == taken.service.project("bare").id)
        == 3
    )


@pytest.mark.parametrize("kind", ["csv", "coco"])
def test_annotations_beside_the_pictures_come_back(taken: Taken, bring: Bring, kind: str) -> None:
    folder = taken.unpacked("imagefolder")
    pictures = {
        f"images/{each.relative_to(folder)}": each.read_bytes() for each in folder.rglob("*.jpg")
    }
    name = {"csv": "labels.csv", "coco": "coco.json"}[kind]
    archive = zipped(pictures | {name: taken.fetch(f"format={kind}")})
    done = bring(f"with-{kind}", archive, "a.zip")
    assert done["format"] == kind
    assert held(taken, f"with-{kind}") == examples(taken)


def test_the_projects_rule_divides_what_has_no_split(taken: Taken, bring: Bring) -> None:
    service = taken.service
    rule = {"test_percent": 50, "most_tests": 2, "least_train": 1}
    service.call("olga", "POST", "/projects", json={"slug": "ruled", "name": "r", **rule})
    folder = taken.unpacked("imagefolder")
    files = {
        f"{each.parent.name}/{each.name}": each.read_bytes()
        for each in (*(folder / "train").rglob("*.jpg"), *(folder / "test").rglob("*.jpg"))
    }
    done = bring("ruled", zipped(files), "a.zip")
    assert (done["train"], done["test"]) == (9, 4)
    told = {each["name"]: each for each in done["preview"]["categories"]}
    assert {name: each["test"] for name, each in told.items()} == dict.fromkeys(told, 2)
    for name in ("Spring gentian", "Test aster"):
        mine = sorted(
            sha256 for rows in held(taken, "ruled").values() for sha256, of in rows if of == name
        )
        tests = [sha256 for sha256, of in held(taken, "ruled")["test"] if of == name]
        assert tests == mine[:2]
    again = bring("ruled", zipped(files), "a.zip")
    assert (again["stored"], again["duplicate"], again["conflict"]) == (0, 13, 0)


def test_a_picture_without_its_file_is_named(taken: Taken, bring: Bring) -> None:
    lines = taken.fetch("format=jsonl").splitlines()
    told = [json.loads(line) for line in lines]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("labels.csv", taken.fetch("format=csv"))
    archive.seek(0)
    done = bring("absent", archive, "a.zip")
    assert done["reasons"] == {"not_in_archive": len(told)}
    assert done["refusals"][0]["filename"] == told[0]["file"]
