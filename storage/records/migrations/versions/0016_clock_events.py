"""The clock events of each boot, so that what comes after a restart of ingest is re-timed as well"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('clock_events',
    sa.Column('agent', sa.String(length=64), nullable=False),
    sa.Column('boot', sa.String(length=64), nullable=False),
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('offset_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('agent', 'boot', 'seq', name=op.f('pk_clock_events'))
    )


def downgrade() -> None:
    op.drop_table('clock_events')
