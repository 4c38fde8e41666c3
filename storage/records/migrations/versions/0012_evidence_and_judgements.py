"""Evidence of a suspicion, and what a judgement of it rests on"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('suspects', sa.Column('evidence', sa.Text(), server_default='', nullable=False))
    op.add_column('alarm_feedback', sa.Column('is_over', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('alarm_feedback', sa.Column('is_checked', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column('alarm_feedback', 'is_checked')
    op.drop_column('alarm_feedback', 'is_over')
    op.drop_column('suspects', 'evidence')
