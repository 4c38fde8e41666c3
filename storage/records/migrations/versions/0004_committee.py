"""The joint committee's subjects and journal"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('committee_subjects',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('about', sa.String(length=400), nullable=False),
    sa.Column('opened_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_committee_subjects')),
    sa.UniqueConstraint('kind', 'about', name=op.f('uq_committee_subjects_kind'))
    )
    op.create_index('ix_committee_subjects_site', 'committee_subjects', ['site', 'kind', 'opened_us'], unique=False)
    op.create_table('committee_journal',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('entry', sa.String(length=32), nullable=False),
    sa.Column('recorded_us', sa.BigInteger(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('inspector_only', sa.Boolean(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_committee_journal'))
    )
    op.create_index('ix_committee_journal_site', 'committee_journal', ['site', 'id'], unique=False)
    op.create_index('ix_committee_journal_subject', 'committee_journal', ['subject', 'id'], unique=False)


def downgrade() -> None:
    op.drop_table('committee_journal')
    op.drop_table('committee_subjects')
