{{/* The pod of the migration. Its hash is in the job's name, as a job cannot be changed. */}}
{{- define "device-manager.migration.pod" -}}
{{- $of := dict "root" . "component" "migration" "values" dict "token" false -}}
metadata:
  labels:
    {{- include "device-manager.podlabels" $of | nindent 4 }}
spec:
  restartPolicy: OnFailure
  {{- include "device-manager.podbase" $of | nindent 2 }}
  containers:
  - name: migration
    {{- include "device-manager.containerbase" $of | nindent 4 }}
    args: [migrate, --wait, {{ .Values.migration.waitSeconds | quote }}]
    {{- include "device-manager.env" $of | nindent 4 }}
    {{- with .Values.migration.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with include "device-manager.mounts" $of | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- with include "device-manager.volumes" $of | trim }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
