"""What labelers see beside each question of a round, and the known questions among them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from random import Random

import torch
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.tables import Round
from app.domain.audit import Earlier, mix_in_audits
from app.domain.contrast import Beside
from app.domain.dataset import Split
from app.domain.decision import Answer
from app.domain.gold import mix_in_gold
from app.domain.proposing import Score
from models.contrast import Contrasts, Labeled, contrast, rivals
from models.neighbours import nearly_equal
from models.network import MetricModel
from workers import round_data
from workers.feature_store import FeatureStore
from workers.leaks import kept_rows
from workers.runner import Work

_CHUNK = 4096


@dataclass(frozen=True)
class Known:
    """Rows that a round's contrasts are made of.

    Attributes:
        train: Examples.
        rejected: Hard negatives that are not of the test split.
        seeds: Images of the train split that a lead uploaded and that are no exemplars.
        earlier: Answers that may be asked about again.
    """

    train: list[round_data.Labeled]
    rejected: list[round_data.Labeled]
    seeds: frozenset[int]
    earlier: list[Earlier]


def read_known(session: Session, running: Round) -> Known:
    """Read them."""
    test = {row.image_id for row in round_data.examples(session, running, Split.TEST)}
    rejected = round_data.hard_negatives(session, running)
    return Known(
        train=round_data.examples(session, running, Split.TRAIN),
        # A refused picture may have become a test picture of another category: nobody sees those.
        rejected=[row for row in rejected if row.image_id not in test],
        seeds=round_data.spare_seeds(session, running),
        earlier=round_data.earlier_answers(session, running) if running.audit_share else [],
    )


class Surroundings:
    """The embedded pictures that may stand beside questions, test pictures and their like left out.

    Args:
        model: The round's model.
        store: Its backbone's features.
        known: What there is.
        categories: Category ids in the order of the model's outputs.
        test_features: Float [m, D] of the test split, if there is one.
    """

    def __init__(
        self,
        model: MetricModel,
        store: FeatureStore,
        known: Known,
        categories: Sequence[int],
        test_features: Tensor | None,
    ) -> None:
        self._model = model
        self._categories = categories
        self._output = {category: index for index, category in enumerate(categories)}
        self._seeds = known.seeds
        self._earlier = known.earlier
        self._train = known.train
        self._rejected = known.rejected
        features = store.load(round_data.hashes(known.train))
        if test_features is not None:
            kept = kept_rows(known.train, features, test_features, model.mean)
            self._train, features = [known.train[row] for row in kept], features[kept]
        with torch.inference_mode():
            self._embedded = model(features)
        self._refused = self._embed_rejected(store, test_features)

    def _embed_rejected(self, store: FeatureStore, test_features: Tensor | None) -> Tensor:
        parts, rows = [self._embedded[:0]], []
        for start in range(0, len(self._rejected), _CHUNK):
            part = self._rejected[start : start + _CHUNK]
            features = store.load(round_data.hashes(part))
            hidden = torch.zeros(len(part), dtype=torch.bool)
            if test_features is not None:
                hidden = nearly_equal(features, test_features, self._model.mean)
            rows += [row for row, hide in zip(part, hidden.tolist(), strict=True) if not hide]
            with torch.inference_mode():
                parts.append(self._model(features[~hidden]))
        self._rejected = rows
        return torch.cat(parts)

    def with_gold(self, proposals: Sequence[Score], share: float, seed: int) -> list[Score]:
        """The proposals with known questions among them; see `mix_in_gold`."""
        if not share:
            return list(proposals)
        seeds: dict[int, list[int]] = {}
        for row in self._train:
            if row.image_id in self._seeds:
                seeds.setdefault(row.category_id, []).append(row.image_id)
        others = rivals(self._model, self._labeled(self._embedded, self._train)).tolist()
        return mix_in_gold(
            proposals,
            share=share,
            seeds=seeds,
            rivals={
                category: self._categories[other]
                for category, other in zip(self._categories, others, strict=True)
                if other >= 0
            },
            chance=Random(seed),  # noqa: S311 - a round is reproducible from its seed
        )

    def with_audits(self, questions: Sequence[Score], share: float, seed: int) -> list[Score]:
        """The questions with earlier answers among them; see `mix_in_audits`."""
        if not share:
            return list(questions)
        # What nearly equals a test picture is not shown to anybody, whoever has seen it before.
        accepted = {(row.image_id, row.category_id) for row in self._train}
        refused = {(row.image_id, row.category_id) for row in self._rejected}
        may_be_shown = {Answer.YES: accepted, Answer.NO: refused}
        return mix_in_audits(
            questions,
            share=share,
            earlier=[
                each
                for each in self._earlier
                if (each.image_id, each.category_id) in may_be_shown[Answer(each.answer)]
            ],
            category_order=self._output,
            chance=Random(seed),  # noqa: S311 - a round is reproducible from its seed
        )

    def beside(
        self,
        work: Work,
        questions: Sequence[Score],
        embedded: Tensor,
        place: Mapping[int, int],
    ) -> Iterator[Beside]:
        """What stands beside each question, in their order; computed before the first is taken.

        Args:
            work: Its heart hears of a cancel.
            questions: Proposals, known ones among them.
            embedded: Float [c, d], of all candidates among the questions.
            place: Their rows by image id.
        """
        asked = {question.image_id for question in questions if question.gold is not None}
        # A known question must not stand as an exemplar beside another one, nor beside itself.
        rows = [row for row, each in enumerate(self._train) if each.image_id not in asked]
        own = {each.image_id: self._refused[row] for row, each in enumerate(self._rejected)}
        own |= {each.image_id: self._embedded[row] for row, each in enumerate(self._train)}
        train = [self._train[row] for row in rows]
        examples = self._labeled(self._embedded[rows], train)
        kept = [row for row, each in enumerate(self._rejected) if each.image_id not in asked]
        rejected = [self._rejected[row] for row in kept]
        refused = self._labeled(self._refused[kept], rejected)
        parts = []
        for start in range(0, len(questions), _CHUNK):
            work.heart.check()
            part = questions[start : start + _CHUNK]
            embeddings = torch.empty(len(part), self._embedded.shape[1])
            for index, each in enumerate(part):
                embeddings[index] = (
                    embedded[place[each.image_id]] if each.gold is None else own[each.image_id]
                )
            outputs = torch.tensor([self._output[each.category_id] for each in part])
            found = contrast(self._model, embeddings, outputs, examples, refused)
            parts.append(_compact(found))
        return self._as_ids(parts, train, rejected)

    def _as_ids(
        self,
        parts: Sequence[Contrasts],
        train: Sequence[round_data.Labeled],
        rejected: Sequence[round_data.Labeled],
    ) -> Iterator[Beside]:
        shown = [row.image_id for row in train]
        refused = [row.image_id for row in rejected]
        for part in parts:
            columns = [getattr(part, field.name).tolist() for field in fields(part)]
            for exemplars, rival, of_rival, refused_rows, likely in zip(*columns, strict=True):
                yield Beside(
                    exemplars=_ids(shown, exemplars),
                    confusable_id=self._categories[rival] if rival >= 0 else None,
                    confusable_exemplars=_ids(shown, of_rival),
                    rejected=_ids(refused, refused_rows),
                    likely=_ids(self._categories, likely),
                )

    def _labeled(self, embedded: Tensor, rows: Sequence[round_data.Labeled]) -> Labeled:
        labels = torch.tensor([self._output[row.category_id] for row in rows], dtype=torch.int64)
        return Labeled.of(embedded, labels, len(self._categories))


def _compact(found: Contrasts) -> Contrasts:
    """The same in half the memory: a round may have a million of them."""
    return Contrasts(**{each.name: getattr(found, each.name).int() for each in fields(found)})


def _ids(of: Sequence[int], rows: Sequence[int]) -> tuple[int, ...]:
    return tuple(of[row] for row in rows if row >= 0)
