"""Questions with a known answer, mixed in among the others: how well does a labeler see?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from app.domain.decision import Answer
from app.domain.proposing import Score


def mix_in_gold(
    proposals: Sequence[Score],
    *,
    share: float,
    seeds: Mapping[int, Sequence[int]],
    rivals: Mapping[int, int],
    chance: Random,
) -> list[Score]:
    """The proposals with questions among them whose answer is known.

    About half of these show a seed of the category (the answer is yes), the others one of the
    category that it is most easily taken for (no). Each seed is shown once, and each question
    follows a real one of its category, whose confidence it takes: nothing tells it apart. Where
    seeds are few there are fewer questions.

    Args:
        proposals: In labeling order.
        share: Known questions for each real one, 0..1.
        seeds: Images that may be shown, by category id: no labeler sees them elsewhere.
        rivals: The category that each is most easily taken for, by category id.
        chance: Decides which.
    """
    wanted = min(round(share * len(proposals)), len(proposals))
    left = {
        category: chance.sample(list(images), len(images)) for category, images in seeds.items()
    }
    known: dict[int, Score] = {}
    for place in sorted(chance.sample(range(len(proposals)), wanted)):
        asked = proposals[place]
        kinds = [(Answer.YES, asked.category_id), (Answer.NO, rivals.get(asked.category_id, -1))]
        chance.shuffle(kinds)
        for answer, category in kinds:
            if left.get(category):
                image_id = left[category].pop()
                known[place] = replace(asked, image_id=image_id, gold=answer.value)
                break
    return list(_merged(proposals, known))


def _merged(proposals: Sequence[Score], known: Mapping[int, Score]) -> Iterator[Score]:
    for place, proposal in enumerate(proposals):
        yield proposal
        if place in known:
            yield known[place]
