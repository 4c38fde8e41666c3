"""What each boot sent with a wrong clock"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('unsynchronised',
    sa.Column('agent', sa.String(length=64), nullable=False),
    sa.Column('boot', sa.String(length=64), nullable=False),
    sa.Column('spans', sa.Text(), nullable=False),
    sa.Column('offset_us', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('agent', 'boot', name=op.f('pk_unsynchronised'))
    )


def downgrade() -> None:
    op.drop_table('unsynchronised')
