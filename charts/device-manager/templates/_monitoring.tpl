{{/* How a target is read. Takes the values of a monitor. */}}
{{- define "device-manager.scraping" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
