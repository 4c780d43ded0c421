"""What may be wrong with a member of a crawler's archive, or with the archive itself."""

from enum import StrEnum


class Fault(StrEnum):
    """Why a member is not looked at; the last three end the archive."""

    UNSAFE_PATH = "unsafe_path"
    NO_FILE = "no_file"
    NESTED_ARCHIVE = "nested_archive"
    ENCRYPTED = "encrypted"
    DAMAGED_MEMBER = "damaged_member"
    INVALID_SIDECAR = "invalid_sidecar"
    ENDS_EARLY = "ends_early"
    BOMB = "bomb"
    TOO_MANY = "too_many"


SENTENCES = {
    Fault.UNSAFE_PATH: "Its name leads out of the archive. Pack it with a relative path.",
    Fault.NO_FILE: "It is a link or a device, and no file.",
    Fault.NESTED_ARCHIVE: "It is an archive within the archive. Send it by itself.",
    Fault.ENCRYPTED: "It is encrypted. Pack it without a password.",
    Fault.DAMAGED_MEMBER: "It is damaged in the archive. Pack it again.",
    Fault.INVALID_SIDECAR: "What lies beside it cannot be read, so its source would be lost.",
    Fault.ENDS_EARLY: "The archive is damaged here or ends too early. All before this was taken; "
    "send it again for the rest.",
    Fault.BOMB: "From here on the archive unpacks to far more than it has. All before was taken.",
    Fault.TOO_MANY: "The archive has too many files. All before this was taken; send the rest in "
    "another one.",
}
