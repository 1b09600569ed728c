{{/* The node's directories, each mounted in containers at its own path, so that what they say is true of the node. */}}
{{- define "podwire.nodeFlags" -}}
- --state-dir={{ .Values.cni.stateDir }}
- --run-dir={{ .Values.cni.runDir }}
- --conf-dir={{ include "podwire.confDir" . }}
- --conf-name={{ .Values.cni.confName }}
- --bin-dir={{ include "podwire.binDir" . }}
{{- end -}}

{{/* A distribution's own directories must be there: where they are not, the preset is wrong, and the kubelet reports it. */}}
{{- define "podwire.watchedType" -}}
{{- if or (has .Values.preset (list "k3s" "microk8s" "openshift")) -}}Directory{{- else -}}DirectoryOrCreate{{- end -}}
{{- end -}}

{{/* Call with (list $ TYPE). */}}
{{- define "podwire.nodeVolumes" -}}
- name: conf-dir
  hostPath: {path: {{ include "podwire.confDir" (index . 0) }}, type: {{ index . 1 }}}
- name: bin-dir
  hostPath: {path: {{ include "podwire.binDir" (index . 0) }}, type: {{ index . 1 }}}
{{- end -}}

{{/* /proc/sys is read-only in a container that is not privileged; this is the part that belongs to the node's network (docs/decisions/0004). */}}
{{- define "podwire.sysctlVolume" -}}
- name: sysctl
  hostPath: {path: /proc/sys/net, type: Directory}
{{- end -}}

{{- define "podwire.sysctlMount" -}}
- {name: sysctl, mountPath: /host/proc/sys/net}
{{- end -}}

{{- define "podwire.sysctlEnv" -}}
- {name: PODWIRE_PROC_SYS, value: /host/proc/sys}
{{- end -}}

{{/* The account's token, for the one container of a pod that uses it. */}}
{{- define "podwire.tokenVolume" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end -}}

{{- define "podwire.tokenMount" -}}
- {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}

{{/* Where the API server is, for hooks: the agent has it in its configuration. */}}
{{- define "podwire.kubeApiEnv" -}}
{{- with .Values.kubeApi.host }}
- {name: KUBERNETES_SERVICE_HOST, value: {{ . | quote }}}
{{- end }}
{{- with .Values.kubeApi.port }}
- {name: KUBERNETES_SERVICE_PORT, value: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- define "podwire.container" -}}
image: {{ include "podwire.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end -}}

{{/* For what needs nothing of the node. */}}
{{- define "podwire.harmless" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
