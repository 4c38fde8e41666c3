"""What late data touched: a row a commit, however many channels it brings"""

from __future__ import annotations

import json
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_old = sa.table('touched', sa.column('id'), sa.column('channel'), sa.column('start_us'), sa.column('stop_us'), sa.column('arrived_us'))
_new = sa.table('touched_batches', sa.column('id'), sa.column('arrived_us'), sa.column('body', sa.LargeBinary))


def upgrade() -> None:
    op.create_table('touched_batches',
    sa.Column('id', _ID, nullable=False),
    sa.Column('arrived_us', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_touched_batches'))
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(_old).order_by(_old.c.id)).all()
    for arrived_us, some in groupby(rows, key=lambda row: row.arrived_us):
        body = json.dumps([[row.channel, row.start_us, row.stop_us] for row in some]).encode()
        connection.execute(_new.insert(), {'arrived_us': arrived_us, 'body': body})
    op.drop_table('touched')


def downgrade() -> None:
    op.create_table('touched',
    sa.Column('id', _ID, nullable=False),
    sa.Column('channel', sa.String(length=255), nullable=False),
    sa.Column('start_us', sa.BigInteger(), nullable=False),
    sa.Column('stop_us', sa.BigInteger(), nullable=False),
    sa.Column('arrived_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_touched'))
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(_new).order_by(_new.c.id)).all():
        spans = [{'channel': channel, 'start_us': start_us, 'stop_us': stop_us, 'arrived_us': row.arrived_us} for channel, start_us, stop_us in json.loads(row.body)]
        connection.execute(_old.insert(), spans)
    op.drop_table('touched_batches')
