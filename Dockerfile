# syntax=docker/dockerfile:1
# Builds the gateway, and an image that has only what runs: no shell, no npm, no compiler.
#
#   docker build -t pictograph .
#   docker run -p 8080:8080 -v pictograph:/data -e PICTOGRAPH_ADMIN_KEY=… --read-only pictograph
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && deploy/image/assemble.sh /image

FROM gcr.io/distroless/nodejs24-debian12:nonroot
COPY --from=build --chown=0:0 /image/app /app
COPY --from=build --chown=65532:65532 --chmod=700 /image/data /data
WORKDIR /app
# The gateway listens on every address of the container. It does not start before PICTOGRAPH_ADMIN_KEY is set, or
# PICTOGRAPH_OPEN=true. Uploads are kept beside the data while they arrive, so the root file system can be read-only.
# A user without an entry in /etc/passwd, as some clusters choose, has no home directory unless HOME names one.
# MALLOC_ARENA_MAX and the flags of the entry point keep memory small under load. docs/running.md explains them.
ENV MALLOC_ARENA_MAX=1 NODE_ENV=production HOST=0.0.0.0 PICTOGRAPH_DATA_DIR=/data TMPDIR=/data HOME=/data
VOLUME /data
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --start-interval=1s \
  CMD ["/nodejs/bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=60", "--no-maglev-destroy-on-background", "/app/dist/main.js"]
