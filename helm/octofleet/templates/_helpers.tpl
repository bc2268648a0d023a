{{- define "octofleet.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "octofleet.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "octofleet.labels" -}}
{{ include "octofleet.selectorLabels" . }}
app.kubernetes.io/part-of: octofleet
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The rights on namespaced objects, in every namespace served. Secrets: no list, no watch. RBAC
can't narrow create to a name, so it is create on any Secret there. */}}
{{- define "octofleet.rules" -}}
- apiGroups: [octofleet.io]
  resources: [jitsiclusters]
  verbs: [get, list, watch, patch]
- apiGroups: [octofleet.io]
  resources: [octoregions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [octofleet.io]
  resources: [jitsiclusters/status, octoregions/status]
  verbs: [patch]
# Children block their owner's deletion, which asks for this on the owner.
- apiGroups: [octofleet.io]
  resources: [jitsiclusters/finalizers, octoregions/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, create, patch, delete]
# Listed: looked through for those in front of bridges. The rest is for web's own.
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [list]
{{- end -}}
