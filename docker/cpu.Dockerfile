# fgcodec on a CPU. Not built or run yet: no container engine was at hand (docs/development.md).
# Publishing an image means distributing x264 and x265 (docs/legal.md).
#   docker build -f docker/cpu.Dockerfile -t fgcodec .
#   docker run --rm -v "$PWD:/media" fgcodec encode in.mov

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY models models
COPY plugins plugins
COPY filmgrain_codec filmgrain_codec
RUN python -m venv /opt/fgcodec \
    && /opt/fgcodec/bin/pip install --no-cache-dir -c constraints.txt ".[cpu]"

FROM python:3.12-slim
COPY --from=build /opt/fgcodec /opt/fgcodec
COPY LICENSE NOTICE docs/legal.md /usr/share/doc/fgcodec/
RUN useradd --create-home --uid 1000 fgcodec \
    && ln -s /opt/fgcodec/bin/fgcodec /usr/local/bin/fgcodec \
    && chown fgcodec /media
USER fgcodec
WORKDIR /media
ENTRYPOINT ["fgcodec"]
CMD ["--help"]
