"""Ended shifts that were computed: when, and which are to be compared once more"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('assessed_shifts',
    sa.Column('zone', sa.String(length=128), nullable=False),
    sa.Column('shift_date', sa.String(length=10), nullable=False),
    sa.Column('shift_name', sa.String(length=64), nullable=False),
    sa.Column('start_us', sa.BigInteger(), nullable=False),
    sa.Column('stop_us', sa.BigInteger(), nullable=False),
    sa.Column('computed_us', sa.BigInteger(), nullable=False),
    sa.Column('again_us', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('zone', 'shift_date', 'shift_name', name=op.f('pk_assessed_shifts'))
    )
    op.create_index('ix_assessed_shifts_again', 'assessed_shifts', ['again_us'])
    op.execute(
        'INSERT INTO assessed_shifts (zone, shift_date, shift_name, start_us, stop_us, computed_us) '
        'SELECT zone, shift_date, shift_name, min(shift_start_us), max(shift_stop_us), max(computed_us) FROM verdicts WHERE final GROUP BY zone, shift_date, shift_name'
    )


def downgrade() -> None:
    op.drop_table('assessed_shifts')
