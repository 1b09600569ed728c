{{/* Host paths of each preset, as `podwire install --preset` has them (src/contract/paths.ts; a test compares the two). */}}
{{- define "podwire.presets" -}}
generic: {confDir: /etc/cni/net.d, binDir: /opt/cni/bin}
k3s: {confDir: /var/lib/rancher/k3s/agent/etc/cni/net.d, binDir: /var/lib/rancher/k3s/data/cni}
rke2: {confDir: /etc/cni/net.d, binDir: /opt/cni/bin}
microk8s: {confDir: /var/snap/microk8s/current/args/cni-network, binDir: /var/snap/microk8s/current/opt/cni/bin}
talos: {confDir: /etc/cni/net.d, binDir: /opt/cni/bin}
flatcar: {confDir: /etc/cni/net.d, binDir: /opt/cni/bin}
openshift: {confDir: /etc/kubernetes/cni/net.d, binDir: /var/lib/cni/bin}
{{- end -}}

{{- define "podwire.confDir" -}}
{{- default (index (include "podwire.presets" . | fromYaml) .Values.preset).confDir .Values.cni.confDir -}}
{{- end -}}

{{- define "podwire.binDir" -}}
{{- default (index (include "podwire.presets" . | fromYaml) .Values.preset).binDir .Values.cni.binDir -}}
{{- end -}}

{{/* The agent's configuration file (docs/configure.md). */}}
{{- define "podwire.agentConfig" -}}
{{- $v := .Values -}}
{{- dict
  "kubeApi" (dict "host" $v.kubeApi.host "port" (int $v.kubeApi.port) "pageSize" (int $v.kubeApi.pageSize) "idleTimeout" (int $v.kubeApi.idleTimeout))
  "routing" (dict "mode" $v.routing.mode "device" $v.routing.device "vni" (int $v.routing.vni) "port" (int $v.routing.port))
  "mtu" (int $v.mtu)
  "masquerade" (dict "enabled" $v.masquerade.enabled "exempt" $v.masquerade.exempt "randomFully" $v.masquerade.randomFully)
  "forwardAccept" $v.forwardAccept
  "clusterCidrs" $v.clusterCidrs
  "serviceCidrs" $v.serviceCidrs
  "conflist" (dict "others" $v.cni.others "mode" $v.cni.confFileMode)
  "ipamServer" (dict "enabled" $v.ipamServer.enabled "pools" (include "podwire.pools" . | fromJsonArray))
  "reclaim" (dict "interval" (int $v.reclaim.interval) "grace" (int $v.reclaim.grace))
  "report" (dict "networkUnavailable" $v.node.setNetworkUnavailable "events" $v.node.events)
  "stateDir" $v.cni.stateDir
  "runDir" $v.cni.runDir
  "confDir" (include "podwire.confDir" .)
  "confName" $v.cni.confName
  "binDir" (include "podwire.binDir" .)
  "listen" (include "podwire.listen" .)
  "logLevel" $v.agent.logLevel
  "fullPass" (int $v.agent.fullPass)
  | toPrettyJson -}}
{{- end -}}

{{/* Helm reads numbers of values as floats. */}}
{{- define "podwire.pools" -}}
{{- $pools := list -}}
{{- range .Values.ipamServer.pools }}{{ $pools = append $pools (dict "name" .name "from" (int64 .from) "to" (int64 .to)) }}{{ end -}}
{{- $pools | toJson -}}
{{- end -}}

{{/* Leases by the plugin itself, or by the agent's IPAM server: of one store. */}}
{{- define "podwire.ipam" -}}
{{- if .Values.ipamServer.enabled -}}
type: rpc
address: unix://{{ .Values.cni.runDir }}/ipam.sock
spoolDir: {{ .Values.cni.stateDir }}/ipam-releases
# A node is not NotReady, nor are its pods evicted, for an agent that restarts.
checkStatus: false
{{- else -}}
type: host-local
dataDir: {{ .Values.cni.runDir }}/leases
{{- end -}}
{{- end -}}

{{- define "podwire.listen" -}}
{{- $address := .Values.agent.listenAddress -}}
{{- if contains ":" $address }}[{{ $address }}]{{ else }}{{ $address }}{{ end }}:{{ int .Values.agent.port }}
{{- end -}}

{{/* What the installer stages: the agent fills in the node's ranges. */}}
{{- define "podwire.conflist" -}}
{{- $v := .Values -}}
{{- $plugin := dict
  "type" "podwire"
  "datapath" $v.cni.datapath
  "capabilities" (dict "portMappings" true "bandwidth" true "ips" true "ipRanges" true "mac" true "dns" true)
  "ipam" (include "podwire.ipam" . | fromYaml) -}}
{{- if eq $v.cni.datapath "bridge" }}{{- $_ := set $plugin "bridge" $v.cni.bridge }}{{- end -}}
{{- with $v.cni.sysctl }}{{- $_ := set $plugin "sysctl" . }}{{- end -}}
{{- with $v.cni.logFile }}{{- $_ := set $plugin "logFile" . }}{{- $_ := set $plugin "logLevel" $v.cni.logLevel }}{{- end -}}
{{- dict
  "cniVersion" "1.0.0"
  "cniVersions" (list "1.0.0" "1.1.0")
  "name" "podwire"
  "plugins" (prepend $v.cni.extraPlugins $plugin)
  | toPrettyJson -}}
{{- end -}}
