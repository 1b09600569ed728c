{{/* Runs once on one node; the hook sets the node. It sees the directories above podwire's own, so that it can remove these, too. */}}
{{- define "podwire.uninstallPod" -}}
{{- $parents := list (dir .Values.cni.stateDir) (dir .Values.cni.runDir) | uniq -}}
{{- /* A right that the agent lacks by mistake must not prevent an uninstall. */ -}}
{{- $context := deepCopy .Values.securityContext -}}
{{- $capabilities := default (dict) $context.capabilities -}}
{{- $_ := set $context "capabilities" (merge (dict "add" (append (default (list) $capabilities.add) "NET_ADMIN" | uniq)) $capabilities) -}}
apiVersion: v1
kind: Pod
metadata:
  generateName: {{ include "podwire.fullname" . }}-uninstall-
  namespace: {{ include "podwire.namespace" . }}
  labels:
    {{- include "podwire.selectorLabels" (list . "uninstall-node") | nindent 4 }}
    app.kubernetes.io/part-of: podwire
    {{- with .Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  restartPolicy: Never
  # It takes a second. One that cannot start must not do so later, when podwire may be installed again.
  activeDeadlineSeconds: 60
  terminationGracePeriodSeconds: 2
  automountServiceAccountToken: false
  enableServiceLinks: false
  hostNetwork: true
  dnsPolicy: Default
  priorityClassName: {{ .Values.priorityClassName }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # Also on nodes that are not ready, or that nothing may be scheduled to.
  tolerations:
    - operator: Exists
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: uninstall
      {{- include "podwire.container" . | nindent 6 }}
      command: [podwire, uninstall]
      args:
        {{- include "podwire.nodeFlags" . | nindent 8 }}
        {{- if .Values.uninstall.force }}
        - --force
        {{- end }}
      env:
        {{- include "podwire.sysctlEnv" . | nindent 8 }}
      resources:
        {{- toYaml .Values.initResources | nindent 8 }}
      securityContext:
        {{- toYaml $context | nindent 8 }}
      volumeMounts:
        - {name: conf-dir, mountPath: {{ include "podwire.confDir" . }}}
        - {name: bin-dir, mountPath: {{ include "podwire.binDir" . }}}
        {{- include "podwire.sysctlMount" . | nindent 8 }}
        {{- range $i, $parent := $parents }}
        - {name: parent-{{ $i }}, mountPath: {{ $parent }}}
        {{- end }}
  volumes:
    # Made where absent: a wrong preset, with which nothing was installed, must not prevent an uninstall.
    {{- include "podwire.nodeVolumes" (list . "DirectoryOrCreate") | nindent 4 }}
    {{- include "podwire.sysctlVolume" . | nindent 4 }}
    {{- range $i, $parent := $parents }}
    - name: parent-{{ $i }}
      hostPath: {path: {{ $parent }}, type: Directory}
    {{- end }}
{{- end -}}
