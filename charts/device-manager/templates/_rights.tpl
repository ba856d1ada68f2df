{{/* The rights of each program, kept apart by whether a namespace can hold them. docs/security.md gives the
reasons, tests/chart proves that they are enough and that no more is allowed. */}}

{{/* Without a password to encrypt them with, keys of devices are not handled, and no Secret is read. */}}
{{- define "device-manager.encrypts" -}}
{{- if or .Values.encryption.existingSecret .Values.encryption.password }}yes{{ end -}}
{{- end -}}

{{/* Is there a deletion budget? Operator and facade must know the same one, so `settings` alone takes it. */}}
{{- define "device-manager.budgets" -}}
{{- if or .Values.settings.DELETION_BUDGET_COUNT .Values.settings.DELETION_BUDGET_PERCENT }}yes{{ end -}}
{{- end -}}

{{/* What can be given in one namespace. */}}
{{- define "device-manager.rights.operator" -}}
# Devices and Templates are watched and their status is told; patching the object itself is for the finalizer.
- apiGroups: [dojot.io]
  resources: [devices, templates]
  verbs: [get, list, watch, patch]
- apiGroups: [dojot.io]
  resources: [devices/status, templates/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if include "device-manager.encrypts" . }}
# Keys of devices are read from the Secrets that devices name; labelled ones are watched, without their data.
# Kubernetes cannot limit the right to labelled ones.
- apiGroups: [""]
  resources: [secrets]
  verbs: {{ ternary "[get, list, watch]" "[get]" .Values.encryption.watchSecrets }}
{{- end }}
{{- end -}}

{{- define "device-manager.rights.facade" -}}
# What is written over REST is declared as a resource; reading is the registry's.
- apiGroups: [dojot.io]
  resources: [devices, templates]
  verbs: [get, create, update, patch, delete]
{{- if include "device-manager.encrypts" . }}
# Keys that are generated over REST are kept in Secrets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
{{- end }}
{{- end -}}

{{- define "device-manager.rights.hook" -}}
# Taking finalizers off, when the chart is uninstalled.
- apiGroups: [dojot.io]
  resources: [devices, templates]
  verbs: [list, patch]
{{- end -}}

{{/* What only the whole cluster can hold. */}}
{{- define "device-manager.clusterrights.operator" -}}
# Whether the CRDs have every field, and whether they are being deleted: rows stay in that case.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [devices.dojot.io, templates.dojot.io]
  verbs: [get]
# Annotations of namespaces bind tenants and set deletion policies.
- apiGroups: [""]
  resources: [namespaces]
  {{- with .Values.watchNamespaces }}
  resourceNames: {{ toJson . }}
  verbs: [get]
  {{- else }}
  verbs: [get, list, watch]
  {{- end }}
{{- end -}}

{{- define "device-manager.clusterrights.facade" -}}
# Annotations of namespaces bind tenants.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list]
{{- if include "device-manager.budgets" . }}
# `DELETE /device` lifts the deletion budget on purpose, by an annotation.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [patch]
{{- end }}
{{- if eq .Values.tenants.namespaces "auto" }}
# A tenant that is seen for the first time gets a namespace.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [create]
{{- end }}
{{- end -}}

{{/* A role and its binding. Takes a dict: root, component, account, rules, suffix, namespace (empty: the whole
cluster), annotations. */}}
{{- define "device-manager.grant" -}}
{{- $kind := ternary "Role" "ClusterRole" (not (empty .namespace)) -}}
{{- $plain := printf "%s-%s%s" (include "device-manager.fullname" .root) .component (.suffix | default "") -}}
{{- $wide := printf "%s-%s%s" (include "device-manager.clustername" .root) .component (.suffix | default "") -}}
{{- $inside := and .namespace (eq .namespace .root.Release.Namespace) -}}
{{- $name := ternary $plain $wide (not (not $inside)) -}}
{{- $of := merge (dict "name" $name) . -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- include (ternary "device-manager.metadata" "device-manager.clustermetadata" (not (empty .namespace))) $of | nindent 2 }}
rules:
{{ .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- include (ternary "device-manager.metadata" "device-manager.clustermetadata" (not (empty .namespace))) $of | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ $name | quote }}}
subjects:
- {kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace }}}
{{- end -}}

{{/* The Lease by which replicas elect a leader; takes its name. A name cannot be demanded of what is created. */}}
{{- define "device-manager.rights.lease" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ . }}]
  verbs: [get, update]
{{- end -}}

{{/* The journey of `helm test`. */}}
{{- define "device-manager.rights.test" -}}
- apiGroups: [dojot.io]
  resources: [devices, templates]
  verbs: [get, create, delete]
{{- end -}}

{{/* Which tenant its namespace stands for; takes the namespace. */}}
{{- define "device-manager.clusterrights.test" -}}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [{{ . }}]
  verbs: [get]
{{- end -}}
