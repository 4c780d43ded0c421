"""Why files of a batch were left out, in words."""

from collections.abc import Mapping

from app.domain.fetching import Reason
from app.web import imports
from app.web.words import marked

REASONS: Mapping[str, str] = {
    Reason.INVALID_ROW: marked("The row cannot be read."),
    "invalid_url": marked("The address cannot be used."),
    "invalid_author": marked("The author cannot be kept as it is."),
    "invalid_licence": marked("The licence cannot be kept as it is."),
    "invalid_tags": marked("The tags cannot be kept as they are."),
    "invalid_crawled_at": marked("The time of the crawl is no date with a time zone."),
    Reason.ADDRESS_REFUSED: marked("The address leads where this server does not go."),
    Reason.UNKNOWN_HOST: marked("There is no host of this name."),
    Reason.UNREACHABLE: marked("Nobody answers at this host."),
    Reason.CERTIFICATE: marked("The host's certificate does not prove its name."),
    Reason.TIMED_OUT: marked("The answer took too long."),
    Reason.BROKEN_ANSWER: marked("The answer broke off."),
    Reason.TOO_MANY_REQUESTS: marked("The host had enough of our requests."),
    Reason.UNAVAILABLE: marked("The host was not available."),
    Reason.SERVER_ERROR: marked("The host answered with an error of its own."),
    Reason.NOT_FOUND: marked("There is nothing at this address."),
    Reason.GONE: marked("What was at this address is gone for good."),
    Reason.FORBIDDEN: marked("The host does not give it to us."),
    Reason.OPTED_OUT: marked(
        "The host does not want it to be fetched by programs or learned from."
    ),
    Reason.REDIRECTS: marked("The address leads elsewhere too many times."),
    Reason.UNEXPECTED_ANSWER: marked("The host gave an answer that no picture comes with."),
    **imports.REASONS,
}
