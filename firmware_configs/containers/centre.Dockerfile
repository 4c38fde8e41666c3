# The centre, its tools and the simulator. Build from the project's root: docker build -f firmware_configs/containers/centre.Dockerfile .
FROM node:22.20.0-bookworm-slim AS pages
WORKDIR /build/console/frontend
COPY console/frontend/package.json console/frontend/package-lock.json ./
RUN npm ci --ignore-scripts
COPY console/frontend/ ./
RUN npm run build

FROM python:3.11.14-slim-bookworm AS installed
WORKDIR /build
RUN python -m venv /opt/oshwatch
COPY requirements/run.txt requirements/run.txt
RUN /opt/oshwatch/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
COPY --from=pages /build/console/static/built console/static/built
RUN /opt/oshwatch/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/oshwatch oshwatch
COPY --from=installed /opt/oshwatch /opt/oshwatch
ENV PATH=/opt/oshwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OSHWATCH_DATA_DIR=/var/lib/oshwatch
USER 10001
VOLUME /var/lib/oshwatch
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["oshwatch"]
CMD ["serve"]
