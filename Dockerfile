# Images from one file: `service` answers requests on a CPU, `gpu` on an Nvidia GPU, `training` makes what they serve.
#
#   docker build --target service  -t convscope .
#   docker build --target gpu      -t convscope-gpu .
#   docker build --target training -t convscope-training .
#
# Every package is held against the hashes in deploy/locks; `make lock` renews them.

# PyTorch's wheel that lies on the machine, for the training image: docker build --build-context wheels=FOLDER.
# Without it, pip takes PyTorch from its package index, which on Linux is the build with CUDA.
FROM scratch AS wheels

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
# npm fetches the page's dependencies through Node's own certificates unless told otherwise.
ENV NODE_OPTIONS=--use-system-ca PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/cache/pip NPM_CONFIG_CACHE=/cache/npm
RUN --mount=type=cache,target=/cache/pip --mount=type=bind,source=deploy/locks,target=/locks \
    python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r /locks/build.txt
ENV PATH=/opt/build/bin:$PATH
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY training training
RUN --mount=type=cache,target=/cache/pip --mount=type=cache,target=/cache/npm \
    pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .
COPY deploy/sbom.py ./

FROM python:3.11-slim-bookworm AS install
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/cache/pip PIP_PYTHON=/opt/convscope/bin/python
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/convscope

FROM install AS install-service
RUN --mount=type=cache,target=/cache/pip --mount=type=bind,source=deploy,target=/deploy \
    pip install --no-compile --require-hashes -r /deploy/locks/service.txt && sh /deploy/slim.sh
RUN --mount=type=bind,from=build,source=/wheel,target=/wheel pip install --no-compile --no-deps /wheel/*.whl

FROM install AS install-gpu
RUN --mount=type=cache,target=/cache/pip --mount=type=bind,source=deploy,target=/deploy \
    pip install --no-compile --require-hashes -r /deploy/locks/gpu.txt && sh /deploy/slim.sh
RUN --mount=type=bind,from=build,source=/wheel,target=/wheel pip install --no-compile --no-deps /wheel/*.whl

FROM install AS install-training
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=bind,source=deploy/locks,target=/locks \
    --mount=type=cache,target=/cache/pip \
    if ls /wheels/torch-*.whl 2>/dev/null; then pip install --no-compile --no-deps --no-index --find-links /wheels torch; \
    else pip install --no-compile --require-hashes -r /locks/torch.txt; fi \
    && pip install --no-compile --require-hashes -r /locks/training.txt
RUN --mount=type=bind,from=build,source=/wheel,target=/wheel pip install --no-compile --no-deps /wheel/*.whl

FROM build AS sbom-service
RUN --mount=type=bind,from=install-service,source=/opt/convscope,target=/opt/convscope python sbom.py > /sbom.json
FROM build AS sbom-gpu
RUN --mount=type=bind,from=install-gpu,source=/opt/convscope,target=/opt/convscope python sbom.py > /sbom.json
FROM build AS sbom-training
RUN --mount=type=bind,from=install-training,source=/opt/convscope,target=/opt/convscope python sbom.py > /sbom.json

FROM python:3.11-slim-bookworm AS base
LABEL org.opencontainers.image.title=Convscope org.opencontainers.image.licenses=Apache-2.0 \
    org.opencontainers.image.description="A model server you can see through"
RUN useradd --uid 10001 --no-create-home --home-dir /tmp convscope && install -d -o convscope -g convscope /models /feedback /downloads
# A new volume that is mounted at /models starts as a copy of the published models.
COPY --chown=convscope:convscope models /models
ENV PATH=/opt/convscope/bin:$PATH PYTHONUNBUFFERED=1 CONVSCOPE_MODELS=/models
WORKDIR /tmp
ENTRYPOINT ["convscope"]

FROM base AS training
COPY --from=install-training /opt/convscope /opt/convscope
COPY --from=sbom-training /sbom.json /usr/share/convscope/sbom.json
# Exports a network once, for the same reasons as the service's image serves once.
RUN convscope init rehearsal --network lenet5 --height 28 --width 28 --channels 1 --models /tmp/models && rm -rf /tmp/*
ENV PYTHONDONTWRITEBYTECODE=1
USER convscope
CMD ["train"]

FROM base AS serving
ENV CONVSCOPE_HOST=0.0.0.0 CONVSCOPE_PORT=8000
EXPOSE 8000
COPY deploy/ready /usr/local/bin/
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=2 CMD ["ready"]
CMD ["serve"]

FROM serving AS gpu
COPY --from=install-gpu /opt/convscope /opt/convscope
COPY --from=sbom-gpu /sbom.json /usr/share/convscope/sbom.json
RUN --mount=type=bind,source=deploy/rehearse,target=/rehearse bash /rehearse
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility PYTHONDONTWRITEBYTECODE=1
USER convscope

FROM serving AS service
COPY --from=install-service /opt/convscope /opt/convscope
COPY --from=sbom-service /sbom.json /usr/share/convscope/sbom.json
RUN --mount=type=bind,source=deploy/rehearse,target=/rehearse bash /rehearse
ENV PYTHONDONTWRITEBYTECODE=1
USER convscope
