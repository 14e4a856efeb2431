# The runner, for machines that have no Python: docker build -t arazzo . && docker run --rm -v "$PWD:/work" arazzo --help
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY docs/how-documents-are-read.md docs/
COPY arazzo_runner arazzo_runner
RUN python -m venv /opt/arazzo \
    && /opt/arazzo/bin/pip install --no-cache-dir '.[compression,http2,socks]'

FROM python:3.13-slim
LABEL org.opencontainers.image.title="arazzo-workflow-runner" \
      org.opencontainers.image.description="Runs Arazzo workflows" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/arazzo-workflow-runner/arazzo-workflow-runner"
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin arazzo
COPY --from=build /opt/arazzo /opt/arazzo
ENV PATH="/opt/arazzo/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /work
ENTRYPOINT ["arazzo"]
CMD ["--help"]
