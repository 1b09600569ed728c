# Every target sets up what it needs by itself (build/setup.sh) and can be the first one typed in a fresh clone.
machine := $(shell uname -m)
node = node_modules/node-linux-$(subst aarch64,arm64,$(subst x86_64,x64,$(machine)))/bin/node
# What belongs to root and to administrators' programs is not on every user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help demo test build bench check clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

demo: ## the main job in throw-away namespaces: both walkthroughs, each command shown and checked
	@sh build/setup.sh npm native network
	@sh build/plugins.sh
	@$(node) test/untouched.ts sh demo/run.sh

test: ## every check that needs no cluster; the last line is `N passed, N failed`
	@sh build/setup.sh npm native network
	@$(node) test/run.ts

build: ## dist/cni: the plugins, one static binary under each name
	@sh build/setup.sh npm native
	@sh build/plugins.sh

bench: ## side by side with the Go reference plugins; figures to dist/bench.json
	@sh build/setup.sh npm native network
	@sh build/plugins.sh
	@$(node) test/untouched.ts $(node) bench/run.ts

check: ## format, lint, types and import arrows
	@sh build/setup.sh npm
	@node_modules/.bin/biome check --error-on-warnings .
	@sh build/typecheck.sh
	@$(node) build/arrows.ts

clean: ## removes what was built; ~/.cache/podwire, where the engine is kept, stays
	rm -rf dist
