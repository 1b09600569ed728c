# The image that `make image` writes, made with Docker: the same files in the same three layers. docker build -t podwire .
FROM debian:13 AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc git libc6-dev make nodejs npm openssl
WORKDIR /podwire
COPY . .
RUN make image && node_modules/node-linux-*/bin/node build/image/main.ts --layers /layers && \
    for layer in 0 1 2; do mkdir "/$layer" && tar -xf "/layers/$layer.tar" -C "/$layer"; done

FROM scratch
COPY --from=build /0 /
COPY --from=build /1 /
COPY --from=build /2 /
ENV PATH=/usr/local/bin MALLOC_ARENA_MAX=1
ENTRYPOINT ["/usr/local/bin/node", "--max-old-space-size=64", "--max-semi-space-size=1", "--optimize-for-size", "/opt/podwire/agent/podwire-agent.mjs"]
