# The command with all that it trains with, on a machine with an NVIDIA GPU and its container toolkit:
#
#   docker build --tag equipoise .
#   docker run --rm --gpus all --shm-size 2g --user "$(id -u):$(id -g)" --volume "$PWD:/data" equipoise demo
#
# Without --gpus it trains on CPUs. PyTorch of PyPI brings its own CUDA libraries: the host needs only the driver.
FROM python:3.12-slim

# Triton compiles with a C compiler where `torch_compile` is asked for.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml constraints.txt README.md LICENSE NOTICE /source/
COPY src /source/src
RUN pip install --no-cache-dir --constraint /source/constraints.txt "/source[all]"

# Whoever runs it, what is cached has a folder that can be written; mount one there to keep models between runs.
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["equipoise"]
CMD ["--help"]
