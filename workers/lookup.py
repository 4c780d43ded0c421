"""Which images of a project show the same photograph as those in hand.

Three looks: who comes into question, by hash, by code and, for the test split, by all features;
whose small planes lie over each other; whose fine structure agrees. Each look sees few of what the
one before saw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from PIL.Image import Image as Picture
from sqlalchemy.orm import Session
from torch import Tensor

from app.blobs import Blobs
from app.db.session import Sessions, transaction
from app.db.tables import Neighbourhood
from app.domain.likeness import Alike, Rank
from app.usecases.likeness import likenesses
from app.usecases.likeness.likenesses import MOST_BITS_APART, LikenessRow, Stored
from models import likeness
from models.likeness import LARGE, Laid
from models.neighbourhood import CODE_BITS
from models.neighbourhood import Neighbourhood as Coding
from workers.feature_store import FeatureStore
from workers.reading import read

# docs/decisions/near-duplicates.md says where these come from.
CELLS = 12
NEIGHBOURS = 16
MOST_CODE_APART = 100  # of 256 bits: a cosine of about 0.35
LEAST_COSINE = 0.35
LAID_OVER = 0.83
SAME = 0.94
# So many of those that lie over a picture are looked at closely, the best first.
CLOSELY = 4
# From so many images on each is looked for near some landmarks only.
MANY = 4096
LANDMARKS = 1024
_LAY_AT_ONCE = 2048
_JUDGE_AT_ONCE = 64
_KEPT_PLANES = 1024


@dataclass(frozen=True)
class Look:
    """What is kept of a decoded picture: its hash, its small plane, and its large one [64, 64]."""

    hash: int
    plane: bytes
    large: Tensor
    shape: float

    @classmethod
    def at(cls, picture: Picture) -> "Look":
        """At a picture that was decoded for something else, too."""
        return cls(
            likeness.picture_hash(picture),
            likeness.small_plane(picture),
            likeness.grey(picture, LARGE),
            picture.width / picture.height,
        )


@dataclass(frozen=True)
class Subject:
    """An image in hand."""

    image_id: int
    sha256: str
    look: Look


class Lookup:
    """Finds images of a project, with the features of one backbone."""

    def __init__(
        self, sessions: Sessions, blobs: Blobs, store: FeatureStore, project_id: int
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._store = store
        self._project_id = project_id
        self._row: Neighbourhood | None = None
        self._coding: Coding | None = None
        self._test: tuple[list[int], Tensor] | None = None
        self._planes: dict[str, Tensor | None] = {}

    def prepare(self, fingerprint: str, features: Tensor) -> None:
        """Know the project's neighbourhood; a first one is made of these features [n, D]."""
        if self._row is not None:
            return  # nobody else screens the project meanwhile
        with self._sessions() as session:
            self._row = likenesses.neighbourhood_of(session, self._project_id, fingerprint)
        if self._row is not None:
            self._coding = Coding.from_bytes(self._blobs.get(self._row.blob_key))
            return
        self._coding = Coding.of(features, 1)
        row = Neighbourhood(
            project_id=self._project_id, fingerprint=fingerprint, landmarks=1, blob_key=""
        )
        with transaction(self._sessions) as session:
            session.add(row)
            session.flush()
            row.blob_key = f"neighbourhoods/{row.id}-1.safetensors"
            self._blobs.put(row.blob_key, self._coding.to_bytes())
        self._row = row

    @property
    def neighbourhood_id(self) -> int:
        """Of the stored one."""
        assert self._row is not None  # noqa: S101 - see `prepare`
        return self._row.id

    @property
    def coding(self) -> Coding:
        """How features are coded."""
        assert self._coding is not None  # noqa: S101 - see `prepare`
        return self._coding

    def rows(self, subjects: Sequence[Subject], features: Tensor) -> list[LikenessRow]:
        """What the subjects will be found by."""
        cells = self.coding.cells(features, 1)[:, 0].tolist()
        return [
            LikenessRow(each.image_id, each.look.hash, each.look.plane, cell, code)
            for each, cell, code in zip(subjects, cells, self.coding.codes(features), strict=True)
        ]

    def alike(self, subjects: Sequence[Subject], features: Tensor) -> dict[int, list[Alike]]:
        """For each subject, by id, the images that show the same photograph.

        Those that were screened before, and the other subjects.

        Args:
            subjects: Each image once.
            features: Float [len(subjects), D].
        """
        known = self._known(subjects, self._in_question(subjects, features))
        laid = self._lie_over(subjects, known)
        return self._measured(subjects, known, self._agree(subjects, known, laid))

    def standing(self, image_ids: Iterable[int]) -> dict[int, Stored]:
        """What is stored of these images now, by id."""
        with self._sessions() as session:
            return likenesses.stored(session, set(image_ids))

    def groups(self, image_ids: Iterable[int]) -> set[int]:
        """All images in the groups of these, themselves among them."""
        with self._sessions() as session:
            return set().union(*likenesses.members_of(session, image_ids).values())

    def is_crowded(self) -> bool:
        """Whether the images have become too many to compare each with all others."""
        if self._row is None or self._row.landmarks > 1:
            return False
        with self._sessions() as session:
            return len(likenesses.coded(session, self._row.id, MANY)) == MANY

    def coded_again(
        self, images: Sequence[tuple[int, str]], landmarks: int
    ) -> tuple[Coding, list[tuple[int, int, str]]]:
        """A coding with many landmarks, and (image id, cell, code) of each of (image id, hash)."""
        features = self._store.load([sha256 for _, sha256 in images])
        coding = Coding.of(features, landmarks)
        cells = coding.cells(features, 1)[:, 0].tolist()
        ids = [image_id for image_id, _ in images]
        return coding, list(zip(ids, cells, coding.codes(features), strict=True))

    def keep_coding(
        self, session: Session, coding: Coding, rows: Sequence[tuple[int, int, str]]
    ) -> None:
        """Store another coding, and the images as they are coded by it."""
        row = session.merge(self._row)
        assert row is not None  # noqa: S101 - see `prepare`
        row.landmarks = len(coding.landmarks)
        row.blob_key = f"neighbourhoods/{row.id}-{row.landmarks}.safetensors"
        self._blobs.put(row.blob_key, coding.to_bytes())
        likenesses.code_again(session, row.id, rows)
        self._row, self._coding, self._test = row, coding, None

    def forget_test(self) -> None:
        """The test split has changed."""
        self._test = None

    def pair(self, one: int, other: int) -> likenesses.Pair:
        """Two images, of which the second speaks for the first, with how near they are."""
        with self._sessions() as session:
            found = likenesses.stored(session, [one, other])
        cosine = self._cosines([(found[one].sha256, found[other].sha256)])[0]
        apart = likeness.hash_distance(found[one].hash or 0, found[other].hash or 0)
        return likenesses.Pair(one, other, apart, cosine)

    # Who comes into question

    def _in_question(self, subjects: Sequence[Subject], features: Tensor) -> set[tuple[int, int]]:
        """(position, image id)."""
        asked = [
            (position, found, likeness.band_keys(found))
            for position, subject in enumerate(subjects)
            for found in (subject.look.hash, likeness.mirrored(subject.look.hash))
        ]
        cells = self.coding.cells(features, CELLS).tolist()
        codes = [
            (position, code, cells[position])
            for position, code in enumerate(self.coding.codes(features))
        ]
        with self._sessions() as session:
            pairs = likenesses.alike_by_hash(session, self._project_id, asked)
            pairs |= likenesses.alike_by_code(
                session,
                self.neighbourhood_id,
                codes,
                # Itself is among them when it was screened before.
                most=NEIGHBOURS + 1,
                most_apart=MOST_CODE_APART,
            )
        pairs |= self._near_test(features)
        pairs |= self._among(subjects, features)
        return {(at, other) for at, other in pairs if subjects[at].image_id != other}

    def _near_test(self, features: Tensor) -> set[tuple[int, int]]:
        """All of the test split is looked at: none of it may leak."""
        if self._test is None:
            with self._sessions() as session:
                images = likenesses.test_images(session, self._project_id)
            late = set(self._store.missing([sha256 for _, sha256 in images]))
            images = [each for each in images if each[1] not in late]
            loaded = self._store.load([sha256 for _, sha256 in images]) if images else None
            centred = torch.empty(0) if loaded is None else self.coding.centred(loaded)
            self._test = ([image_id for image_id, _ in images], centred)
        ids, centred = self._test
        if not ids:
            return set()
        return {
            (row, ids[column])
            for row, column in _nearest(self.coding.centred(features) @ centred.T)
        }

    def _among(self, subjects: Sequence[Subject], features: Tensor) -> set[tuple[int, int]]:
        centred = self.coding.centred(features)
        cosines = centred @ centred.T
        cosines.fill_diagonal_(-1)
        found = {(row, subjects[column].image_id) for row, column in _nearest(cosines)}
        for (one, first), (other, second) in combinations(enumerate(subjects), 2):
            if likeness.hash_distance(first.look.hash, second.look.hash) <= MOST_BITS_APART:
                found |= {(one, second.image_id), (other, first.image_id)}
        return found

    def _known(self, subjects: Sequence[Subject], pairs: Iterable[tuple[int, int]]) -> "_Known":
        with self._sessions() as session:
            found = likenesses.stored(
                session, {other for _, other in pairs} | {each.image_id for each in subjects}
            )
        looks = {each.image_id: each.look for each in subjects}
        # What is neither an example nor a candidate has left the project.
        ordered = sorted(
            (at, other)
            for at, other in pairs
            if other in found
            and found[other].rank is not None
            and (other in looks or found[other].plane is not None)
        )
        return _Known(found, looks, ordered)

    # Who lies over whom

    def _lie_over(self, subjects: Sequence[Subject], known: "_Known") -> list["_Laid"]:
        """The pairs whose small planes lie over each other; of each subject the best."""
        laid: list[_Laid] = []
        for start in range(0, len(known.pairs), _LAY_AT_ONCE):
            part = known.pairs[start : start + _LAY_AT_ONCE]
            first = likeness.planes_of([subjects[at].look.plane for at, _ in part])
            second = likeness.planes_of([known.plane(other) for _, other in part])
            stretch = torch.tensor(
                [subjects[at].look.shape / known.shape(other) for at, other in part]
            )
            found = likeness.lay_over(first, second, stretch)
            laid += [
                _Laid(at, other, float(score), int(way), box)
                for (at, other), score, way, box in zip(
                    part, found.score, found.way, found.box, strict=True
                )
                if score >= LAID_OVER
            ]
        laid.sort(key=lambda each: (each.at, -each.score, each.other))
        kept: list[_Laid] = []
        for each in laid:
            if len(kept) < CLOSELY or kept[-CLOSELY].at != each.at:
                kept.append(each)
        return kept

    # Whose fine structure agrees

    def _agree(
        self, subjects: Sequence[Subject], known: "_Known", laid: Sequence["_Laid"]
    ) -> list[tuple[int, int]]:
        same = []
        for start in range(0, len(laid), _JUDGE_AT_ONCE):
            part = [
                (each, plane)
                for each in laid[start : start + _JUDGE_AT_ONCE]
                if (plane := self._large(known, each.other)) is not None
            ]
            if not part:
                continue
            scores = likeness.same_photograph(
                torch.stack([subjects[each.at].look.large for each, _ in part]),
                torch.stack([plane for _, plane in part]),
                Laid(
                    torch.tensor([each.score for each, _ in part]),
                    torch.tensor([each.way for each, _ in part]),
                    torch.stack([each.box for each, _ in part]),
                ),
            ).tolist()
            same += [
                (each.at, each.other)
                for (each, _), score in zip(part, scores, strict=True)
                if score >= SAME
            ]
        return same

    def _large(self, known: "_Known", image_id: int) -> Tensor | None:
        if image_id in known.looks:
            return known.looks[image_id].large
        sha256 = known.stored[image_id].sha256
        if sha256 not in self._planes:
            if len(self._planes) >= _KEPT_PLANES:
                self._planes.clear()
            picture = read(self._blobs, sha256)
            self._planes[sha256] = None if picture is None else likeness.grey(picture, LARGE)
        return self._planes[sha256]

    def _measured(
        self,
        subjects: Sequence[Subject],
        known: "_Known",
        pairs: Sequence[tuple[int, int]],
    ) -> dict[int, list[Alike]]:
        found: dict[int, list[Alike]] = {}
        cosines = self._cosines(
            [(subjects[at].sha256, known.stored[other].sha256) for at, other in pairs]
        )
        for (at, other), cosine in zip(pairs, cosines, strict=True):
            of = known.stored[other]
            found.setdefault(subjects[at].image_id, []).append(
                Alike(
                    image_id=other,
                    rank=Rank(of.rank or 0),
                    hash_distance=likeness.hash_distance(subjects[at].look.hash, known.hash(other)),
                    similarity=cosine,
                    test=of.test,
                    representative_id=of.representative_id,
                    leaks=of.leaks,
                )
            )
        return found

    def _cosines(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Of features; -1 where one has none, of this backbone."""
        late = set(self._store.missing([sha256 for pair in pairs for sha256 in pair]))
        there = [pair for pair in pairs if late.isdisjoint(pair)]
        if not there:
            return [-1.0] * len(pairs)
        first, second = (
            self.coding.centred(self._store.load(list(side))) for side in zip(*there, strict=True)
        )
        cosines = dict(zip(there, (first * second).sum(1).tolist(), strict=True))
        return [cosines.get(pair, -1.0) for pair in pairs]


@dataclass(frozen=True)
class _Known:
    """Who comes into question: pairs (position, image id), and what is known of each image."""

    stored: dict[int, Stored]
    looks: dict[int, Look]
    pairs: list[tuple[int, int]]

    def plane(self, image_id: int) -> bytes:
        look = self.looks.get(image_id)
        return self.stored[image_id].plane if look is None else look.plane

    def hash(self, image_id: int) -> int:
        look = self.looks.get(image_id)
        return self.stored[image_id].hash if look is None else look.hash

    def shape(self, image_id: int) -> float:
        of = self.stored[image_id]
        return of.width / of.height


@dataclass(frozen=True)
class _Laid:
    """A pair, and how it lies over each other: see `models.likeness.Laid`."""

    at: int
    other: int
    score: float
    way: int
    box: Tensor


def _nearest(cosines: Tensor) -> list[tuple[int, int]]:
    """(row, column) of the nearest columns of each row that are near at all."""
    values, columns = cosines.topk(min(NEIGHBOURS, cosines.shape[1]), dim=1)
    rows, places = (values >= LEAST_COSINE).nonzero(as_tuple=True)
    return list(zip(rows.tolist(), columns[rows, places].tolist(), strict=True))


# The code's bits and the threshold in them belong together.
assert 0 < MOST_CODE_APART < CODE_BITS  # noqa: S101
