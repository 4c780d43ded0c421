"""Screen what is new in a project's pool, while no round waits for this worker."""

from time import monotonic

from sqlalchemy.orm import Session

from app.db.session import database_now
from app.db.tables import Project
from app.usecases.run_jobs import step_waits
from workers.backbones import backbone_of
from workers.runner import Publish, Work
from workers.screening import Screening

# The longest that one job holds a worker: another project's pool and a lead's map get their turn.
TURN = 120.0  # seconds


def compute(work: Work) -> Publish:
    """Screen block by block. What is left when somebody waits is for the project's next job."""
    bench = work.bench
    with bench.sessions() as session:
        project = session.get_one(Project, work.claim.owner_id)
    began = monotonic()

    def may_go_on() -> bool:
        with bench.sessions() as session:
            waits = step_waits(session, database_now(session))
        return not waits and monotonic() - began < TURN

    Screening(work, project.id, backbone_of(project, bench.settings)).run(may_go_on)

    def publish(_session: Session, _project: Project) -> None:
        """Each block is published already."""

    return publish
