"""What can be refused, as types. They carry ids and sentences and know no HTTP.

Every refusal says what is wrong and what to do. `app.api.problems` maps each type to a status;
a test fails on a type that is not mapped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sentence:
    """A text with {names} and the values that stand there: what can be said in other languages."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        # Without values it is taken as it is, braces and all.
        return self.text.format(**self.values) if self.values else self.text


class DomainError(Exception):
    """A refusal. `str(error)` is a sentence for the person who caused it.

    The text is a literal, never put together, because it is the key of its translations: what
    changes from case to case is given by name.
    """

    def __init__(self, text: str, **values: object) -> None:
        self.sentences: tuple[Sentence, ...] = (Sentence(text, values),)
        super().__init__(str(self.sentences[0]))


class NotFoundError(DomainError):
    """There is no such thing, or it belongs to somebody else: callers cannot tell which."""

    def __init__(self, what: str, key: object) -> None:
        super().__init__(
            "There is no {what} {key!r} here. Check the name, or ask the project lead.",
            what=what,
            key=key,
        )
        self.what = what
        self.key = key


class NotSignedInError(DomainError):
    """The request carries no valid session or token."""


class ForbiddenError(DomainError):
    """The caller is known, but may not do this."""


class InvalidError(DomainError):
    """A value breaks a rule; `field` names it."""

    def __init__(self, field: str, text: str, **values: object) -> None:
        super().__init__(text, **values)
        self.field = field


class TakenError(DomainError):
    """A name that must be unique is in use; `field` holds it."""

    def __init__(self, what: str, key: str, field: str = "name") -> None:
        super().__init__(
            "There is already a {what} {key!r}. Choose another name.", what=what, key=key
        )
        self.what = what
        self.key = key
        self.field = field


class CategoryInUseError(DomainError):
    """A category with examples or decisions cannot be deleted."""

    def __init__(self, category: str) -> None:
        super().__init__(
            "The category {category!r} has examples, proposals or hard negatives, so it stays. "
            "Only a category that was never used can be deleted.",
            category=category,
        )
        self.category = category


class CategoryRetiredError(DomainError):
    """A category was retired, merged into another or split up."""

    def __init__(self, category: str) -> None:
        super().__init__(
            "The category {category!r} is retired. Bring it back first: a lead finds how among the "
            "changes of the categories.",
            category=category,
        )
        self.category = category


class RoundAtWorkError(DomainError):
    """Categories change between rounds only."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "Round {number} asks about the categories as they are. Close or cancel it first: what "
            "nobody has answered is asked again by the next round.",
            number=number,
        )
        self.number = number


class BatchInRoundError(DomainError):
    """Batches are withdrawn and brought back between rounds only."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "Round {number} may ask about pictures of this batch. Close or cancel it first.",
            number=number,
        )
        self.number = number


class ChangeStandsError(DomainError):
    """A change of a category cannot be undone (any more); the sentence says why."""


class RoundNotReadyError(DomainError):
    """A round cannot start as things stand; `reasons` are sentences."""

    def __init__(self, reasons: list[Sentence]) -> None:
        super().__init__(" ".join(map(str, reasons)))
        self.sentences = tuple(reasons)


class RoundInProgressError(DomainError):
    """Only one round of a project works at a time."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "Round {number} is not finished. Close or cancel it before starting another.",
            number=number,
        )
        self.number = number


class TransitionError(DomainError):
    """The thing is in a state in which this cannot happen."""

    def __init__(self, what: str, state: str, event: str) -> None:
        super().__init__(
            "A {what} that is {state} cannot {event}. Look at its state, then decide.",
            what=what,
            state=state,
            event=event,
        )
        self.what = what
        self.state = state
        self.event = event


class RoundClosedError(DomainError):
    """A decision or an undo came after its round ended: the dataset already grew."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "Round {number} is over, so this decision can no longer change. "
            "Tell the project lead if the dataset should be mended.",
            number=number,
        )
        self.number = number


class LeaseLostError(DomainError):
    """The proposal was leased to somebody else meanwhile."""

    def __init__(self, proposal_id: int) -> None:
        super().__init__(
            "This proposal went to another labeler because its lease ran out. "
            "Nothing was saved for it; go on with the next one."
        )
        self.proposal_id = proposal_id


class TakenDownError(DomainError):
    """The picture was taken down: it is gone, and nobody is asked about it."""

    def __init__(self) -> None:
        super().__init__(
            "This picture was taken down, so it is gone and nothing is asked about it any more. "
            "Go on with the next one."
        )


class AlreadyDecidedError(DomainError):
    """The proposal has its decision."""

    def __init__(self, proposal_id: int) -> None:
        super().__init__("This proposal has been decided already. Go on with the next one.")
        self.proposal_id = proposal_id


class NotReplayableError(DomainError):
    """The round has no manifest."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "Round {number} has no manifest: it has asked nothing yet, or it did before manifests "
            "were kept. Look at another round.",
            number=number,
        )
        self.number = number


class NotUndoableError(DomainError):
    """The decision was undone before, or is itself an undo."""

    def __init__(self, decision_id: int) -> None:
        super().__init__("This decision has been undone already.")
        self.decision_id = decision_id


class AnsweredSinceError(DomainError):
    """Somebody else answered the proposal after this decision passed it on."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(
            "Somebody else has answered this since, so your decision can no longer be taken back. "
            "Tell the project lead if it was a mistake."
        )
        self.decision_id = decision_id


class NotWaitingError(DomainError):
    """A proposal does not wait for a lead."""

    def __init__(self, proposal_id: int) -> None:
        super().__init__("This question does not wait for a lead. Reload the page.")
        self.proposal_id = proposal_id


class PickAnsweredError(DomainError):
    """Somebody else answered the proposal that a pick has made."""

    def __init__(self, proposal_id: int) -> None:
        super().__init__(
            "Somebody else has answered about the category that you picked, so your decision can no "
            "longer be taken back. Tell the project lead if it was a mistake."
        )
        self.proposal_id = proposal_id


class PartOfPickError(DomainError):
    """The yes was given together with a no that picked its category."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(
            "This yes was given with a no that picked its category. Undo that no, and both go."
        )
        self.decision_id = decision_id


class GridNotAllowedError(DomainError):
    """The category may not be labeled a page at a time."""

    def __init__(self, category_id: int) -> None:
        super().__init__(
            "This category may not be labeled as a grid: its answers are too uncertain, or the lead "
            "has changed the limits. Label it one at a time."
        )
        self.category_id = category_id


class KeyReusedError(DomainError):
    """One idempotency key came with two different requests."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "The idempotency key {key!r} was used for a different request. "
            "Use a new key for each new decision, and the same key only to retry.",
            key=key,
        )
        self.key = key


class Later:
    """What a refusal has that holds for a while only: when to come back."""

    seconds: int


class TooManyAttemptsError(Later, DomainError):
    """Sign-in is refused for a while."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "Too many failed sign-ins. Wait {seconds} seconds and try again.", seconds=seconds
        )
        self.seconds = seconds


class BusyError(Later, DomainError):
    """As many requests are decoded as this process can."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "The server is busy with other pictures. Wait {seconds} seconds and send yours again.",
            seconds=seconds,
        )
        self.seconds = seconds


class NoSpaceError(Later, DomainError):
    """The disk is nearly full."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "The server's disk is nearly full, so it takes no more pictures; all else goes on. Tell "
            "the operator, and send them again when there is space."
        )
        self.seconds = seconds


class QuotaSpentError(Later, DomainError):
    """A token has brought as much as it may in a day."""

    def __init__(self, what: str, most: int, seconds: int) -> None:
        super().__init__(
            "This token may bring {most} {what} a day, and with this request it would be more. The "
            "next day begins in {seconds} seconds (UTC); or ask the operator for a larger quota.",
            most=f"{most:,}",
            what=what,
            seconds=seconds,
        )
        self.seconds = seconds


class TooManyUploadsError(Later, DomainError):
    """A user has as many unfinished uploads as one may."""

    def __init__(self, most: int, seconds: int = 60) -> None:
        super().__init__(
            "You have {most} unfinished uploads. Finish or delete one, then begin another.",
            most=most,
        )
        self.seconds = seconds


class UploadBusyError(DomainError):
    """Another request adds to the upload."""

    def __init__(self) -> None:
        super().__init__(
            "Another request sends to this upload. Wait a moment, ask for its offset, and go on there."
        )


class UploadOffsetError(DomainError):
    """The bytes do not follow what is there; `offset` says where to go on."""

    def __init__(self, offset: int) -> None:
        super().__init__("The upload has {offset} bytes. Go on there.", offset=offset)
        self.offset = offset


class TusVersionError(DomainError):
    """The client speaks another version of the upload protocol."""

    def __init__(self, version: str) -> None:
        super().__init__(
            "Uploads follow tus {version}: send that as Tus-Resumable.", version=version
        )


class MediaTypeError(DomainError):
    """The body is of another kind than the route takes."""

    def __init__(self, wanted: str) -> None:
        super().__init__("Send the bytes as {wanted} in Content-Type.", wanted=wanted)


class TooLargeError(DomainError):
    """The request is larger than this server takes."""


class BeyondTheEndError(DomainError):
    """A range of bytes begins where the picture has ended."""

    def __init__(self, size: int) -> None:
        super().__init__(
            "This has {size} bytes; ask for a range that begins within them.", size=size
        )
        self.size = size


class SyncUnderWayError(DomainError):
    """A worker is at this location already."""

    def __init__(self, location: str, batch_id: int) -> None:
        super().__init__(
            "{location} is being synced already, as batch {batch}. Wait until that is done, or "
            "cancel it.",
            location=location,
            batch=batch_id,
        )
        self.batch_id = batch_id


class ImportRefusedError(DomainError):
    """What was sent to be imported cannot be read as a whole; `reason` names why for programs."""

    def __init__(self, reason: str, text: str, **values: object) -> None:
        super().__init__(text, **values)
        self.reason = reason


class FilterAtWorkError(DomainError):
    """One coarse filter of a project is made at a time."""

    def __init__(self) -> None:
        super().__init__(
            "A coarse filter is being made already. Wait until it has scored the pool, then try again."
        )


class FilterNotReadyError(DomainError):
    """A coarse filter cannot be trained as things stand; `reasons` are sentences."""

    def __init__(self, reasons: list[Sentence]) -> None:
        super().__init__(" ".join(map(str, reasons)))
        self.sentences = tuple(reasons)


class StaleAttemptError(DomainError):
    """A worker tried to publish for a job that another attempt has taken over."""

    def __init__(self, job_id: int, attempt: int) -> None:
        super().__init__(
            "Attempt {attempt} of job {job} was taken over; its result is dropped.",
            attempt=attempt,
            job=job_id,
        )
        self.job_id = job_id
        self.attempt = attempt
