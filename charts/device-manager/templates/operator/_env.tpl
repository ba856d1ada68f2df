{{/* Who the pod is, for the Lease. */}}
{{- define "device-manager.operator.env" -}}
{{- if .Values.operator.leaderElection -}}
- name: POD_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
- name: LEASE_NAMESPACE
  valueFrom:
    fieldRef: {fieldPath: metadata.namespace}
- name: LEASE_NAME
  value: {{ include "device-manager.fullname" . }}-operator
{{- end -}}
{{- end -}}
