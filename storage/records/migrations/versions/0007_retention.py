"""How long readings are kept, and what is held"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('retention_rules',
    sa.Column('id', ID, nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('quantity', sa.String(length=64), nullable=False),
    sa.Column('readings_days', sa.Integer(), nullable=False),
    sa.Column('minutes_days', sa.Integer(), nullable=False),
    sa.Column('set_us', sa.BigInteger(), nullable=False),
    sa.Column('set_by', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retention_rules'))
    )
    op.create_table('holds',
    sa.Column('id', ID, nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('start_us', sa.BigInteger(), nullable=False),
    sa.Column('stop_us', sa.BigInteger(), nullable=False),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('placed_us', sa.BigInteger(), nullable=False),
    sa.Column('placed_by', sa.Text(), nullable=False),
    sa.Column('released_us', sa.BigInteger(), nullable=True),
    sa.Column('released_by', sa.Text(), nullable=False),
    sa.Column('release_reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_holds'))
    )
    op.create_index('ix_holds_site', 'holds', ['site'])


def downgrade() -> None:
    op.drop_table('holds')
    op.drop_table('retention_rules')
