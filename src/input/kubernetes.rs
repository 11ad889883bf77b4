//! Kubernetes objects: manifests, and what `kubectl get -o yaml` prints.
//!
//! Knows: groups, versions and kinds, and which file reads which. Must never know: what a FIB does, formulas.
//!
//! Two passes, as for a cluster file: objects of all texts of a PATH are read one by one into [`Objects`], each by the
//! file named after its kind; then `assemble` makes one cluster of them.

pub mod meta;
pub mod policy;

mod assemble;
mod cluster_policy;
mod endpoints;
mod gateway;
mod ingress;
mod namespace;
mod network_policy;
pub mod node;
pub mod pod;
pub mod schedule;
pub mod selector;
mod service;
pub mod services;
pub mod strange;
mod template;
mod workload;

use std::collections::HashMap;

use super::problems::Problems;
use super::yaml::Node as Yaml;
use crate::base::source::Span;
use crate::model::cluster::Namespace;
use crate::model::inet::IpNet;
use crate::model::policy::{ClusterPolicy, NetworkPolicy};

pub use assemble::{About, PodFacts, assemble};

/// The codes of this stage, with a title each.
pub const CODES: &[(&str, &str)] = &[
    ("K001", "two objects of one kind have the same name"),
    ("K002", "more pods than one cluster may hold"),
    ("K003", "the pod CIDRs hold too few addresses"),
    ("K004", "a name is there twice in a pod"),
    ("K006", "an apiVersion of a known kind that is not read"),
    (
        "K007",
        "a workload is at work, and none of its pods is there",
    ),
    ("K008", "objects of kinds that are not read"),
    ("K009", "pods that no node will do for"),
    ("K010", "pods that wait for their scheduling gates"),
];

/// Everything that was read of one cluster, before names are resolved.
#[derive(Debug, Default)]
pub struct Objects {
    /// Pods.
    pub pods: Vec<pod::PodObject>,
    /// Workloads with a template.
    pub workloads: Vec<workload::WorkloadObject>,
    /// Nodes.
    pub nodes: Vec<node::NodeObject>,
    /// Namespaces.
    pub namespaces: Vec<Namespace>,
    /// Services.
    pub services: Vec<service::ServiceObject>,
    /// EndpointSlices, and Endpoints as slices.
    pub slices: Vec<endpoints::SliceObject>,
    /// Ingresses.
    pub ingresses: Vec<ingress::IngressObject>,
    /// Gateways.
    pub gateways: Vec<gateway::GatewayObject>,
    /// Routes of the Gateway API.
    pub routes: Vec<gateway::RouteObject>,
    /// `ReferenceGrant`s.
    pub grants: Vec<gateway::GrantObject>,
    /// NetworkPolicies.
    pub network_policies: Vec<NetworkPolicy>,
    /// ClusterNetworkPolicies and their predecessors.
    pub cluster_policies: Vec<ClusterPolicy>,
    /// Who is there beside pods, where a snapshot says it; else every node has an agent, and there is an outside.
    pub installed: Option<Installed>,
}

/// Who is there beside pods.
#[derive(Debug, Default)]
pub struct Installed {
    /// Names of processes, by node.
    pub daemons: HashMap<String, Vec<String>>,
    /// Hosts outside.
    pub outsiders: Vec<Outsider>,
}

/// A host outside.
#[derive(Debug)]
pub struct Outsider {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub prefixes: Vec<IpNet>,
    /// Where it is written.
    pub origin: Span,
}

/// Which API groups, versions and kinds are read. The core group is the empty word.
#[rustfmt::skip]
pub const KINDS: &[(&str, &[&str], &str)] = &[
    ("", &["v1"], "Pod"),
    ("apps", &["v1"], "Deployment"),
    ("apps", &["v1"], "StatefulSet"),
    ("apps", &["v1"], "DaemonSet"),
    ("apps", &["v1"], "ReplicaSet"),
    ("", &["v1"], "ReplicationController"),
    ("batch", &["v1"], "Job"),
    ("batch", &["v1", "v1beta1"], "CronJob"),
    ("", &["v1"], "Node"),
    ("", &["v1"], "Namespace"),
    ("", &["v1"], "Service"),
    ("", &["v1"], "Endpoints"),
    ("discovery.k8s.io", &["v1", "v1beta1"], "EndpointSlice"),
    ("networking.k8s.io", &["v1"], "NetworkPolicy"),
    ("networking.k8s.io", &["v1"], "Ingress"),
    ("policy.networking.k8s.io", &["v1alpha2", "v1beta1"], "ClusterNetworkPolicy"),
    ("policy.networking.k8s.io", &["v1alpha1"], "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", &["v1alpha1"], "BaselineAdminNetworkPolicy"),
    ("gateway.networking.k8s.io", &["v1", "v1beta1"], "Gateway"),
    ("gateway.networking.k8s.io", &["v1", "v1beta1"], "HTTPRoute"),
    ("gateway.networking.k8s.io", &["v1"], "GRPCRoute"),
    ("gateway.networking.k8s.io", &["v1alpha2"], "TCPRoute"),
    ("gateway.networking.k8s.io", &["v1", "v1beta1"], "ReferenceGrant"),
];

/// Those of [`KINDS`] that have a pod template.
pub const WORKLOADS: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
];

/// Reads one object of a kind in [`KINDS`]. Every mistake is told, and an object with a mistake is not added.
pub fn read(kind: &str, node: Yaml<'_>, problems: &mut Problems, objects: &mut Objects) {
    match kind {
        "Pod" => objects.pods.extend(pod::read(node, problems)),
        _ if WORKLOADS.contains(&kind) => {
            objects
                .workloads
                .extend(workload::read(kind, node, problems));
        }
        "Node" => objects.nodes.extend(node::read(node, problems)),
        "Namespace" => objects.namespaces.extend(namespace::read(node, problems)),
        "Service" => objects.services.extend(service::read(node, problems)),
        "Endpoints" => objects
            .slices
            .extend(endpoints::read_endpoints(node, problems)),
        "EndpointSlice" => objects.slices.extend(endpoints::read_slice(node, problems)),
        "NetworkPolicy" => objects
            .network_policies
            .extend(network_policy::read(node, problems)),
        "Ingress" => objects.ingresses.extend(ingress::read(node, problems)),
        "ClusterNetworkPolicy" | "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy" => {
            objects
                .cluster_policies
                .extend(cluster_policy::read(kind, node, problems));
        }
        "Gateway" => objects
            .gateways
            .extend(gateway::read_gateway(node, problems)),
        "HTTPRoute" | "GRPCRoute" | "TCPRoute" => objects
            .routes
            .extend(gateway::read_route(kind, node, problems)),
        "ReferenceGrant" => objects.grants.extend(gateway::read_grant(node, problems)),
        _ => {}
    }
}
