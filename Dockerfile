# Two images from one file: `service` answers requests, `training` makes what it serves.
#
#   docker build --target service  -t convscope .
#   docker build --target training -t convscope-training .

# Wheels that lie on the machine, for the training image: docker build --build-context wheels=FOLDER.
# Without it, pip takes PyTorch from its package index, which on Linux is the build with CUDA.
FROM scratch AS wheels

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
# npm fetches the page's dependencies through Node's own certificates unless told otherwise.
ENV NODE_OPTIONS=--use-system-ca PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/cache/pip NPM_CONFIG_CACHE=/cache/npm
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY training training
RUN --mount=type=cache,target=/cache/pip --mount=type=cache,target=/cache/npm \
    pip wheel --no-deps --wheel-dir /wheel .
RUN --mount=type=cache,target=/cache/pip \
    python -m venv /opt/convscope && /opt/convscope/bin/pip install "$(ls /wheel/*.whl)[cpu]" \
    && find /opt/convscope -name __pycache__ -prune -exec rm -rf {} + \
    && rm -rf /opt/convscope/lib/python*/site-packages/onnx/backend/test \
    && /opt/convscope/bin/pip uninstall --yes pip setuptools

FROM build AS build-training
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=cache,target=/cache/pip \
    python -m venv /opt/training && /opt/training/bin/pip install --find-links /wheels "$(ls /wheel/*.whl)[cpu,training]"

FROM python:3.11-slim-bookworm AS base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp convscope && install -d -o convscope -g convscope /models /downloads
COPY --chown=convscope:convscope models /models
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CONVSCOPE_MODELS=/models
# A new volume that is mounted at /models starts as a copy of the published models.
USER convscope
WORKDIR /tmp
ENTRYPOINT ["convscope"]

FROM base AS training
COPY --from=build-training /opt/training /opt/training
ENV PATH=/opt/training/bin:$PATH
CMD ["train"]

FROM base AS service
COPY --from=build /opt/convscope /opt/convscope
ENV PATH=/opt/convscope/bin:$PATH CONVSCOPE_HOST=0.0.0.0 CONVSCOPE_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"CONVSCOPE_PORT\"]}/v2/health/ready')"]
CMD ["serve"]
