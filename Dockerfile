# One image for every program: `device-manager operator`, `api`, `monitor` and `migrate`.
#
# Two stages. The first installs the pinned and hashed requirements and the project's own wheel into /app; it
# needs a package index and nothing else. The second is the bare interpreter with /app, run by an unprivileged
# user, and works on a read-only root file system: nothing writes but standard output.
# tests/integration/test_image.py performs these steps without a container engine.

# The newest interpreter that the test suite runs on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /app && /app/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
RUN python -m venv /tools && /tools/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY operator/ operator/
COPY api/ api/
RUN /tools/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist .
RUN /app/bin/python -m pip install --no-cache-dir --no-deps --no-index --find-links /dist device-manager
RUN /app/bin/python -m compileall -q /app/lib && /app/bin/python -m pip uninstall --yes --quiet pip setuptools

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="device-manager" \
      org.opencontainers.image.description="A device registry for IoT that is run the Kubernetes way" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 5000 9090
ENTRYPOINT ["device-manager"]
CMD ["--help"]
