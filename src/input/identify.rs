//! Which kind of object a document is, by its `apiVersion` and `kind`.
//!
//! Knows: our own kinds, the Kubernetes kinds that are read, and those that change reachability and are not modelled.
//! Must never know: the fields of a kind.

use super::decode::{all_of, show};
use super::kubernetes;
use super::problems::Problems;
use super::yaml::{Node, Value};
use crate::base::diag::Diagnostic;
use crate::base::similar::closest;
use crate::base::source::Span;

/// Our own group and version.
const API_VERSION: &str = "kubeproof.dev/v1";
/// Our own kinds.
const KINDS: [&str; 3] = ["Cluster", "Intent", "LinuxSnapshot"];

/// Kinds that can change who reaches whom and are not modelled: the end of the API group, and the kinds in it; none is
/// all of them.
#[rustfmt::skip]
const UNMODELLED: &[(&str, &[&str])] = &[
    // Cilium
    ("cilium.io", &["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "CiliumLocalRedirectPolicy",
        "CiliumEgressGatewayPolicy", "CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig", "CiliumCIDRGroup"]),
    // Calico
    ("projectcalico.org", &["NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy",
        "StagedKubernetesNetworkPolicy", "NetworkSet", "GlobalNetworkSet", "Tier", "Profile", "HostEndpoint", "IPPool",
        "WorkloadEndpoint", "FelixConfiguration"]),
    // Istio and other meshes
    ("istio.io", &["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "Sidecar", "VirtualService",
        "DestinationRule", "ServiceEntry", "WorkloadEntry", "EnvoyFilter", "ProxyConfig", "WasmPlugin"]),
    ("linkerd.io", &["Server", "ServerAuthorization", "AuthorizationPolicy", "HTTPRoute", "MeshTLSAuthentication",
        "NetworkAuthentication", "EgressNetwork"]),
    ("kuma.io", &[]),
    ("consul.hashicorp.com", &["ServiceIntentions"]),
    // Antrea
    ("crd.antrea.io", &["NetworkPolicy", "ClusterNetworkPolicy", "Tier", "ClusterGroup", "Group", "Egress",
        "ExternalEntity", "ExternalNode"]),
    ("security.antrea.tanzu.vmware.com", &[]),
    // Several networks in one pod
    ("k8s.cni.cncf.io", &["MultiNetworkPolicy", "NetworkAttachmentDefinition"]),
    // OVN-Kubernetes, OpenShift, Kube-OVN, kube-router, VMware
    ("k8s.ovn.org", &[]),
    ("network.openshift.io", &["EgressNetworkPolicy", "NetNamespace"]),
    ("kubeovn.io", &[]),
    ("crd.nsx.vmware.com", &[]),
    // AWS
    ("vpcresources.k8s.aws", &["SecurityGroupPolicy"]),
    ("networking.k8s.aws", &[]),
];

/// What a document is.
#[derive(Debug)]
pub(super) enum Identity<'t> {
    /// `kind: Cluster` of ours.
    Cluster,
    /// `kind: LinuxSnapshot` of ours.
    Snapshot,
    /// `kind: Intent` of ours.
    Intent,
    /// A Kubernetes object of a kind that is read.
    Object(&'static str),
    /// A list of objects; the kind and apiVersion of those items that do not say them themselves.
    List {
        items: Option<Node<'t>>,
        api_version: &'t str,
        kind: Option<&'t str>,
    },
    /// It can change who reaches whom, and is not modelled.
    Unmodelled { api_version: &'t str, kind: &'t str },
    /// Of ours, and for somebody else.
    Ours { api_version: &'t str, kind: &'t str },
    /// Not read.
    Unknown { api_version: &'t str, kind: &'t str },
    /// No object.
    Stray,
    /// A mistake that was told.
    Wrong,
}

/// What a document says it is. An item of a list may leave it to the list (`inherited`: apiVersion and kind).
pub(super) fn identify<'t>(
    node: Node<'t>,
    inherited: Option<(&'t str, &'t str)>,
    problems: &mut Problems,
) -> Identity<'t> {
    let Some(map) = node.as_map() else {
        return Identity::Stray;
    };
    let text = |key| {
        let entry = map.get(key).filter(|e| !e.value.is_null());
        entry.map(|e| (e.value.as_str(), e.value.span()))
    };
    let (mut api_version, mut kind) = (text("apiVersion"), text("kind"));
    if let Some((list_version, list_kind)) = inherited {
        api_version = api_version.or(Some((Some(list_version), node.span())));
        kind = kind.or(Some((Some(list_kind), node.span())));
    }
    let ours = |version: &str| version.to_ascii_lowercase().contains("kubeproof");
    match (api_version, kind) {
        (Some((Some(api_version), span)), Some((Some(kind), kind_span))) => {
            // Other projects have a `Cluster` too; theirs have a group of their own.
            let grouped = api_version.contains('/') && !ours(api_version);
            if api_version == API_VERSION {
                match kind {
                    "Cluster" => Identity::Cluster,
                    "Intent" => Identity::Intent,
                    "LinuxSnapshot" => Identity::Snapshot,
                    _ if KINDS.contains(&kind) => Identity::Ours { api_version, kind },
                    _ => unknown_kind(kind, kind_span, problems),
                }
            } else if ours(api_version) || KINDS.contains(&kind) && !grouped {
                let message = format!("unknown apiVersion {}", show(api_version));
                problems.push(
                    Diagnostic::error("I017", span, message).help(format!("write `{API_VERSION}`")),
                );
                Identity::Wrong
            } else {
                foreign(node, (api_version, span), (kind, kind_span), problems)
            }
        }
        (Some((Some(api_version), span)), None) if ours(api_version) => {
            let message = "an object of ours wants a `kind`";
            let help = format!("known are {}", all_of(&KINDS));
            problems.push(Diagnostic::error("I019", span, message).help(help));
            Identity::Wrong
        }
        (None, Some((Some(kind), span))) if KINDS.contains(&kind) => {
            let message = format!("`kind: {kind}` wants an `apiVersion`");
            let help = format!("write `apiVersion: {API_VERSION}`");
            problems.push(Diagnostic::error("I019", span, message).help(help));
            Identity::Wrong
        }
        (Some((None, span)), Some(_)) | (Some(_), Some((None, span))) => {
            let message = "`apiVersion` and `kind` are strings";
            problems.push(Diagnostic::error("I020", span, message));
            Identity::Wrong
        }
        _ => Identity::Stray,
    }
}

/// An object of somebody else: Kubernetes' own, or one that lives beside it.
fn foreign<'t>(
    node: Node<'t>,
    (api_version, span): (&'t str, Span),
    (kind, kind_span): (&'t str, Span),
    problems: &mut Problems,
) -> Identity<'t> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if let Some(read) = kubernetes::KINDS
        .iter()
        .find(|(g, _, k)| *g == group && *k == kind)
    {
        if read.1.contains(&version) {
            return Identity::Object(read.2);
        }
        // A policy of a version that nobody has seen may say anything; it is not to be taken for one that is known.
        if group == "policy.networking.k8s.io" {
            return Identity::Unmodelled { api_version, kind };
        }
        let message = format!("{} of `{kind}` is not read", show(api_version));
        let versions: Vec<String> = read.1.iter().map(|v| spelled(group, v)).collect();
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        let diagnostic = Diagnostic::error("K006", span, message);
        problems.push(diagnostic.help(format!("read is {}", all_of(&versions))));
        return Identity::Wrong;
    }
    let items = || node.as_map()?.get("items").map(|e| e.value);
    let is_list = |node: Node<'_>| matches!(node.value(), Value::Seq(_) | Value::Null);
    if let Some(of) = kind.strip_suffix("List")
        && items().is_none_or(is_list)
        && (of.is_empty() || items().is_some())
    {
        return Identity::List {
            items: items().filter(|n| !n.is_null()),
            api_version,
            kind: (!of.is_empty()).then_some(of),
        };
    }
    if is_unmodelled(group, kind) {
        return Identity::Unmodelled { api_version, kind };
    }
    // The wrong group: `apiVersion: v1` of a Deployment, `extensions/v1beta1` of an Ingress.
    if builtin(group) && kubernetes::KINDS.iter().any(|(_, _, k)| *k == kind) {
        let mut known = kubernetes::KINDS.iter().filter(|(_, _, k)| *k == kind);
        let message = format!("{} has no `{kind}` that is read", show(api_version));
        let help = known.next().map(|(g, v, _)| spelled(g, v[0]));
        let mut diagnostic = Diagnostic::error("K006", span, message);
        diagnostic.help = help.map(|h| format!("write `{h}`"));
        problems.push(diagnostic);
        return Identity::Wrong;
    }
    // A kind that Kubernetes itself does not have, in a group of its own: a slip such as `NetworkPolcy`.
    let of_group = || kubernetes::KINDS.iter().filter(|(g, _, _)| *g == group);
    if let Some(near) = closest(kind, of_group().map(|(_, _, k)| *k))
        && !KNOWN.contains(&kind)
    {
        let message = format!("{} has no kind {}", show(api_version), show(kind));
        let diagnostic = Diagnostic::error("I017", kind_span, message);
        problems.push(diagnostic.help(format!("did you mean `{near}`?")));
        return Identity::Wrong;
    }
    Identity::Unknown { api_version, kind }
}

/// Kinds of Kubernetes whose names are near to one that is read.
const KNOWN: &[&str] = &[
    "PodTemplate",
    "TLSRoute",
    "UDPRoute",
    "GatewayClass",
    "IngressClass",
];

fn spelled(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// Whether Kubernetes itself owns the group.
fn builtin(group: &str) -> bool {
    let of_kubernetes = ["networking.k8s.io", "discovery.k8s.io"].contains(&group);
    of_kubernetes || !group.contains('.')
}

fn is_unmodelled(group: &str, kind: &str) -> bool {
    let in_group = |end: &str| {
        group == end
            || group
                .strip_suffix(end)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let listed = UNMODELLED
        .iter()
        .any(|(end, kinds)| in_group(end) && (kinds.is_empty() || kinds.contains(&kind)));
    // Whoever calls it a network policy means that it decides who reaches whom.
    let mut says_so = kind.contains("NetworkPolicy") || group == "policy.networking.k8s.io";
    // Configuration of operators that only has the word in its name.
    says_so &= !kind.ends_with("Config") && !kind.ends_with("Configuration");
    listed || says_so && !builtin(group)
}

fn unknown_kind<'t>(kind: &str, span: Span, problems: &mut Problems) -> Identity<'t> {
    let message = format!("unknown kind {} in `{API_VERSION}`", show(kind));
    let help = match closest(kind, KINDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", all_of(&KINDS)),
    };
    problems.push(Diagnostic::error("I017", span, message).help(help));
    Identity::Wrong
}
