"""Ways to reach people, who is on duty, each site's times of digest and test, proofs of the channels, and the site that a message is about"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('contacts',
    sa.Column('user', sa.String(length=64), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('user', name=op.f('pk_contacts'))
    )
    op.create_table('rosters',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('shift', sa.String(length=64), nullable=False),
    sa.Column('first', sa.String(length=10), nullable=False),
    sa.Column('last', sa.String(length=10), nullable=False),
    sa.Column('user', sa.String(length=64), nullable=False),
    sa.Column('set_by', sa.Text(), nullable=False),
    sa.Column('set_us', sa.BigInteger(), nullable=False),
    sa.Column('ended_by', sa.Text(), nullable=False),
    sa.Column('ended_us', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rosters'))
    )
    op.create_index('ix_rosters_site', 'rosters', ['site', 'last'])
    op.create_table('notification_settings',
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('changed_by', sa.Text(), nullable=False),
    sa.Column('changed_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_notification_settings'))
    )
    op.create_table('channel_proofs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('channel', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=80), nullable=False),
    sa.Column('asked_us', sa.BigInteger(), nullable=False),
    sa.Column('received_us', sa.BigInteger(), nullable=True),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_channel_proofs'))
    )
    op.create_index('ix_channel_proofs_channel', 'channel_proofs', ['channel', 'kind', 'id'])
    op.add_column('notifications', sa.Column('site', sa.String(length=64), nullable=False, server_default=''))
    op.create_index('ix_notifications_site', 'notifications', ['site', 'id'])


def downgrade() -> None:
    op.drop_index('ix_notifications_site', 'notifications')
    op.drop_column('notifications', 'site')
    for name in ('channel_proofs', 'notification_settings', 'rosters', 'contacts'):
        op.drop_table(name)
