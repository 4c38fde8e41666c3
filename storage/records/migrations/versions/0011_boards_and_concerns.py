"""Boards of the zones, and sealed concerns"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('boards',
    sa.Column('zone', sa.String(length=128), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('zone', name=op.f('pk_boards')),
    sa.UniqueConstraint('code', name=op.f('uq_boards_code'))
    )
    op.create_index('ix_boards_site', 'boards', ['site'], unique=False)
    op.create_table('board_settings',
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('changed_by', sa.Text(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_board_settings'))
    )
    op.create_table('concern_keys',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('side', sa.String(length=16), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('made_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_concern_keys'))
    )
    op.create_index('ix_concern_keys_site', 'concern_keys', ['site', 'side', 'id'], unique=False)
    op.create_table('concerns',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('for_worker_side', sa.LargeBinary(), nullable=False),
    sa.Column('for_inspectorate', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_concerns')),
    sqlite_with_rowid=False
    )
    op.create_index('ix_concerns_site', 'concerns', ['site', 'month'], unique=False)
    op.create_table('concern_releases',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('released_by', sa.Text(), nullable=False),
    sa.Column('released_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_concern_releases'))
    )
    op.create_index('ix_concern_releases_site', 'concern_releases', ['site', 'month'], unique=False)


def downgrade() -> None:
    for name in ('concern_releases', 'concerns', 'concern_keys', 'board_settings', 'boards'):
        op.drop_table(name)
