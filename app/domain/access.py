"""Who may do what: a token's scope and a member's role must both allow it."""

from enum import StrEnum


class Role(StrEnum):
    """What a member is in a project."""

    LEAD = "lead"
    LABELER = "labeler"


class Scope(StrEnum):
    """What a token may be used for. A browser session has all of them."""

    INGEST = "ingest"
    LABEL = "label"
    LEAD = "lead"


class Right(StrEnum):
    """What a route asks for."""

    READ = "read"
    LABEL = "label"
    INGEST = "ingest"
    LEAD = "lead"


# (right) -> (roles that have it, scopes that carry it)
RULES: dict[Right, tuple[frozenset[Role], frozenset[Scope]]] = {
    Right.READ: (frozenset(Role), frozenset(Scope)),
    Right.LABEL: (frozenset(Role), frozenset({Scope.LABEL})),
    Right.INGEST: (frozenset({Role.LEAD}), frozenset({Scope.INGEST, Scope.LEAD})),
    Right.LEAD: (frozenset({Role.LEAD}), frozenset({Scope.LEAD})),
}


def allowed(right: Right, role: Role, scopes: frozenset[Scope]) -> bool:
    """Whether a member with `role`, calling with `scopes`, has `right`."""
    roles, carriers = RULES[right]
    return role in roles and bool(scopes & carriers)
