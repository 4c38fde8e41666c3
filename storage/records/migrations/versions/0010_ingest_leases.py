"""Which ingest worker owns which slot of the agents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ingest_workers',
    sa.Column('token', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token', name=op.f('pk_ingest_workers'))
    )
    op.create_table('ingest_leases',
    sa.Column('slot', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('slots', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.BigInteger(), nullable=False),
    sa.Column('token', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('since_us', sa.BigInteger(), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('slot', name=op.f('pk_ingest_leases'))
    )


def downgrade() -> None:
    op.drop_table('ingest_leases')
    op.drop_table('ingest_workers')
