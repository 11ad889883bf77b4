//! Addresses and families of a Service.
//!
//! Must never know: ports, endpoints.

use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields, show};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::Address;
use crate::model::inet::{Family, IpNet, non_unicast};

/// `clusterIP` and `clusterIPs`.
pub(super) struct ClusterIps {
    pub(super) addresses: Vec<Address>,
    pub(super) headless: bool,
}

pub(super) fn cluster_ips(
    spec: &mut Fields<'_>,
    none_allowed: bool,
    problems: &mut Problems,
) -> ClusterIps {
    let single = spec.get("clusterIP");
    let many: Vec<Node<'_>> = spec.list("clusterIPs", problems).collect();
    let empty = |n: &Node<'_>| n.as_str() == Some("");
    let mut written: Vec<Node<'_>> = many.clone();
    if written.is_empty() {
        written.extend(single);
    }
    written.retain(|n| !empty(n));
    let mut refuse = |node: Node<'_>, message: String| {
        problems.push(Diagnostic::error("K202", node.span(), message));
    };
    if none_allowed && let Some(&first) = written.first() {
        refuse(
            first,
            "a Service of `type: ExternalName` has no cluster address".to_owned(),
        );
    }
    if let (Some(one), Some(first)) = (single, many.first())
        && one.as_str() != first.as_str()
    {
        refuse(
            one,
            "`clusterIP` is not the first of `clusterIPs`".to_owned(),
        );
    }
    if many.len() > 2 {
        refuse(
            many[2],
            "a Service has at most two cluster addresses, one a family".to_owned(),
        );
    }
    if written.iter().any(|n| n.as_str() == Some("None")) {
        if let Some(other) = written.iter().find(|n| n.as_str() != Some("None")) {
            refuse(
                *other,
                "`None` and an address do not go together".to_owned(),
            );
        }
        return ClusterIps {
            addresses: Vec::new(),
            headless: !none_allowed,
        };
    }
    let mut addresses: Vec<Address> = Vec::new();
    for node in written {
        let Some(address) = unicast(node, problems) else {
            continue;
        };
        if addresses
            .iter()
            .any(|a| Family::of(a.ip) == Family::of(address.ip))
        {
            let message = "two cluster addresses of a Service are of different families";
            problems.push(Diagnostic::error("K202", address.origin, message));
        }
        addresses.push(address);
    }
    ClusterIps {
        addresses,
        headless: false,
    }
}

/// `ipFamilies`; where there are addresses, those of the addresses, which must agree.
pub(super) fn families(
    spec: &mut Fields<'_>,
    addresses: &[Address],
    problems: &mut Problems,
) -> Vec<Family> {
    const WORDS: &[(&str, Family)] = &[("IPv4", Family::V4), ("IPv6", Family::V6)];
    let mut all: Vec<Family> = Vec::new();
    for node in spec.list("ipFamilies", problems).collect::<Vec<_>>() {
        let Some(family) = decode::choice(node, WORDS, problems) else {
            continue;
        };
        let there = addresses.get(all.len()).map(|a| Family::of(a.ip));
        if all.contains(&family) {
            let message = "a family is there twice";
            problems.push(Diagnostic::error("K202", node.span(), message));
        } else if there.is_some_and(|f| f != family) {
            let message = "the cluster address at this place is of the other family";
            problems.push(Diagnostic::error("K202", node.span(), message));
        }
        all.push(family);
    }
    if all.is_empty() {
        all.extend(addresses.iter().map(|a| Family::of(a.ip)));
    }
    all
}

/// `externalIPs`.
pub(super) fn external_ips(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<Address> {
    let nodes: Vec<Node<'_>> = spec.list("externalIPs", problems).collect();
    let mut all: Vec<Address> = Vec::new();
    for node in nodes {
        if let Some(address) = unicast(node, problems)
            && !all.iter().any(|a| a.ip == address.ip)
        {
            all.push(address);
        }
    }
    all
}

/// `loadBalancerSourceRanges`; a prefix is written with blanks around it here and there, and the API server takes that.
pub(super) fn sources(spec: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<IpNet>> {
    let nodes: Vec<Node<'_>> = spec.list("loadBalancerSourceRanges", problems).collect();
    let mut all = Vec::new();
    for node in &nodes {
        let Some(text) = decode::string(*node, problems) else {
            continue;
        };
        match text.trim().parse::<IpNet>() {
            Ok(net) => all.push(net.trunc()),
            Err(_) => problems.push(
                Diagnostic::error("I022", node.span(), format!("{} is no prefix", show(text)))
                    .help("a prefix is written as `198.51.100.0/24`"),
            ),
        }
    }
    (!nodes.is_empty()).then_some(all)
}

/// `status.loadBalancer.ingress`: addresses that kube-proxy takes for the Service's. Those with `ipMode: Proxy` it does
/// not, nor host names; messages to them leave the cluster.
pub(super) fn balancer(status: Node<'_>, problems: &mut Problems) -> Vec<Address> {
    let Some(ingress) = node_at(status, "loadBalancer").and_then(|n| node_at(n, "ingress")) else {
        return Vec::new();
    };
    let Some(items) = decode::list(ingress, problems) else {
        return Vec::new();
    };
    let mut all: Vec<Address> = Vec::new();
    for item in items.iter() {
        let proxy = node_at(item, "ipMode").and_then(Node::as_str) == Some("Proxy");
        if let Some(ip) = node_at(item, "ip").filter(|n| n.as_str() != Some(""))
            && let Some(address) = unicast(ip, problems)
            && !proxy
            && !all.iter().any(|a| a.ip == address.ip)
        {
            all.push(address);
        }
    }
    all
}

fn node_at<'t>(node: Node<'t>, key: &str) -> Option<Node<'t>> {
    let entry = node.as_map()?.get(key)?;
    (!entry.value.is_null()).then_some(entry.value)
}

/// An address that a host can have from afar.
fn unicast(node: Node<'_>, problems: &mut Problems) -> Option<Address> {
    let address = decode::address(node, problems)?;
    let family = Family::of(address.ip);
    let loopback = family.loopback_net().contains(&address.ip);
    if loopback || non_unicast().iter().any(|net| net.contains(&address.ip)) {
        let message = format!("a Service cannot have the address `{}`", address.ip);
        problems.push(Diagnostic::error("K202", address.origin, message));
        return None;
    }
    Some(address)
}
