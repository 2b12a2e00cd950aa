# fgcodec on an NVIDIA GPU. Not built or run yet: no container engine was at hand (docs/development.md).
# Removal runs on the GPU with --backend cuda, which has not been tried yet either.
# CUDA and cuDNN come as wheels with onnxruntime-gpu; the host needs a driver for CUDA 13 and the
# NVIDIA container toolkit. Publishing an image means distributing x264, x265 and NVIDIA's
# libraries (docs/legal.md).
#   docker build -f docker/gpu.Dockerfile -t fgcodec:gpu .
#   docker run --rm --gpus all -v "$PWD:/media" fgcodec:gpu encode in.mov

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY models models
COPY plugins plugins
COPY filmgrain_codec filmgrain_codec
RUN python -m venv /opt/fgcodec \
    && /opt/fgcodec/bin/pip install --no-cache-dir -c constraints.txt ".[gpu]"

FROM python:3.12-slim
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build /opt/fgcodec /opt/fgcodec
COPY LICENSE NOTICE docs/legal.md /usr/share/doc/fgcodec/
RUN useradd --create-home --uid 1000 fgcodec \
    && ln -s /opt/fgcodec/bin/fgcodec /usr/local/bin/fgcodec \
    && chown fgcodec /media
USER fgcodec
WORKDIR /media
ENTRYPOINT ["fgcodec"]
CMD ["--help"]
