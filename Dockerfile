# Two images out of one file: `web` (web service, the workers without torch, `vetted` commands) carries no torch
# and stays small; `worker` adds torch for the compute queue. docker-compose.yml builds both.
#
# pip settings of your own, such as a mirror or a build of torch for CPUs only, come in as a secret
# and stay out of every layer:  docker build --secret id=pip,src=pip.conf --target worker .

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

# Third-party packages, pinned. Only these three files make them be installed again.
FROM base AS libraries
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/requirements.py ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv --without-pip /opt/vetted \
    && python requirements.py web > web.txt \
    && pip --python /opt/vetted/bin/python install -c constraints.txt -r web.txt

FROM libraries AS learning
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python requirements.py learning > learning.txt \
    && pip --python /opt/vetted/bin/python install -c constraints.txt -r learning.txt

FROM base AS package
WORKDIR /build
COPY . .
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip wheel --no-deps --wheel-dir /dist .

# What both images share. /data is created here because a new named volume takes over the owner
# and the folders of the place it is mounted at; uploads are spooled to /data/tmp, on disk.
FROM base AS runtime
RUN groupadd --gid 10001 vetted \
    && useradd --uid 10001 --gid vetted --no-create-home --home-dir /data --shell /usr/sbin/nologin vetted \
    && install -d -o vetted -g vetted /data /data/tmp
ENV PATH=/opt/vetted/bin:$PATH \
    TMPDIR=/data/tmp \
    VETTED_DATA_DIR=/data
WORKDIR /opt/vetted

# The libraries are one layer and the product a small one above: a new version moves only the latter.
FROM runtime AS worker
COPY --from=learning /opt/vetted /opt/vetted
RUN --mount=type=bind,from=package,source=/dist,target=/dist \
    pip --python /opt/vetted/bin/python install --no-deps /dist/*.whl
# Where torchvision keeps the weights it downloads.
ENV TORCH_HOME=/data/torch
USER 10001:10001
# No health check: a solo worker does not answer while it trains. Its heartbeats in the job table
# tell whether it lives, and `reconcile` queues again what a dead one held.
CMD ["celery", "-A", "workers.celery", "worker", "-Q", "compute", "-n", "compute@%h", "--pool=solo", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]

FROM runtime AS web
COPY --from=libraries /opt/vetted /opt/vetted
RUN --mount=type=bind,from=package,source=/dist,target=/dist \
    pip --python /opt/vetted/bin/python install --no-deps /dist/*.whl
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["uvicorn", "app.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--proxy-headers", "--timeout-graceful-shutdown", "10", "--timeout-keep-alive", "75"]
