# Every target sets up what it needs by itself (build/setup.sh) and can be the first one typed in a fresh clone.
machine := $(shell uname -m)
node = node_modules/node-linux-$(subst aarch64,arm64,$(subst x86_64,x64,$(machine)))/bin/node
# Of a cluster, as e2e/README.md has them: those that were given.
given = $(foreach key,$(1),$(if $(filter-out undefined,$(origin $(key))),$(key)=$($(key))))
settings = $(call given,KUBERNETES NODES FAMILIES PROXY RUNTIME SEGB OFF MAXPODS NODEMASK)
export FOCUS
# What belongs to root and to administrators' programs is not on every user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help demo affected test soak build bench check clean upstream-tests ipam-kit runtimes cluster cluster-down conformance e2e e2e-kind kind kind-down image release release-twice release-notes publish version manifests docs diagrams promises plugin dev
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' Makefile

demo: ## both walkthroughs and a network of four nodes, in throw-away namespaces: every command with its output, checked
	@sh build/setup.sh npm native network
	@sh build/plugins.sh
	@sh build/agent.sh
	@$(node) test/untouched.ts sh demo/run.sh

test: ## every check that needs no cluster; ALL=1 runs every row of the longest table; ends with `N passed, N failed`
	@sh build/setup.sh npm native network faults chart lint registry
	@$(node) test/run.ts

soak: ## long versions of tests in `make test`: a fault at every system call, fuzzed input, storms with kills; INPUTS=N REPEATS=N; ends with `N passed, N failed`
	@sh build/setup.sh npm native network faults
	@sh build/plugins.sh
	@$(node) test/untouched.ts $(node) test/soak.ts

build: ## dist/cni: the plugins, one static binary under each name; dist/agent: the agent
	@sh build/setup.sh npm native
	@sh build/plugins.sh
	@sh build/agent.sh

bench: ## benchmarks against the Go reference plugins; figures in dist/bench.json
	@sh build/setup.sh npm native network
	@sh build/plugins.sh
	@$(node) test/untouched.ts $(node) bench/run.ts

ipam-kit: ## the cases of docs/ipam.md against the IPAM server at ADDRESS=unix:///PATH|http://IP:PORT; NETWORK is the one that it serves; ends with `N passed, N failed`
	@sh build/setup.sh npm
	@$(node) test/ipam-kit/main.ts '$(ADDRESS)' $(NETWORK)

upstream-tests: ## the reference plugins' own tests against dist/cni; SUITES='NAME…' selects; needs Go; ends with `N passed, N failed`
	@sh build/setup.sh npm native network bus
	@sh build/plugins.sh
	@$(node) test/untouched.ts $(node) test/upstream/main.ts $(SUITES) $(if $(RECORD),--record)

runtimes: ## critest on containerd, nerdctl and podman with dist/cni, every take-over from and to the reference plugins; needs Go; ends with `N passed, N failed`
	@sh build/setup.sh npm native network clients podman
	@sh build/plugins.sh
	@sh e2e/cluster/build.sh >/dev/null || echo 'runtimes: no containerd 2 here'
	@sh build/runtimes.sh >/dev/null || echo 'runtimes: no critest and no nerdctl here'
	@sh build/go-reference.sh >/dev/null || echo 'runtimes: no Go reference plugins here'
	@$(node) test/untouched.ts $(node) test/runtimes.ts

e2e: ## the chart in real clusters of network namespaces; SCENARIOS='NAME… KEY=VALUE…' selects; ends with `N passed, N failed`
	@sh build/setup.sh npm native network clients cluster chart registry
	@$(MAKE) --no-print-directory image
	@$(node) e2e/run.ts $(SCENARIOS)

cluster: ## start a cluster of network namespaces with podwire that stays up; prints KUBECONFIG and what to type next; FAMILIES=v4|v6|dual, …
	@sh build/setup.sh npm native network clients cluster
	@$(MAKE) --no-print-directory image
	@$(node) e2e/cluster/main.ts stay $(settings)

cluster-down: ## remove the cluster of `make cluster`
	@sh build/setup.sh npm
	@$(node) e2e/cluster/main.ts down

conformance: ## Kubernetes' own network tests on a cluster with podwire; SUBSET=conformance|ci, FAMILIES=v4|v6|dual, … (docs/conformance.md)
	@sh build/setup.sh npm native network clients cluster $(if $(filter kind,$(CLUSTER)),docker)
	@$(MAKE) --no-print-directory image
	@$(node) e2e/conformance/run.ts $(settings) $(call given,CLUSTER SUBSET PROCS RECORD) $(if $(FOCUS),"FOCUS=$$FOCUS")

e2e-kind: ## the same scenarios on kind, in a Docker engine of its own or, if it can pull kind's images, in the machine's (KIND_ENGINE=own|machine)
	@sh build/setup.sh npm native network clients cluster docker chart registry
	@$(MAKE) --no-print-directory image
	@$(node) e2e/run.ts --kind $(SCENARIOS)

kind: ## start a kind cluster with podwire that stays up; prints KUBECONFIG and what to type next; FAMILIES=v4|v6|dual, …
	@sh build/setup.sh npm native network clients cluster docker
	@$(MAKE) --no-print-directory image
	@$(node) e2e/kind/main.ts up $(call given,KUBERNETES NODES FAMILIES PROXY MAXPODS)

kind-down: ## remove the cluster of `make kind`, and its own Docker engine
	@sh build/setup.sh npm
	@$(node) e2e/kind/main.ts down

image: ## dist/podwire-image.tar: an OCI image; ARCH="amd64 arm64" puts both in it
	@sh build/setup.sh npm native $(if $(filter-out $(subst aarch64,arm64,$(subst x86_64,amd64,$(machine))),$(ARCH)),cross)
	@sh build/plugins.sh
	@sh build/agent.sh
	@sh build/image/hooks.sh
	@$(node) build/image/main.ts $(ARCH)

release: ## dist/release: image of both architectures, chart, manifests, plugins, bills of materials, checksums; REGISTRY=HOST/PATH is where the chart finds the image
	@$(MAKE) --no-print-directory image ARCH="$(or $(ARCH),amd64 arm64)"
	@sh build/setup.sh chart
	@$(node) build/release/main.ts --registry '$(REGISTRY)' $(or $(ARCH),amd64 arm64)

release-twice: ## build two releases from two clones and compare them bit by bit
	@sh build/release/twice.sh

release-notes: ## TAG=vX.Y.Z: the section of CHANGELOG.md on that version, which must be the current one
	@sh build/setup.sh npm
	@$(node) build/release/notes.ts '$(TAG)'

publish: ## copy dist/release's image and chart to REGISTRY=HOST/PATH; PLAIN_HTTP=1 without TLS
	@sh build/setup.sh chart registry
	@sh build/release/publish.sh '$(REGISTRY)'

version: ## set the version to VERSION=X.Y.Z in package.json and every file that has it
	@sh build/setup.sh npm chart
	@npm version --no-git-tag-version --allow-same-version '$(VERSION)' >/dev/null
	@$(node) build/version.ts
	@$(node) build/chart-readme.ts
	@sh build/manifests.sh

manifests: ## render manifests/ and the chart's README from helm/podwire
	@sh build/setup.sh npm chart
	@$(node) build/chart-readme.ts
	@sh build/manifests.sh

dev: ## on each save: the tests of that file and of what imports it, format, types, import arrows
	@sh build/setup.sh npm native network
	@$(node) build/dev.ts

plugin: ## NAME=my-plugin: scaffold a plugin in this repository: code, test, page, registration
	@sh build/setup.sh npm
	@$(node) build/scaffold/main.ts '$(NAME)'

affected: ## the tests that the changes since BASE (main) need, and the command that runs them; RUN=1 runs them
	@sh build/setup.sh npm $(if $(RUN),native network)
	@$(node) build/affected/main.ts $(if $(BASE),--base '$(BASE)') $(if $(RUN),--run)

docs: ## dist/docs: the pages as a site, with every link checked
	@sh build/setup.sh npm
	@sh build/site/build.sh

diagrams: ## render docs/diagrams/*.svg from their *.dot files
	@sh build/setup.sh npm
	@$(node) build/diagrams/main.ts

promises: ## dist/promises.md: the titles of all tests, to read what podwire promises
	@sh build/setup.sh npm native network
	@$(node) build/promises.ts

check: ## format, lint, types, import arrows and workflows
	@sh build/setup.sh npm lint
	@node_modules/.bin/biome check --error-on-warnings .
	@sh build/typecheck.sh
	@$(node) build/arrows.ts
	@sh build/workflows.sh || { [ $$? = 3 ] && echo 'check: the workflows were not linted' >&2; }

clean: ## remove dist; the cache in ~/.cache/podwire stays
	rm -rf dist
