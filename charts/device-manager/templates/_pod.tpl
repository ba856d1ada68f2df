{{/* Which certificates a program needs: names of values that have a `tls`. Takes a dict: root, component. */}}
{{- define "device-manager.tls" -}}
{{- $v := .root.Values -}}
{{- $found := dict -}}
{{- range include "device-manager.needs" . | fromJsonArray -}}
{{- if and (hasSuffix "database" .) $v.database.tls.existingSecret -}}
{{- $_ := set $found "database" $v.database.tls.existingSecret -}}
{{- else if and (eq . "kafka") (hasSuffix "SSL" $v.kafka.protocol) $v.kafka.tls.existingSecret -}}
{{- $_ := set $found "kafka" $v.kafka.tls.existingSecret -}}
{{- else if and (eq . "redis") $v.redis.tls.enabled $v.redis.tls.existingSecret -}}
{{- $_ := set $found "redis" $v.redis.tls.existingSecret -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Environment of a container. Takes a dict: root, component. */}}
{{- define "device-manager.env" -}}
envFrom:
- configMapRef: {name: {{ include "device-manager.fullname" .root }}}
{{- with .values.extraEnvFrom }}
{{ toYaml . }}
{{- end }}
{{- $root := .root }}
{{- $env := "" }}
{{- range include "device-manager.needs" . | fromJsonArray }}
{{- $env = printf "%s%s" $env (include (printf "device-manager.env.%s" .) $root) }}
{{- end }}
{{- range $name, $value := .values.settings }}
{{- $env = printf "%s\n- name: %s\n  value: %s" $env $name ($value | toString | quote) }}
{{- end }}
{{- with .values.extraEnv }}
{{- $env = printf "%s\n%s" $env (toYaml .) }}
{{- end }}
{{- with .env }}
{{- $env = printf "%s\n%s" $env . }}
{{- end }}
{{- with trim $env }}
env:
{{ . }}
{{- end }}
{{- end -}}

{{/* Where a container finds volumes. Takes a dict: root, component, values, token. */}}
{{- define "device-manager.mounts" -}}
{{- $tls := include "device-manager.tls" . | fromJson -}}
{{- $mounts := list -}}
{{- if .token -}}
{{- $mounts = append $mounts (dict "name" "token" "mountPath" "/var/run/secrets/kubernetes.io/serviceaccount" "readOnly" true) -}}
{{- end -}}
{{- range $name, $_ := $tls -}}
{{- $mounts = append $mounts (dict "name" (printf "%s-tls" $name) "mountPath" (printf "/etc/device-manager/%s" $name) "readOnly" true) -}}
{{- end -}}
{{- with concat $mounts (.values.extraVolumeMounts | default list) }}
volumeMounts:
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "device-manager.volumes" -}}
{{- $tls := include "device-manager.tls" . | fromJson -}}
{{- if or .token $tls .values.extraVolumes }}
volumes:
{{- if .token }}
- name: token
  projected:
    # What Kubernetes mounts by itself, here only for the programs that talk to the API server.
    defaultMode: 0440
    sources:
    - serviceAccountToken: {path: token, expirationSeconds: 3600}
    - configMap:
        name: kube-root-ca.crt
        items: [{key: ca.crt, path: ca.crt}]
    - downwardAPI:
        items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end }}
{{- range $name, $secret := $tls }}
- name: {{ $name }}-tls
  # libpq wants a key that nobody but its owner, or root and the owner's group, can read.
  secret: {secretName: {{ $secret }}, defaultMode: 0440}
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every pod has. Takes a dict: root. */}}
{{- define "device-manager.podbase" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with .root.Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not (kindIs "invalid" .root.Values.hostUsers) }}
hostUsers: {{ .root.Values.hostUsers }}
{{- end }}
{{- end -}}

{{/* What every container has. Takes a dict: root. */}}
{{- define "device-manager.containerbase" -}}
image: {{ include "device-manager.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- with .root.Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The spec of a Deployment. Takes a dict: root, component, command, token, env, ports. */}}
{{- define "device-manager.deployment" -}}
{{- $values := index .root.Values .component -}}
{{- $of := merge (dict "values" $values) . -}}
selector:
  matchLabels:
    {{- include "device-manager.selector" . | nindent 4 }}
template:
  metadata:
    labels:
      {{- include "device-manager.podlabels" . | nindent 6 }}
      {{- with $values.podLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    annotations:
      # Another configuration means new pods.
      checksum/settings: {{ include "device-manager.variables" .root | sha256sum | trunc 16 }}
      checksum/secrets: {{ include "device-manager.secrets" .root | sha256sum | trunc 16 }}
      {{- with $values.podAnnotations }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  spec:
    serviceAccountName: {{ include "device-manager.serviceaccount" . }}
    {{- include "device-manager.podbase" . | nindent 4 }}
    terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
    {{- with $values.priorityClassName }}
    priorityClassName: {{ . }}
    {{- end }}
    {{- with $values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    affinity:
      {{- if $values.affinity }}
      {{- toYaml $values.affinity | nindent 6 }}
      {{- else }}
      podAntiAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "device-manager.selector" . | nindent 16 }}
      {{- end }}
    {{- with $values.topologySpreadConstraints }}
    topologySpreadConstraints:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
    - name: {{ .component }}
      {{- include "device-manager.containerbase" . | nindent 6 }}
      args: [{{ .command }}]
      {{- include "device-manager.env" $of | nindent 6 }}
      ports:
      {{- with .ports }}
      {{- . | nindent 6 }}
      {{- end }}
      - {name: metrics, containerPort: 9090}
      # A start may take as long as Postgres and the API server take to answer: the programs wait for both.
      startupProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 3
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "device-manager.mounts" $of | trim }}
      {{- . | nindent 6 }}
      {{- end }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with include "device-manager.volumes" $of | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}
