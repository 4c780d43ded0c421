"""What each page shows: one frozen dataclass a page, compared with its template by a test.

Templates only place these values: numbers are already text.
"""

from .categories import CategoriesPage, CategoryPage
from .category_changes import CategoryChangesPage, ChangeCategoryPage
from .entry import ErrorPage, HomePage, PreferencesPage, SignInPage
from .events import EventsPage
from .filters import FilterPage
from .imports import ImportPage, ImportsPage
from .leaks import LeaksPage
from .maps import MapPage
from .near_duplicates import DuplicatesPage
from .pool import BatchReportPage, PoolPage
from .project import LeadPage
from .quality import AdjudicatePage, QualityPage
from .rounds import ComparePage, RoundPage
from .seat import GridPage, LabelPage
from .setup import CategoryFormPage, CategoryListPage, NewProjectPage
from .takedowns import TakedownsPage
from .versions import VersionDiffPage, VersionPage, VersionsPage
from .webhooks import WebhooksPage

Page = (
    SignInPage
    | ErrorPage
    | HomePage
    | PreferencesPage
    | LabelPage
    | GridPage
    | LeadPage
    | NewProjectPage
    | CategoryListPage
    | CategoryFormPage
    | RoundPage
    | ComparePage
    | MapPage
    | FilterPage
    | CategoriesPage
    | CategoryPage
    | ChangeCategoryPage
    | CategoryChangesPage
    | DuplicatesPage
    | QualityPage
    | AdjudicatePage
    | VersionsPage
    | VersionPage
    | VersionDiffPage
    | WebhooksPage
    | EventsPage
    | ImportsPage
    | ImportPage
    | PoolPage
    | LeaksPage
    | BatchReportPage
    | TakedownsPage
)
