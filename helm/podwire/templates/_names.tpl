{{- define "podwire.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "podwire.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "podwire.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "podwire.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "podwire.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "podwire.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "podwire.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What names pods of one kind. Call with (list $ "agent"). */}}
{{- define "podwire.selectorLabels" -}}
app.kubernetes.io/name: {{ include "podwire.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The same on one line, as a selector of the API. */}}
{{- define "podwire.selector" -}}
app.kubernetes.io/name={{ include "podwire.name" (index . 0) }},app.kubernetes.io/instance={{ (index . 0).Release.Name }},app.kubernetes.io/component={{ index . 1 }}
{{- end -}}

{{/* Labels of every object. Call with (list $ "agent"). */}}
{{- define "podwire.labels" -}}
{{ include "podwire.selectorLabels" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/part-of: podwire
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object. Call with (dict "root" $ "component" "agent" "name" "…" "annotations" (dict) "labels" (dict)); cluster-scoped ones add "cluster" true. */}}
{{- define "podwire.metadata" -}}
{{- $annotations := mergeOverwrite (dict) (deepCopy .root.Values.commonAnnotations) (deepCopy (default (dict) .annotations)) -}}
metadata:
  name: {{ .name }}
  {{- if not .cluster }}
  namespace: {{ .namespace | default (include "podwire.namespace" .root) }}
  {{- end }}
  labels:
    {{- include "podwire.labels" (list .root .component) | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "podwire.image" -}}
{{- $name := trimPrefix "/" (printf "%s/%s" .Values.image.registry .Values.image.repository) -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}
