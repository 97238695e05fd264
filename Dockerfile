# One image for every process of the Procfile; docker-compose.yml says which runs what.
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/rekindle

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

# The program belongs to root and runs as somebody else, who may write to /state alone.
RUN groupadd --gid 10001 rekindle \
    && useradd --uid 10001 --gid rekindle --home-dir /nonexistent --no-create-home rekindle \
    && install --directory --owner rekindle --group rekindle --mode 0700 /state
COPY . .
ENV STATE_DIR=/state HOST=0.0.0.0
VOLUME /state
USER rekindle
