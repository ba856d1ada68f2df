{{/* A CRD of a file, kept when the release goes: deleting it would delete every object. Takes a dict: root, file. */}}
{{- define "device-manager.crd" -}}
{{- $crd := .root.Files.Get .file | fromYaml -}}
{{- $_ := set $crd.metadata "annotations" (merge (dict "helm.sh/resource-policy" "keep") .root.Values.commonAnnotations) -}}
{{- $_ := set $crd.metadata "labels" (include "device-manager.labels" (dict "root" .root "component" "crds") | fromYaml) -}}
{{- toYaml $crd }}
{{- end -}}
