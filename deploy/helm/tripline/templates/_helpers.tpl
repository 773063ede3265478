{{/* Names, labels, and what all containers of Tripline have in common. */}}

{{- define "tripline.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tripline.labels" -}}
{{ include "tripline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "tripline.selector" -}}
app.kubernetes.io/name: tripline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tripline.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A user that is not root, of a number that a hostPath can be given to. */}}
{{- define "tripline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tripline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings that all roles share, as environment variables: call with (dict "root" $ "role" NAME). */}}
{{- define "tripline.environment" -}}
{{- $brokers := required "kafka.brokers is empty: name some brokers of the cluster, --set 'kafka.brokers={broker-0:9092}'" (first .root.Values.kafka.brokers) -}}
- {name: TRIPLINE_KAFKA__BROKERS, value: {{ .root.Values.kafka.brokers | toJson | quote }}}
- {name: TRIPLINE_KAFKA__SECURITY, value: {{ .root.Values.kafka.security | quote }}}
{{- with .root.Values.kafka.loginSecret }}
- {name: TRIPLINE_KAFKA__USERNAME, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: username}}}
- {name: TRIPLINE_KAFKA__PASSWORD, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: password}}}
{{- end }}
- {name: TRIPLINE_ROLES__TOPIC_PREFIX, value: {{ .root.Values.roles.topicPrefix | quote }}}
- {name: TRIPLINE_ROLES__PARTITIONS, value: {{ .root.Values.roles.partitions | quote }}}
- {name: TRIPLINE_ROLES__REPLICATION, value: {{ .root.Values.roles.replication | quote }}}
{{- if eq .role "sensor" }}
- {name: TRIPLINE_ROLES__NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
{{- else }}
- {name: TRIPLINE_ROLES__NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- end }}
{{- end }}

{{/* Asked in the container: the dashboard listens on loopback. */}}
{{- define "tripline.probes" -}}
startupProbe: {exec: {command: [/usr/bin/tripline, health, --url, "http://127.0.0.1:{{ .port }}"]}, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 60}
livenessProbe: {exec: {command: [/usr/bin/tripline, health, --url, "http://127.0.0.1:{{ .port }}"]}, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 4}
readinessProbe: {exec: {command: [/usr/bin/tripline, health, --ready, --url, "http://127.0.0.1:{{ .port }}"]}, periodSeconds: 10, timeoutSeconds: 5}
{{- end }}
