//! `v1` Service: its fields, and the checks that the API server makes.
//!
//! Must never know: which pods are behind it (`services`).

mod fields;
mod ports;

use std::collections::BTreeMap;

use super::meta::{Meta, labels};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::Address;
use crate::model::inet::{Family, IpNet};
use crate::model::service::ServiceKind;

pub(super) use ports::PortObject;

/// How many families a Service wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FamilyPolicy {
    /// One.
    #[default]
    Single,
    /// Two where the cluster has two.
    PreferDual,
    /// Two.
    RequireDual,
}

/// `type`, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

/// A Service as written.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent fields of the object"
)]
pub struct ServiceObject {
    /// Its metadata.
    pub meta: Meta,
    /// How it is offered; `clusterIP: None` is [`ServiceKind::Headless`].
    pub kind: ServiceKind,
    /// `clusterIPs`, else `clusterIP`; empty where they are to be allocated, and where there are none.
    pub cluster_ips: Vec<Address>,
    /// `ipFamilies`.
    pub families: Vec<Family>,
    /// `ipFamilyPolicy`.
    pub family_policy: FamilyPolicy,
    /// `selector`, where it is not empty: an empty one selects nothing.
    pub selector: Option<BTreeMap<String, String>>,
    /// Where the selector is written.
    pub selector_span: Option<Span>,
    /// `ports`.
    pub ports: Vec<PortObject>,
    /// `externalIPs`.
    pub external_ips: Vec<Address>,
    /// Addresses of the load balancer that nodes take for their own: those with an `ip`, and not `ipMode: Proxy`.
    pub balancer: Vec<Address>,
    /// `loadBalancerSourceRanges`: who may use the load balancer; none is everybody.
    pub balancer_sources: Option<Vec<IpNet>>,
    /// Whether ports of nodes are allocated for a load balancer.
    pub allocates_node_ports: bool,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `publishNotReadyAddresses`.
    pub publish_not_ready: bool,
}

/// Reads one.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<ServiceObject> {
    let before = problems.errors();
    let mut object = Fields::of(node, "a Service", problems)?;
    object.entry("apiVersion");
    object.entry("kind");
    let meta = Meta::read(&mut object, problems);
    let spec = object.required("spec", problems);
    let status = object.get("status");
    object.finish(problems);
    let balancer = status.map_or_else(Vec::new, |s| fields::balancer(s, problems));
    let read = spec.and_then(|spec| read_spec(spec, meta, balancer, problems));
    read.filter(|_| problems.errors() == before)
}

fn read_spec(
    node: Node<'_>,
    meta: Option<Meta>,
    balancer: Vec<Address>,
    problems: &mut Problems,
) -> Option<ServiceObject> {
    let mut spec = Fields::of(node, "`spec` of a Service", problems)?;
    let written = spec.get("type");
    let kind = written
        .and_then(|n| decode::choice(n, TYPES, problems))
        .unwrap_or(Type::ClusterIp);
    let ips = fields::cluster_ips(&mut spec, kind == Type::ExternalName, problems);
    let families = fields::families(&mut spec, &ips.addresses, problems);
    let family_policy = spec
        .get("ipFamilyPolicy")
        .and_then(|n| decode::choice(n, FAMILY_POLICIES, problems));
    let selector = spec.entry("selector");
    let selector_span = selector.map(|e| e.key_span);
    let selector = selector.and_then(|e| labels(e.value, problems));
    let ports = ports::read(&mut spec, problems);
    let external_ips = fields::external_ips(&mut spec, problems);
    let sources = fields::sources(&mut spec, problems);
    let mut flag = |key, default| {
        let value = spec.get(key).and_then(|n| decode::boolean(n, problems));
        value.unwrap_or(default)
    };
    let publish_not_ready = flag("publishNotReadyAddresses", false);
    let allocates_node_ports = flag("allocateLoadBalancerNodePorts", true);
    let internal = spec.get("internalTrafficPolicy");
    let internal_local = internal.and_then(|n| decode::choice(n, POLICIES, problems));
    let external = spec.get("externalTrafficPolicy");
    let external_local = external.and_then(|n| decode::choice(n, POLICIES, problems));
    if let Some(node) = spec.get("sessionAffinity") {
        // It pins later connections of one client; who can be met does not change.
        decode::choice(node, &[("None", ()), ("ClientIP", ())], problems);
    }
    if let Some(node) = spec.get("externalName") {
        decode::string(node, problems);
    } else if kind == Type::ExternalName {
        let message = "a Service of `type: ExternalName` wants the field `externalName`";
        problems.push(Diagnostic::error("I019", spec.span(), message));
    }
    for key in NEUTRAL {
        spec.entry(key);
    }
    let span = spec.span();
    spec.finish(problems);

    let mut refuse = |at: Option<Node<'_>>, message: &str| {
        problems.push(Diagnostic::error(
            "K201",
            at.map_or(span, Node::span),
            message,
        ));
    };
    if ips.headless && matches!(kind, Type::NodePort | Type::LoadBalancer) {
        refuse(
            written,
            "a Service with ports of nodes cannot have `clusterIP: None`",
        );
    }
    let outward = matches!(kind, Type::NodePort | Type::LoadBalancer) || !external_ips.is_empty();
    if external.is_some() && !outward {
        refuse(
            external,
            "`externalTrafficPolicy` may be set only where a Service is reached from outside",
        );
    }
    if ports.is_empty() && !ips.headless && kind != Type::ExternalName {
        refuse(None, "a Service wants at least one port");
    }
    if kind == Type::ClusterIp || kind == Type::ExternalName {
        for port in ports.iter().filter(|p| p.node_port.is_some()) {
            let message = "a `nodePort` wants `type: NodePort` or `type: LoadBalancer`";
            problems.push(Diagnostic::error("K201", port.origin, message));
        }
    }
    Some(ServiceObject {
        meta: meta?,
        kind: match kind {
            Type::ClusterIp if ips.headless => ServiceKind::Headless,
            Type::ClusterIp => ServiceKind::ClusterIp,
            Type::NodePort => ServiceKind::NodePort,
            Type::LoadBalancer => ServiceKind::LoadBalancer,
            Type::ExternalName => ServiceKind::ExternalName,
        },
        cluster_ips: ips.addresses,
        families,
        family_policy: family_policy.unwrap_or_default(),
        selector: selector.filter(|s| !s.is_empty()),
        selector_span,
        ports,
        external_ips,
        balancer: if kind == Type::LoadBalancer {
            balancer
        } else {
            Vec::new()
        },
        balancer_sources: sources,
        allocates_node_ports,
        internal_local: internal_local.unwrap_or(false),
        external_local: external_local.unwrap_or(false),
        publish_not_ready,
    })
}

/// Fields that say nothing of who can be met: hints, timeouts, what a cloud is asked for.
const NEUTRAL: [&str; 5] = [
    "sessionAffinityConfig",
    "healthCheckNodePort",
    "loadBalancerClass",
    "loadBalancerIP",
    "trafficDistribution",
];

const TYPES: &[(&str, Type)] = &[
    ("ClusterIP", Type::ClusterIp),
    ("NodePort", Type::NodePort),
    ("LoadBalancer", Type::LoadBalancer),
    ("ExternalName", Type::ExternalName),
];

/// Whether a policy is `Local`.
const POLICIES: &[(&str, bool)] = &[("Cluster", false), ("Local", true)];

const FAMILY_POLICIES: &[(&str, FamilyPolicy)] = &[
    ("SingleStack", FamilyPolicy::Single),
    ("PreferDualStack", FamilyPolicy::PreferDual),
    ("RequireDualStack", FamilyPolicy::RequireDual),
];
