{{/* The variables of the programs that are no secrets: the ConfigMap's data. */}}
{{- define "device-manager.variables" -}}
{{- $v := .Values -}}
{{- $found := dict
  "DBHOST" (printf "%s:%v" $v.database.host (int $v.database.port))
  "DBNAME" $v.database.name
  "PGSSLMODE" $v.database.sslMode
  "CREATE_DB" $v.database.create
  "KAFKA_HOST" (join "," $v.kafka.hosts)
  "KAFKA_PORT" (int $v.kafka.port)
  "SUBJECT" $v.kafka.subject
  "BROKER" $v.kafka.dataBroker
  "SINGLE_TENANT" $v.tenants.single
  "REQUIRE_TENANT_BINDING" $v.tenants.requireBinding
  "TENANT_NAMESPACES" $v.tenants.namespaces
  "TENANT_NAMESPACE_PREFIX" $v.tenants.namespacePrefix
  "WATCH_NAMESPACES" (join "," $v.watchNamespaces)
  "AUTH_MODE" $v.facade.auth.mode
  "JWT_JWKS_URL" $v.facade.auth.jwksUrl
  "JWT_ISSUER" $v.facade.auth.issuer
  "JWT_AUDIENCE" $v.facade.auth.audience
  "LEADER_ELECTION" $v.operator.leaderElection
  "LOG_LEVEL" $v.logging.level
  "LOG_FORMAT" $v.logging.format
-}}
{{- if $v.monitor.enabled -}}
{{- $_ := set $found "STATUS_IN_DOCUMENTS" true -}}
{{- $_ := set $found "REDIS_HOST" $v.redis.host -}}
{{- $_ := set $found "REDIS_PORT" (int $v.redis.port) -}}
{{- $_ := set $found "REDIS_TLS" $v.redis.tls.enabled -}}
{{- if and $v.redis.tls.enabled (not $v.redis.tls.verifyHost) -}}
{{- $_ := set $found "REDIS_TLS_CHECK_HOSTNAME" false -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := merge (dict) $v.settings $found }}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What each program needs of the outside, besides the cluster. */}}
{{- define "device-manager.needs" -}}
{{- $redis := ternary (list "redis") list .root.Values.monitor.enabled -}}
{{- $needs := dict
  "operator" (list "database" "kafka" "encryption")
  "facade" (concat (list "facadedatabase" "encryption" "auth") $redis)
  "monitor" (list "database" "kafka" "redis")
  "migration" (list "migrationdatabase")
-}}
{{- get $needs .component | toJson -}}
{{- end -}}

{{/* Secrets that were given as values, for the chart's own Secret: key -> value. */}}
{{- define "device-manager.secrets" -}}
{{- $v := .Values -}}
{{- $given := dict
  "DBPASS" (ternary "" $v.database.password (not (empty $v.database.existingSecret)))
  "API_DBPASS" (ternary "" $v.facade.database.password (not (empty $v.facade.database.existingSecret)))
  "KAFKA_SASL_PASSWORD" (ternary "" $v.kafka.sasl.password (not (empty $v.kafka.sasl.existingSecret)))
  "REDIS_PASSWORD" (ternary "" $v.redis.password (not (empty $v.redis.existingSecret)))
  "DEV_MNGR_CRYPTO_PASS" (ternary "" $v.encryption.password (not (empty $v.encryption.existingSecret)))
  "DEV_MNGR_CRYPTO_SALT" (ternary "" $v.encryption.salt (not (empty $v.encryption.existingSecret)))
  "DEV_MNGR_CRYPTO_IV" (ternary "" $v.encryption.iv (not (empty $v.encryption.existingSecret)))
  "DEV_MNGR_CRYPTO_FORMER" (ternary "" (include "device-manager.former" .) (not (empty $v.encryption.existingSecret)))
-}}
{{- range $name, $value := $given }}
{{- if $value }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Passwords that keys may still be encrypted with, as the programs read them; nothing when there are none. */}}
{{- define "device-manager.former" -}}
{{- with .Values.encryption.former }}{{ toJson . }}{{ end -}}
{{- end -}}

{{/* One variable from a Secret. Takes a dict: root, name, secret, key, value; nothing when there is neither. */}}
{{- define "device-manager.fromsecret" -}}
{{- if and .secret .key }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
{{- else if and .value (not .secret) }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ include "device-manager.fullname" .root }}, key: {{ .name }}}
{{- end }}
{{- end -}}

{{/* A user: from a Secret if its key is named, else as it is. Takes a dict: root, name, of (values with user,
existingSecret, secretKeys). */}}
{{- define "device-manager.user" -}}
{{- if and .of.existingSecret .of.secretKeys.user }}
{{- include "device-manager.fromsecret" (dict "name" .name "secret" .of.existingSecret "key" .of.secretKeys.user) }}
{{- else if .of.user }}
- name: {{ .name }}
  value: {{ .of.user | quote }}
{{- end }}
{{- end -}}

{{/* User and password. Takes a dict: root, user and password (names of the variables), of, key. */}}
{{- define "device-manager.login" -}}
{{- include "device-manager.user" (dict "name" .user "of" .of) }}
{{- include "device-manager.fromsecret" (dict "root" .root "name" .password "secret" .of.existingSecret "key" .of.secretKeys.password "value" .of.password) }}
{{- end -}}

{{/* Where certificates are. Takes a dict: folder, tls, and names of the variables: ca, cert, key. */}}
{{- define "device-manager.certificates" -}}
{{- if .tls.existingSecret }}
{{- range $variable, $key := dict .ca .tls.caKey .cert .tls.certKey .key .tls.keyKey }}
{{- if $key }}
- name: {{ $variable }}
  value: /etc/device-manager/{{ $.folder }}/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "device-manager.env.database" -}}
{{- include "device-manager.login" (dict "root" . "user" "DBUSER" "password" "DBPASS" "of" .Values.database) }}
{{- include "device-manager.env.postgrescertificates" . }}
{{- end -}}

{{- define "device-manager.env.postgrescertificates" -}}
{{- include "device-manager.certificates" (dict "folder" "database" "tls" .Values.database.tls "ca" "PGSSLROOTCERT" "cert" "PGSSLCERT" "key" "PGSSLKEY") }}
{{- end -}}

{{/* The facade with a user of its own is not given the other one's password. */}}
{{- define "device-manager.env.facadedatabase" -}}
{{- $own := .Values.facade.database -}}
{{- if or $own.user (and $own.existingSecret $own.secretKeys.user) }}
{{- include "device-manager.login" (dict "root" . "user" "API_DBUSER" "password" "API_DBPASS" "of" $own) }}
{{- include "device-manager.env.postgrescertificates" . }}
{{- else }}
{{- include "device-manager.env.database" . }}
{{- end }}
{{- end -}}

{{/* The migration owns the schema, and gives the facade's user its role. */}}
{{- define "device-manager.env.migrationdatabase" -}}
{{- $own := .Values.migration -}}
{{- if $own.user }}
- name: DBUSER
  value: {{ $own.user | quote }}
{{- else }}
{{- include "device-manager.user" (dict "name" "DBUSER" "of" .Values.database) }}
{{- end }}
{{- if $own.existingSecret }}
{{- include "device-manager.fromsecret" (dict "name" "DBPASS" "secret" $own.existingSecret "key" "password") }}
{{- else }}
{{- include "device-manager.fromsecret" (dict "root" . "name" "DBPASS" "secret" .Values.database.existingSecret "key" .Values.database.secretKeys.password "value" .Values.database.password) }}
{{- end }}
{{- include "device-manager.user" (dict "name" "API_DBUSER" "of" .Values.facade.database) }}
{{- include "device-manager.env.postgrescertificates" . }}
{{- end -}}

{{/* The protocol as well: it demands a user, whom only the programs that talk to Kafka are given. */}}
{{- define "device-manager.env.kafka" -}}
{{- if ne .Values.kafka.protocol "PLAINTEXT" }}
- name: KAFKA_SECURITY_PROTOCOL
  value: {{ .Values.kafka.protocol }}
{{- end }}
{{- if hasPrefix "SASL" .Values.kafka.protocol }}
- name: KAFKA_SASL_MECHANISM
  value: {{ .Values.kafka.sasl.mechanism }}
{{- include "device-manager.login" (dict "root" . "user" "KAFKA_SASL_USERNAME" "password" "KAFKA_SASL_PASSWORD" "of" .Values.kafka.sasl) }}
{{- end }}
{{- if hasSuffix "SSL" .Values.kafka.protocol }}
{{- if not .Values.kafka.tls.verifyHost }}
- name: KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM
  value: none
{{- end }}
{{- include "device-manager.certificates" (dict "folder" "kafka" "tls" .Values.kafka.tls "ca" "KAFKA_SSL_CA_LOCATION" "cert" "KAFKA_SSL_CERTIFICATE_LOCATION" "key" "KAFKA_SSL_KEY_LOCATION") }}
{{- include "device-manager.fromsecret" (dict "name" "KAFKA_SSL_KEY_PASSWORD" "secret" .Values.kafka.tls.existingSecret "key" .Values.kafka.tls.keyPasswordKey) }}
{{- end }}
{{- end -}}

{{- define "device-manager.env.redis" -}}
{{- include "device-manager.login" (dict "root" . "user" "REDIS_USERNAME" "password" "REDIS_PASSWORD" "of" .Values.redis) }}
{{- if .Values.redis.tls.enabled }}
{{- include "device-manager.certificates" (dict "folder" "redis" "tls" .Values.redis.tls "ca" "REDIS_TLS_CA_FILE" "cert" "REDIS_TLS_CERT_FILE" "key" "REDIS_TLS_KEY_FILE") }}
{{- end }}
{{- end -}}

{{- define "device-manager.env.encryption" -}}
{{- $of := .Values.encryption -}}
{{- include "device-manager.fromsecret" (dict "root" . "name" "DEV_MNGR_CRYPTO_PASS" "secret" $of.existingSecret "key" $of.secretKeys.password "value" $of.password) }}
{{- include "device-manager.fromsecret" (dict "root" . "name" "DEV_MNGR_CRYPTO_SALT" "secret" $of.existingSecret "key" $of.secretKeys.salt "value" $of.salt) }}
{{- include "device-manager.fromsecret" (dict "root" . "name" "DEV_MNGR_CRYPTO_IV" "secret" $of.existingSecret "key" $of.secretKeys.iv "value" $of.iv) }}
{{- include "device-manager.fromsecret" (dict "root" . "name" "DEV_MNGR_CRYPTO_FORMER" "secret" $of.existingSecret "key" $of.secretKeys.former "value" (include "device-manager.former" .)) }}
{{- end -}}

{{- define "device-manager.env.auth" -}}
{{- $of := .Values.facade.auth -}}
{{- include "device-manager.fromsecret" (dict "root" . "name" "JWT_SECRET" "secret" $of.existingSecret "key" $of.secretKeys.secret "value" "") }}
{{- end -}}
