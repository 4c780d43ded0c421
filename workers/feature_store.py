"""Cached backbone features: blocks of rows in blobs, found by content hash and backbone fingerprint."""

import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import safetensors.torch
import torch
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker
from torch import Tensor

from app.blobs import Blobs
from app.db.session import transaction
from app.db.tables import Feature, FeatureShard
from app.usecases.takedowns.erase import erase_later, gone

_KEPT_SHARDS = 16
_QUERY = 10_000


class FeatureStore:
    """Features of one backbone, float16 on disk and float32 in memory."""

    def __init__(self, sessions: sessionmaker[Session], blobs: Blobs, fingerprint: str) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._fingerprint = fingerprint
        self._shards: OrderedDict[str, Tensor] = OrderedDict()

    def missing(self, hashes: Sequence[str]) -> list[str]:
        """Those of the content hashes that have no features yet, in their order, each once."""
        known: set[str] = set()
        with self._sessions() as session:
            for part in _parts(hashes):
                known.update(
                    session.scalars(
                        select(Feature.sha256).where(
                            Feature.fingerprint == self._fingerprint, Feature.sha256.in_(part)
                        )
                    )
                )
        return [sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in known]

    def add(self, hashes: Sequence[str], features: Tensor) -> None:
        """Store the features [len(hashes), D] durably: the block first, then the rows that point to it.

        A worker that is killed between the two leaves a block that nobody refers to. Two workers
        that embed the same picture store it twice; the second one's row is dropped.
        """
        key = f"features/{self._fingerprint}/{secrets.token_hex(12)}.safetensors"
        self._blobs.put(key, safetensors.torch.save({"features": features.half().contiguous()}))
        with transaction(self._sessions) as session:
            shard = FeatureShard(fingerprint=self._fingerprint, blob_key=key)
            session.add(shard)
            session.flush()
            rows = [
                {
                    "fingerprint": self._fingerprint,
                    "sha256": sha256,
                    "shard_id": shard.id,
                    "row": row,
                }
                for row, sha256 in enumerate(hashes)
            ]
            # Sorted, so that two workers lock equal rows in one order and cannot deadlock.
            rows.sort(key=lambda each: str(each["sha256"]))
            session.execute(insert(Feature).values(rows).on_conflict_do_nothing())
        # A picture that was erased before this commit has features again: they are to go, too. One
        # that is erased after it takes them along.
        with transaction(self._sessions) as session:
            erase_later(session, gone(session, hashes))

    def load(self, hashes: Sequence[str]) -> Tensor:
        """The features of these pictures, float32 [len(hashes), D], in their order.

        Raises:
            KeyError: for a picture without features; embed it first.
        """
        places = self._places(hashes)
        first = self._shard(next(iter(places.values()))[0])
        features = torch.empty(len(hashes), first.shape[1])
        by_shard: dict[str, list[tuple[int, int]]] = {}
        for index, sha256 in enumerate(hashes):
            key, row = places[sha256]
            by_shard.setdefault(key, []).append((index, row))
        for key, pairs in by_shard.items():
            indices, rows = zip(*pairs, strict=True)
            features[list(indices)] = self._shard(key)[list(rows)].float()
        return features

    def chunks(self, hashes: Sequence[str], size: int = 4096) -> Iterator[Tensor]:
        """As `load`, `size` rows at a time, in bounded memory."""
        for start in range(0, len(hashes), size):
            yield self.load(hashes[start : start + size])

    def _places(self, hashes: Sequence[str]) -> dict[str, tuple[str, int]]:
        places = {}
        with self._sessions() as session:
            for part in _parts(hashes):
                rows = session.execute(
                    select(Feature.sha256, FeatureShard.blob_key, Feature.row)
                    .join(FeatureShard, FeatureShard.id == Feature.shard_id)
                    .where(Feature.fingerprint == self._fingerprint, Feature.sha256.in_(part))
                )
                places.update({sha256: (key, row) for sha256, key, row in rows})
        return places

    def _shard(self, key: str) -> Tensor:
        if key in self._shards:
            self._shards.move_to_end(key)
            return self._shards[key]
        shard = safetensors.torch.load(self._blobs.get(key))["features"]
        self._shards[key] = shard
        if len(self._shards) > _KEPT_SHARDS:
            self._shards.popitem(last=False)
        return shard


def _parts(hashes: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), _QUERY):
        yield list(hashes[start : start + _QUERY])
