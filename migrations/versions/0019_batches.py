"""Batches of pictures, where candidates stand, and jobs of batches and of projects.

Revision: 0019
After: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KINDS = [
    "embed_pool",
    "train_round",
    "score_pool",
    "derive_pictures",
    "draw_map",
    "import_images",
]
_NEW_KINDS = ["ingest_archive", "fetch_addresses", "sync_location", "screen_pool"]


def _known(kinds: list[str]) -> None:
    name = op.f("ck_job_kind_known")
    op.drop_constraint(name, "job")
    op.create_check_constraint(name, "job", f"kind IN ({', '.join(map(repr, kinds))})")


def _owned(*columns: str) -> None:
    name = op.f("ck_job_one_owner")
    op.drop_constraint(name, "job")
    op.create_check_constraint(name, "job", f"num_nonnulls({', '.join(columns)}) = 1")


def upgrade() -> None:
    _batches()
    op.add_column(
        "candidate", sa.Column("standing", sa.Text(), server_default="new", nullable=False)
    )
    op.add_column("candidate", sa.Column("domain_score", sa.REAL(), nullable=True))
    op.create_check_constraint(
        op.f("ck_candidate_standing_known"),
        "candidate",
        "standing IN ('new', 'open', 'near_duplicate', 'quarantined')",
    )
    op.create_index(
        "ix_candidate_new",
        "candidate",
        ["project_id", "image_id"],
        postgresql_where=sa.text("standing = 'new'"),
    )
    op.add_column(
        "project", sa.Column("domain_threshold", sa.Float(), server_default="0.5", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_project_domain_threshold_range"),
        "project",
        "domain_threshold >= 0 AND domain_threshold <= 1",
    )
    for owner in ("batch", "project"):
        op.add_column("job", sa.Column(f"{owner}_id", sa.Integer(), nullable=True))
        op.create_foreign_key(op.f(f"fk_job_{owner}_id"), "job", owner, [f"{owner}_id"], ["id"])
    op.create_unique_constraint(op.f("uq_job_batch_id"), "job", ["batch_id"])
    op.create_index(
        "uq_job_project_id_kind",
        "job",
        ["project_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    _owned("round_id", "import_id", "batch_id", "project_id")
    _known([*_KINDS, *_NEW_KINDS])


def _batches() -> None:
    moment = sa.DateTime(timezone=True)
    count = {"server_default": "0", "nullable": False}
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), server_default="0", nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", moment, nullable=True),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), **count)
            for name in ("done", "received", "stored", "duplicate", "rejected")
        ),
        sa.Column("reasons", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.CheckConstraint(
            "kind IN ('upload', 'archive', 'addresses', 'sync')", name=op.f("ck_batch_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_batch_state_known"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_batch_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_batch_user_id")),
        sa.UniqueConstraint(
            "project_id",
            "user_id",
            "token_id",
            "day",
            name=op.f("uq_batch_project_id_user_id_token_id_day"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_project_id_id", "batch", ["project_id", "id"])
    op.create_index(
        "ix_batch_kept", "batch", ["state"], postgresql_where=sa.text("blob_key IS NOT NULL")
    )
    op.create_table(
        "batch_image",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('stored', 'duplicate')", name=op.f("ck_batch_image_outcome_known")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_image_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_batch_image_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "image_id", name=op.f("pk_batch_image")),
    )
    op.create_index(op.f("ix_batch_image_image_id"), "batch_image", ["image_id"])
    op.create_table(
        "batch_refusal",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_refusal_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_refusal")),
    )
    op.create_index(op.f("ix_batch_refusal_batch_id"), "batch_refusal", ["batch_id"])


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE batch_id IS NOT NULL OR project_id IS NOT NULL")
    _known(_KINDS)
    _owned("round_id", "import_id")
    op.drop_column("job", "project_id")
    op.drop_column("job", "batch_id")
    op.drop_column("project", "domain_threshold")
    op.drop_column("candidate", "domain_score")
    op.drop_column("candidate", "standing")
    op.drop_table("batch_refusal")
    op.drop_table("batch_image")
    op.drop_table("batch")
