"""How often an alert came back while it was open"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('alert_states', sa.Column('excursions', sa.Integer(), nullable=False, server_default='1'))


def downgrade() -> None:
    op.drop_column('alert_states', 'excursions')
