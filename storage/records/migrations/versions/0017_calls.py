"""How often people were called for an alert: an alarm that an earlier call had named is none. Kept days do not know and are added up anew"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('alert_states', sa.Column('calls', sa.Integer(), server_default='1', nullable=False))
    op.execute("UPDATE alert_states SET calls = excursions WHERE excursions <> 1")
    op.execute("DELETE FROM alarm_days")


def downgrade() -> None:
    op.drop_column('alert_states', 'calls')
