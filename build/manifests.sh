#!/bin/sh
# sh build/manifests.sh [FOLDER [CHART]]: the plain manifests in FOLDER (manifests), rendered from the chart (helm/podwire). For who has no Helm: kubectl apply -f FILE.
set -eu
cd "$(dirname "$0")/.."
out=${1:-manifests}
chart=${2:-helm/podwire}
helm=$(sh build/helm.sh)
mkdir -p "$out"

# render FILE TITLE ARGUMENT…: what is the same in each. Helm's own labels would name an owner that there is not.
render() {
  file=$1
  title=$2
  shift 2
  {
    echo "# $title"
    echo '# Rendered from helm/podwire by `make manifests`: change the chart instead.'
    "$helm" template podwire "$chart" --namespace podwire --kube-version 1.36.0 --api-versions admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy --set image.pullPolicy=IfNotPresent "$@" |
      sed -e '/^ *app.kubernetes.io\/managed-by: Helm$/d' -e '/^ *helm.sh\/chart: /d' \
        -e '/^ *helm.sh\/hook/d' -e '/^  annotations:$/{N;/\n *helm.sh\/hook/d}' -e '/^# Source: /d'
  } >"$out/$file.new"
  mv "$out/$file.new" "$out/$file"
}

namespace() {
  cat <<END
---
apiVersion: v1
kind: Namespace
metadata:
  name: podwire
  labels:
    # The agent is on the host's network and writes to its directories; nothing less than this allows that.
    pod-security.kubernetes.io/enforce: privileged
END
}

render podwire.yaml 'podwire: the agent and installer on every node.' --no-hooks
{
  sed -n '1,2p' "$out/podwire.yaml"
  namespace
  sed '1,2d' "$out/podwire.yaml"
} >"$out/podwire.yaml.new"
mv "$out/podwire.yaml.new" "$out/podwire.yaml"
render podwire-uninstall.yaml 'Takes podwire away from every node, as `helm uninstall` does; docs/upgrade-and-uninstall.md says how.' --show-only templates/hooks/uninstall.yaml
