{{- define "device-manager.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The beginning of every name: the release, and the chart unless the release is called like it. At most 40
characters, so that what is put after it still makes a name. */}}
{{- define "device-manager.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "device-manager.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "device-manager.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a cluster-wide object is called: two releases of one name in two namespaces must not meet. */}}
{{- define "device-manager.clustername" -}}
{{- printf "%s:%s" .Release.Namespace (include "device-manager.fullname" .) -}}
{{- end -}}

{{/* Labels that select; they never change. Takes a dict: root, component. */}}
{{- define "device-manager.selector" -}}
app.kubernetes.io/name: {{ include "device-manager.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of an object. Takes a dict: root, component. */}}
{{- define "device-manager.labels" -}}
{{ include "device-manager.selector" . }}
app.kubernetes.io/part-of: device-manager
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: without the chart's version, so that a new chart with the same image restarts nothing. */}}
{{- define "device-manager.podlabels" -}}
{{ include "device-manager.selector" . }}
app.kubernetes.io/part-of: device-manager
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of a namespaced object. Takes a dict: root, component, and optionally name, namespace, labels,
annotations. */}}
{{- define "device-manager.metadata" -}}
name: {{ .name | default (printf "%s-%s" (include "device-manager.fullname" .root) .component) }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{ include "device-manager.labelled" . }}
{{- end -}}

{{/* The same for an object of the whole cluster. */}}
{{- define "device-manager.clustermetadata" -}}
name: {{ .name | default (printf "%s-%s" (include "device-manager.clustername" .root) .component) }}
{{ include "device-manager.labelled" . }}
{{- end -}}

{{- define "device-manager.labelled" -}}
labels:
  {{- include "device-manager.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "device-manager.image" -}}
{{- $image := .Values.image -}}
{{- with .Values.global.imageRegistry | default $image.registry -}}{{ . }}/{{- end -}}
{{- $image.repository -}}
{{- if $image.digest -}}@{{ $image.digest }}{{- else -}}:{{ $image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{/* Name of a program's service account. Takes a dict: root, component. */}}
{{- define "device-manager.serviceaccount" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (printf "%s-%s" (include "device-manager.fullname" .root) .component) -}}
{{- else -}}
{{- required (printf "%s.serviceAccount.name is needed when %s.serviceAccount.create is false" .component .component) $account.name -}}
{{- end -}}
{{- end -}}

{{/* Is something that Prometheus' operator knows to be rendered? Takes a dict: root, kind. */}}
{{- define "device-manager.monitored" -}}
{{- $known := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) -}}
{{- if or $known (eq .root.Values.metrics.renderMode "alwaysRender") -}}
yes
{{- else if eq .root.Values.metrics.renderMode "failIfMissing" -}}
{{- fail (printf "the cluster knows no %s; install the operator of Prometheus, or set metrics.renderMode" .kind) -}}
{{- end -}}
{{- end -}}

{{/* The namespace of `helm test`. */}}
{{- define "device-manager.testnamespace" -}}
{{- .Values.tests.namespace | default (first .Values.watchNamespaces) | default .Release.Namespace -}}
{{- end -}}
