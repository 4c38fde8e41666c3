"""The index of open alerts, in the words in which SQLite is asked"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_alert_states_open', 'alert_states')
    op.create_index('ix_alert_states_open', 'alert_states', ['raised_id'], sqlite_where=sa.text('open = 1'), postgresql_where=sa.text('open'))


def downgrade() -> None:
    op.drop_index('ix_alert_states_open', 'alert_states')
    op.create_index('ix_alert_states_open', 'alert_states', ['raised_id'], sqlite_where=sa.text('open'), postgresql_where=sa.text('open'))
