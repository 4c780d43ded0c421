"""Simulated labelers of known accuracy: `python -m bench.quality --json`.

One is right in 95 of 100 answers, one in 80, one does not look. All three answer each proposal;
some questions have a known answer. `dawid_skene` and `majority` are the shares of the proposals
whose truth each recovers, on average over the seeded runs. The spammer is found when it is the one
labeler whose answers do not depend on the truth.

The audit asks a sample of rejections of two rounds again, the older round less of it. The second
labeler errs too (right in 95 of 100), a lead decides contradictions, and the interval should
contain the true miss rate in as many runs as its confidence says.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random
from statistics import mean

from app.domain.audit import Stratum, stratified_rate
from app.domain.consensus import dawid_skene, majority, uninformed
from bench.harness import arguments, report

ACCURACY = {"expert": 0.95, "good": 0.8, "spammer": 0.5}
AUDITED = ((3000, 100), (2000, 300))  # rejections of each round, and how many are asked again
MISSED = (0.05, 0.12)  # the share of wrong rejections in each round
AUDITOR = 0.95


@dataclass(frozen=True)
class Consensus:
    """One run: the shares recovered, and who was found to be uninformed."""

    model: float
    votes: float
    found: tuple[str, ...]


def consensus(chance: Random, *, proposals: int, gold: float) -> Consensus:
    """The three answer everything; the known questions are not judged."""
    truths = ["yes" if chance.random() < 0.6 else "no" for _ in range(proposals)]  # noqa: PLR2004
    questions = [
        [(who, _answer(truth, right, chance)) for who, right in ACCURACY.items()]
        for truth in truths
    ]
    known = dict(enumerate(truths[: round(gold * proposals)]))
    found = dawid_skene(questions, known=known, smoothing=1)
    judged = range(len(known), proposals)
    answers = Counter(who for votes in questions for who, _ in votes)
    return Consensus(
        model=mean(found.likeliest(place) == truths[place] for place in judged),
        votes=mean(majority(a for _, a in questions[place]) == truths[place] for place in judged),
        found=tuple(sorted(uninformed(found, answers))),
    )


def audit_holds(chance: Random) -> bool:
    """Whether the interval contains the true miss rate of one run."""
    strata, missed = [], 0
    for (size, asked), rate in zip(AUDITED, MISSED, strict=True):
        wrong = [chance.random() < rate for _ in range(size)]
        missed += sum(wrong)
        # A wrong rejection comes to light when the second labeler says yes; the lead agrees.
        found = sum(each and chance.random() < AUDITOR for each in chance.sample(wrong, asked))
        strata.append(Stratum(size, asked, found))
    found_rate = stratified_rate(strata)
    assert found_rate is not None  # noqa: S101 - something was asked
    true = missed / sum(size for size, _ in AUDITED)
    return found_rate.low <= true <= found_rate.high


def _answer(truth: str, right: float, chance: Random) -> str:
    return truth if chance.random() < right else {"yes": "no", "no": "yes"}[truth]


def measure(*, runs: int, proposals: int, gold: float, seed: int) -> dict[str, object]:
    """All runs, each with a seed of its own."""
    found = [
        consensus(Random(seed + run), proposals=proposals, gold=gold)  # noqa: S311
        for run in range(runs)
    ]
    return {
        "runs": runs,
        "proposals": proposals,
        "gold_share": gold,
        "dawid_skene": round(mean(each.model for each in found), 4),
        "majority": round(mean(each.votes for each in found), 4),
        "dawid_skene_better_runs": sum(each.model > each.votes for each in found),
        "spammer_found_runs": sum(each.found == ("spammer",) for each in found),
        "audit_interval_holds_runs": sum(
            audit_holds(Random(seed + run))  # noqa: S311
            for run in range(runs)
        ),
    }


def main() -> None:
    """Measure; the last line is one JSON object."""
    parser = arguments("bench.quality", __doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--proposals", type=int, default=1000)
    parser.add_argument("--gold", type=float, default=0.05, help="share with a known answer")
    options = parser.parse_args()
    report(
        measure(
            runs=options.runs, proposals=options.proposals, gold=options.gold, seed=options.seed
        ),
        alone=options.json,
    )


if __name__ == "__main__":
    main()
