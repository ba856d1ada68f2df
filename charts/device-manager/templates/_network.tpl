{{/* An egress rule. Takes a dict: ports, to (empty: anywhere). */}}
{{- define "device-manager.egress" -}}
- ports:
  {{- range .ports }}
  - {{ toJson . }}
  {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What each program reaches. Takes a dict: root, component. */}}
{{- define "device-manager.reaches" -}}
{{- $redis := ternary (list "redis") list .root.Values.monitor.enabled -}}
{{- $reaches := dict
  "operator" (list "apiserver" "database" "kafka")
  "facade" (concat (list "apiserver" "database") $redis)
  "monitor" (list "database" "kafka" "redis")
  "migration" (list "database")
-}}
{{- get $reaches .component | toJson -}}
{{- end -}}

{{- define "device-manager.tcp" -}}
{{- $ports := list -}}
{{- range . -}}{{- $ports = append $ports (dict "protocol" "TCP" "port" (int .)) -}}{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{- define "device-manager.reach.apiserver" -}}
{{- include "device-manager.egress" (dict "ports" (include "device-manager.tcp" .Values.networkPolicy.apiServer.ports | fromJsonArray) "to" .Values.networkPolicy.apiServer.to) }}
{{- end -}}

{{- define "device-manager.reach.database" -}}
{{- include "device-manager.egress" (dict "ports" (include "device-manager.tcp" (list .Values.database.port) | fromJsonArray) "to" .Values.networkPolicy.database.to) }}
{{- end -}}

{{- define "device-manager.reach.redis" -}}
{{- include "device-manager.egress" (dict "ports" (include "device-manager.tcp" (list .Values.redis.port) | fromJsonArray) "to" .Values.networkPolicy.redis.to) }}
{{- end -}}

{{/* The first answer of a broker may name others: the ports of all are needed. */}}
{{- define "device-manager.reach.kafka" -}}
{{- $ports := list -}}
{{- range .Values.kafka.hosts -}}
{{- $ports = append $ports (splitList ":" . | rest | first | default $.Values.kafka.port | int) -}}
{{- end -}}
{{- $ports = concat $ports (.Values.networkPolicy.kafka.extraPorts) | uniq -}}
{{- include "device-manager.egress" (dict "ports" (include "device-manager.tcp" $ports | fromJsonArray) "to" .Values.networkPolicy.kafka.to) }}
{{- end -}}
