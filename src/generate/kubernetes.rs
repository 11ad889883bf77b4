//! Objects as `kubectl get -o json` prints them: keys in alphabetical order, so that `items` comes before `kind`, and
//! in every pod what the API server and the kubelet add to it.
//!
//! Must never know: how they are read.

use std::fmt::{self, Write};

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::Wish;
use super::plan::{PORT, Plan};
use super::pod::Written;
use super::policy;

/// A `List` of everything.
pub(super) fn list(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
    for namespace in 0..plan.namespaces {
        let name = Plan::namespace_name(namespace);
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"labels": {"kubernetes.io/metadata.name": name}, "name": name},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        item(&object, namespace == 0, out)?;
    }
    for number in 0..plan.nodes {
        item(&node(plan, number), false, out)?;
    }
    pods(wish, plan, true, out)?;
    let written = Written::new(wish, plan);
    for number in 0..wish.services {
        item(&service(plan, &written, number), false, out)?;
    }
    for number in 0..wish.policies {
        item(&policy::policy(wish, plan, number), false, out)?;
    }
    out.write_str("\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n")
}

/// A `PodList`, whose items do not say what they are.
pub(super) fn pod_list(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
    pods(wish, plan, false, out)?;
    out.write_str(
        "\n    ],\n    \"kind\": \"PodList\",\n    \"metadata\": {\n        \"resourceVersion\": \"1\"\n    }\n}\n",
    )
}

fn item(object: &Value, first: bool, out: &mut dyn Write) -> fmt::Result {
    out.write_str(if first { "\n" } else { ",\n" })?;
    out.write_str(&pretty(object))
}

/// As `kubectl` indents the items of a list.
fn pretty(object: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    // Writing to memory cannot fail.
    let _ = object.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    let text = String::from_utf8(bytes).unwrap_or_default();
    format!("        {}", text.replace('\n', "\n        "))
}

fn node(plan: &Plan, number: u32) -> Value {
    let name = Plan::node_name(number);
    let mut addresses: Vec<Value> = plan
        .node_addresses(number)
        .iter()
        .map(|ip| json!({"address": ip, "type": "InternalIP"}))
        .collect();
    addresses.push(json!({"address": name, "type": "Hostname"}));
    let nets: Vec<String> = plan
        .pod_nets(number)
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}, "name": name},
        "spec": {"podCIDR": nets[0], "podCIDRs": nets},
        "status": {
            "addresses": addresses,
            "allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "capacity": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "conditions": [{"status": "True", "type": "Ready"}],
        },
    })
}

fn service(plan: &Plan, written: &Written<'_>, number: u32) -> Value {
    let app = plan.app_of_service(number);
    let addresses = written.service(number);
    let families: Vec<&str> = addresses
        .iter()
        .map(|a| if a.is_ipv4() { "IPv4" } else { "IPv6" })
        .collect();
    let policy = ["SingleStack", "RequireDualStack"][usize::from(addresses.len() > 1)];
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": format!("svc-{}", number + 1),
            "namespace": Plan::namespace_name(plan.namespace_of(app)),
        },
        "spec": {
            "clusterIP": addresses[0],
            "clusterIPs": addresses,
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": families,
            "ipFamilyPolicy": policy,
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": written.target(number)}],
            "selector": {"app": format!("app-{}", app + 1)},
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    })
}

/// A text with gaps, since all pods are the same but for a few words: half a million of them are written by copying.
struct Template {
    /// What stands before each gap, and which one it is.
    parts: Vec<(String, usize)>,
    end: String,
}

/// What differs from pod to pod; in the template each is a word that stands for itself.
const GAPS: [&str; 7] = [
    "@name@",
    "@namespace@",
    "@node@",
    "@host@",
    "@ips@",
    "@ip@",
    "@app@",
];
/// Tiers turn with the pods too, and are few.
const TIER: &str = "@tier@";

impl Template {
    fn of(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let next = GAPS
                .iter()
                .chain([&TIER])
                .enumerate()
                .filter_map(|(gap, word)| Some((rest.find(word)?, gap, word.len())))
                .min();
            let Some((at, gap, length)) = next else {
                break;
            };
            parts.push((rest[..at].to_owned(), gap));
            rest = &rest[at + length..];
        }
        Self {
            parts,
            end: rest.to_owned(),
        }
    }

    fn write(&self, words: &[String; 8], out: &mut dyn Write) -> fmt::Result {
        for (before, gap) in &self.parts {
            out.write_str(before)?;
            out.write_str(&words[*gap])?;
        }
        out.write_str(&self.end)
    }
}

fn pods(wish: &Wish, plan: &Plan, typed: bool, out: &mut dyn Write) -> fmt::Result {
    let written = Written::new(wish, plan);
    let template = Template::of(&template(wish, typed));
    for pod in 0..plan.pods() {
        let app = plan.app_of(pod);
        let addresses = written.pod(pod);
        let ips: Vec<String> = addresses
            .iter()
            .map(|ip| {
                format!("{{\n                        \"ip\": \"{ip}\"\n                    }}")
            })
            .collect();
        let words = [
            plan.pod_name(pod),
            plan.pod_namespace(pod),
            Plan::node_name(plan.node_of(pod)),
            plan.node_addresses(plan.node_of(pod))[0].to_string(),
            ips.join(",\n                    "),
            addresses[0].to_string(),
            format!("app-{}", app + 1),
            format!("tier-{}", app % 7),
        ];
        let first = pod == 0 && !typed;
        out.write_str(if first { "\n" } else { ",\n" })?;
        template.write(&words, out)?;
    }
    Ok(())
}

/// A pod of a Deployment, with what the API server and the kubelet write into it, and an environment that makes it as
/// long as is wanted.
fn template(wish: &Wish, typed: bool) -> String {
    let mut pod = pod(wish, 0);
    if typed {
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
    }
    let mut text = pretty(&pod);
    let long = wish.pad.saturating_sub(text.len());
    if long > 0 {
        let one = pretty_length(wish, 64).saturating_sub(pretty_length(wish, 0)) / 64;
        let entries = long.div_ceil(one.max(1));
        let mut longer = self::pod(wish, entries);
        if typed {
            longer["apiVersion"] = json!("v1");
            longer["kind"] = json!("Pod");
        }
        text = pretty(&longer);
    }
    text.replace("\"@ips@\"", "@ips@")
}

fn pretty_length(wish: &Wish, entries: usize) -> usize {
    pretty(&pod(wish, entries)).len()
}

fn pod(wish: &Wish, entries: usize) -> Value {
    let env: Vec<Value> = (1..=entries)
        .map(|n| json!({"name": format!("SETTING_{n:04}"), "value": format!("value of setting {n:04}")}))
        .collect();
    let containers: Vec<Value> = (0..wish.containers)
        .map(|at| {
            let mut container = json!({
                "image": "registry.example/team/app:1.27.3",
                "imagePullPolicy": "IfNotPresent",
                "name": format!("c{}", at + 1),
                "ports": [{"containerPort": PORT + at, "name": format!("http-{}", at + 1), "protocol": "TCP"}],
                "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                    "name": "kube-api-access", "readOnly": true}],
            });
            if at == 0 && !env.is_empty() {
                container["env"] = Value::Array(env.clone());
            }
            container
        })
        .collect();
    let managed: Map<String, Value> = [
        "env",
        "image",
        "imagePullPolicy",
        "name",
        "ports",
        "resources",
    ]
    .iter()
    .map(|field| (format!("f:{field}"), json!({".": {}, "f:value": {}})))
    .collect();
    let conditions = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ];
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|kind| json!({"lastProbeTime": null, "lastTransitionTime": "2026-11-01T09:00:07Z", "status": "True", "type": kind}))
        .collect();
    let statuses: Vec<Value> = (0..wish.containers)
        .map(|at| {
            json!({
                "containerID": format!("containerd://{:064x}", at + 1),
                "image": "registry.example/team/app:1.27.3",
                "imageID": format!("registry.example/team/app@sha256:{:064x}", at + 1),
                "lastState": {},
                "name": format!("c{}", at + 1),
                "ready": true,
                "restartCount": 0,
                "started": true,
                "state": {"running": {"startedAt": "2026-11-01T09:00:06Z"}},
            })
        })
        .collect();
    json!({
        "metadata": {
            "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-01T09:00:00Z"},
            "creationTimestamp": "2026-11-01T09:00:01Z",
            "generateName": "@app@-6d4cf56db6-",
            "labels": {"app": "@app@", "pod-template-hash": "6d4cf56db6", "tier": "@tier@"},
            "managedFields": [{
                "apiVersion": "v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": managed}},
                "manager": "kube-controller-manager",
                "operation": "Update",
                "time": "2026-11-01T09:00:01Z",
            }],
            "name": "@name@",
            "namespace": "@namespace@",
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "blockOwnerDeletion": true,
                "controller": true,
                "kind": "ReplicaSet",
                "name": "@app@-6d4cf56db6",
                "uid": "7d1f1b7c-0000-4000-8000-000000000001",
            }],
            "resourceVersion": "1",
            "uid": "7d1f1b7c-0000-4000-8000-000000000002",
        },
        "spec": {
            "containers": containers,
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": true,
            "nodeName": "@node@",
            "priority": 0,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists",
                "tolerationSeconds": 300}],
            "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420,
                "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
        },
        "status": {
            "conditions": conditions,
            "containerStatuses": statuses,
            "hostIP": "@host@",
            "hostIPs": [{"ip": "@host@"}],
            "phase": "Running",
            "podIP": "@ip@",
            "podIPs": ["@ips@"],
            "qosClass": "Burstable",
            "startTime": "2026-11-01T09:00:01Z",
        },
    })
}
