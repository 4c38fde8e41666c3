# The edge agent alone, with base dependencies only: what a Raspberry Pi runs. Devices are handed in: docker run --device /dev/ttyUSB0 --group-add dialout
FROM python:3.11.14-slim-bookworm AS installed
WORKDIR /build
RUN python -m venv /opt/oshwatch
COPY requirements/base.txt requirements/base.txt
RUN /opt/oshwatch/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY . .
RUN /opt/oshwatch/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/oshwatch-edge oshwatch-edge
COPY --from=installed /opt/oshwatch /opt/oshwatch
ENV PATH=/opt/oshwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /var/lib/oshwatch-edge
# The agent commits to its outbox at every tick: a database that has not been touched for a while means that it stands still.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import pathlib, sys, time; sys.exit(not any(time.time() - p.stat().st_mtime < 120 for p in pathlib.Path('/var/lib/oshwatch-edge').rglob('*.db*')))"]
ENTRYPOINT ["oshwatch-edge"]
CMD ["run", "--config", "/etc/oshwatch/agent.yaml"]
