//! `v1` Pod, and the pod templates of workloads.
//!
//! Knows: which fields say who listens where. Must never know: which node or address a pod is given that has none.
//!
//! Source: semantics P1 to P7. Init containers have ended before the pod is ready, unless they are sidecars
//! (`restartPolicy: Always`), whose ports are searched after those of the others. Ephemeral containers have no ports.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::meta::{self, Meta};
use super::schedule::{self, Wants};
use super::template;
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::{Node, Value};
use crate::model::cluster::Address;
use crate::model::inet::Protocol;
use crate::model::labels::Open;

/// A Pod as written.
#[derive(Debug)]
pub struct PodObject {
    /// Name, namespace, labels, owner.
    pub meta: Meta,
    /// Which labels it may have beside those of `meta`.
    pub open: Open,
    /// Whether the name is only `generateName`: then others may be called the same.
    pub generated: bool,
    /// What it runs.
    pub spec: PodSpec,
    /// What is known of it; none for a manifest.
    pub status: Option<PodStatus>,
    /// Where it is written.
    pub origin: Span,
}

/// What a pod runs.
#[derive(Debug, Clone)]
pub struct PodSpec {
    /// `hostNetwork`.
    pub host_network: bool,
    /// `nodeName`.
    pub node: Option<String>,
    /// What it asks of its node, where that is not named; none where it asks nothing.
    pub wants: Option<Box<Wants>>,
    /// Whether it has `schedulingGates` left: it is on no node until somebody takes them away.
    pub gated: bool,
    /// Containers, then sidecars.
    pub containers: Vec<ContainerObject>,
}

/// A container as written.
#[derive(Debug, Clone)]
pub struct ContainerObject {
    /// Its name.
    pub name: String,
    /// Its ports.
    pub ports: Vec<PortObject>,
    /// Where it is written.
    pub origin: Span,
}

/// A port of a container as written.
#[derive(Debug, Clone)]
pub struct PortObject {
    /// `name`.
    pub name: Option<String>,
    /// `containerPort`.
    pub port: u16,
    /// `protocol`, TCP by default.
    pub protocol: Protocol,
    /// `hostPort`.
    pub host_port: Option<u16>,
    /// `hostIP`.
    pub host_ip: Option<IpAddr>,
    /// Where it is written.
    pub origin: Span,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not started yet.
    Pending,
    /// Started; also where nothing is said.
    Running,
    /// Ended: `Succeeded` or `Failed`. It holds no address, whatever its status still says.
    Ended,
}

/// What a dump says of a pod.
#[derive(Debug)]
pub struct PodStatus {
    /// `phase`.
    pub phase: Phase,
    /// `podIPs`, else `podIP`.
    pub ips: Vec<Address>,
    /// `hostIPs`, else `hostIP`.
    pub host_ips: Vec<Address>,
    /// The condition `Ready`; where there are no conditions at all, yes.
    pub ready: bool,
}

const POD: &[&str] = &["apiVersion", "kind", "metadata", "$schema"];
/// Other fields of a pod's `spec`: they say nothing about the network, and none is a slip of one that does.
#[rustfmt::skip]
pub(in crate::input) const SPEC: &[&str] = &[
    "activeDeadlineSeconds", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks",
    "ephemeralContainers", "hostAliases", "hostIPC", "hostPID", "hostUsers", "hostname", "hostnameOverride",
    "imagePullSecrets", "os", "overhead", "preemptionPolicy", "priority", "priorityClassName",
    "readinessGates", "resourceClaims", "resources", "restartPolicy", "runtimeClassName", "schedulerName",
    "securityContext", "serviceAccount", "serviceAccountName", "setHostnameAsFQDN",
    "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "topologySpreadConstraints",
    "volumes",
];
#[rustfmt::skip]
pub(in crate::input) const CONTAINER: &[&str] = &[
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "readinessProbe",
    "resizePolicy", "resources", "restartPolicyRules", "securityContext", "startupProbe", "stdin", "stdinOnce",
    "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir",
];
#[rustfmt::skip]
pub(in crate::input) const STATUS: &[&str] = &[
    "message", "reason", "startTime", "qosClass", "containerStatuses", "initContainerStatuses",
    "ephemeralContainerStatuses", "nominatedNodeName", "resize", "observedGeneration", "resourceClaimStatuses",
];

/// Reads one.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<PodObject> {
    let before = problems.errors();
    let mut top = Fields::of(node, "a Pod", problems)?;
    let origin = top.span();
    let meta = Meta::read(&mut top, problems);
    let generated = !meta::has_name(node);
    let spec = top
        .required("spec", problems)
        .and_then(|spec| read_spec(spec, problems));
    let status = template::status(&mut top).and_then(|status| read_status(status, problems));
    top.finish_lenient(POD, problems);
    if problems.errors() > before {
        return None;
    }
    Some(PodObject {
        meta: meta?,
        open: Open::Closed,
        generated,
        spec: spec?,
        status,
        origin,
    })
}

/// Reads `spec` of a pod or of a template.
pub(super) fn read_spec(node: Node<'_>, problems: &mut Problems) -> Option<PodSpec> {
    let mut fields = Fields::of(node, "`spec` of a pod", problems)?;
    let host_network = fields
        .get("hostNetwork")
        .and_then(|n| decode::boolean(n, problems));
    let given = fields
        .get("nodeName")
        .filter(|node| node.as_str() != Some(""));
    let host = given.and_then(|n| decode::name(n, problems));
    let wants = schedule::read(&mut fields, problems);
    let asks = host.is_none() && wants != Wants::default();
    let first = fields.list("schedulingGates", problems).next();
    // Who is on a node has passed them.
    let gate = first.filter(|_| host.is_none()).map(Node::span);
    if let Some(gate) = gate {
        let message = "a pod with scheduling gates waits for them: it is taken not to start";
        let help = "leave `schedulingGates` out to look at the time when they are gone";
        let diagnostic = Diagnostic::error("K010", gate, message).warning();
        problems.push(diagnostic.help(help));
    }
    let mut names: HashMap<String, Span> = HashMap::new();
    let mut containers = Vec::new();
    fields.required("containers", problems);
    for item in fields.list("containers", problems) {
        containers.extend(container(item, false, &mut names, problems));
    }
    for item in fields.list("initContainers", problems) {
        containers.extend(container(item, true, &mut names, problems));
    }
    fields.finish_lenient(SPEC, problems);
    Some(PodSpec {
        host_network: host_network.unwrap_or(false),
        node: host.map(str::to_owned),
        wants: asks.then(|| Box::new(wants)),
        gated: gate.is_some(),
        containers,
    })
}

/// Reads a container; none where it is an init container that has ended when the pod is ready.
fn container(
    node: Node<'_>,
    init: bool,
    names: &mut HashMap<String, Span>,
    problems: &mut Problems,
) -> Option<ContainerObject> {
    let mut fields = Fields::of(node, "a container", problems)?;
    let origin = fields.span();
    let given = fields.required("name", problems);
    let name = given.and_then(|n| decode::name(n, problems));
    if let (Some(name), Some(given)) = (name, given)
        && let Some(there) = names.insert(name.to_owned(), given.span())
    {
        let message = format!("the container {} is there twice in the pod", show(name));
        let diagnostic = Diagnostic::error("K004", given.span(), message);
        problems.push(diagnostic.related(there, "first written here"));
    }
    let policy = fields.get("restartPolicy");
    let always = policy.is_some_and(|n| n.as_str() == Some("Always"));
    let ports = ports(&mut fields, problems);
    fields.finish_lenient(CONTAINER, problems);
    (!init || always).then_some(())?;
    Some(ContainerObject {
        name: name?.to_owned(),
        ports,
        origin,
    })
}

fn ports(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<PortObject> {
    let mut ports = Vec::new();
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    for item in fields.list("ports", problems) {
        let Some(mut fields) = Fields::of(item, "a port of a container", problems) else {
            continue;
        };
        let origin = fields.span();
        let number = fields.required("containerPort", problems);
        let number = number.and_then(|n| decode::port(n, problems));
        let protocol = match fields.get("protocol") {
            None => Some(Protocol::Tcp),
            Some(node) => decode::protocol(node, problems),
        };
        let given = fields.get("name").filter(|n| n.as_str() != Some(""));
        let name = given.and_then(|n| decode::name(n, problems));
        if let (Some(name), Some(given)) = (name, given)
            && let Some(there) = names.insert(name, given.span())
        {
            let message = format!(
                "the port name {} is there twice in the container",
                show(name)
            );
            let diagnostic = Diagnostic::error("K004", given.span(), message);
            problems.push(diagnostic.related(there, "first written here"));
        }
        // The API server takes 0 for nothing.
        let host_port = fields
            .get("hostPort")
            .filter(|n| !matches!(n.value(), Value::Int(0)));
        let host_port = host_port.and_then(|n| decode::port(n, problems));
        let host_ip = fields.get("hostIP").filter(|n| n.as_str() != Some(""));
        let host_ip = host_ip.and_then(|n| decode::address(n, problems));
        fields.finish_lenient(&[], problems);
        let (Some(port), Some(protocol)) = (number, protocol) else {
            continue;
        };
        ports.push(PortObject {
            name: name.map(str::to_owned),
            port,
            protocol,
            host_port,
            host_ip: host_ip.map(|a| a.ip).filter(|ip| !ip.is_unspecified()),
            origin,
        });
    }
    ports
}

fn read_status(node: Node<'_>, problems: &mut Problems) -> Option<PodStatus> {
    let mut fields = Fields::of(node, "`status` of a pod", problems)?;
    let phase = fields.get("phase");
    let phase = phase.and_then(|n| {
        let words = [
            ("Pending", Phase::Pending),
            ("Running", Phase::Running),
            ("Succeeded", Phase::Ended),
            ("Failed", Phase::Ended),
            ("Unknown", Phase::Running),
        ];
        decode::choice(n, &words, problems)
    });
    let ips = addresses(&mut fields, "podIPs", "podIP", problems);
    let host_ips = addresses(&mut fields, "hostIPs", "hostIP", problems);
    let ready = fields.get("conditions").is_none_or(is_ready);
    fields.finish_lenient(STATUS, problems);
    Some(PodStatus {
        phase: phase.unwrap_or(Phase::Running),
        ips,
        host_ips,
        ready,
    })
}

/// The list of `{ip: …}`, and the single address, which is the first of them.
fn addresses(
    fields: &mut Fields<'_>,
    many: &'static str,
    one: &'static str,
    problems: &mut Problems,
) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    let single = fields.get(one).filter(|n| n.as_str() != Some(""));
    let mut found: Vec<Node<'_>> = single.into_iter().collect();
    for item in fields.list(many, problems) {
        if let Some(mut item) = Fields::of(item, "an address of a pod", problems) {
            found.extend(item.get("ip").filter(|n| n.as_str() != Some("")));
        }
    }
    for node in found {
        if let Some(address) = decode::address(node, problems)
            && all.iter().all(|a| a.ip != address.ip)
        {
            all.push(address);
        }
    }
    all
}

fn is_ready(conditions: Node<'_>) -> bool {
    let Value::Seq(items) = conditions.value() else {
        return false;
    };
    if items.is_empty() {
        return true;
    }
    items.iter().any(|item| {
        let text = |key| item.as_map()?.get(key)?.value.as_str();
        text("type") == Some("Ready") && text("status") == Some("True")
    })
}
