#!/bin/sh
# The control plane's first process: etcd, the API server, the controller manager (which gives nodes their podCIDRs) and the scheduler.
# from the environment: TOOLS, SERVER (URL), ADVERTISE, BIND, POD_CIDRS, SERVICE_CIDRS, MASKS (flags)
state=$1 box=$2
. "$(dirname "$0")/machine.sh"
pki=$state/pki
mount --make-rshared /

# What it writes need not reach the disk: nothing here outlives the cluster.
service etcd "$TOOLS/etcd" --name "$box" --data-dir /var/lib/etcd --unsafe-no-fsync --auto-compaction-retention 1 --quota-backend-bytes 2147483648 \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster "$box=http://127.0.0.1:2380"

service kube-apiserver "$TOOLS/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
  --advertise-address="$ADVERTISE" --bind-address="$BIND" --secure-port=6443 \
  --service-cluster-ip-range="$SERVICE_CIDRS" --allow-privileged=true \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --token-auth-file="$pki/tokens.csv" \
  --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
  --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$pki/service-accounts.pub" --service-account-signing-key-file="$pki/service-accounts.key" \
  --audit-policy-file="$state/audit-policy.yaml" --audit-log-path="$own/log/audit.json" --audit-log-mode=batch --profiling=false

service kube-controller-manager "$TOOLS/kube-controller-manager" --kubeconfig="$pki/controller-manager.kubeconfig" \
  --leader-elect=false --use-service-account-credentials=true \
  --allocate-node-cidrs=true --cluster-cidr="$POD_CIDRS" $MASKS --service-cluster-ip-range="$SERVICE_CIDRS" \
  --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
  --flex-volume-plugin-dir=/var/lib/flex --kube-api-qps=100 --kube-api-burst=200

service kube-scheduler "$TOOLS/kube-scheduler" --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false
stay
