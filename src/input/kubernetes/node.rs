//! `v1` Node.
//!
//! Must never know: which pods are on it.

use super::meta::Meta;
use super::schedule::{self, Taint};
use super::template;
use crate::base::source::Span;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::cluster::Address;
use crate::model::inet::IpNet;
use crate::model::labels::Open;

/// A Node as written.
#[derive(Debug)]
pub struct NodeObject {
    /// Name and labels.
    pub meta: Meta,
    /// `podCIDRs`, else `podCIDR`.
    pub pod_cidrs: Vec<IpNet>,
    /// What keeps pods away.
    pub taints: Vec<Taint>,
    /// Which labels it may have beside its own.
    pub open: Open,
    /// Its internal and external addresses; none where it is a manifest.
    pub addresses: Option<Vec<Address>>,
    /// Where it is written.
    pub origin: Span,
}

const TOP: &[&str] = &["apiVersion", "kind", "metadata", "$schema"];
const SPEC: &[&str] = &["configSource", "externalID", "providerID"];

/// Reads one.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<NodeObject> {
    let before = problems.errors();
    let mut top = Fields::of(node, "a Node", problems)?;
    let origin = top.span();
    let meta = Meta::read(&mut top, problems);
    let mut pod_cidrs = Vec::new();
    let mut taints = Vec::new();
    if let Some(spec) = top.get("spec")
        && let Some(mut spec) = Fields::of(spec, "`spec` of a node", problems)
    {
        let one = spec.get("podCIDR").filter(|n| n.as_str() != Some(""));
        let many = spec.list("podCIDRs", problems);
        for cidr in many.chain(one) {
            if let Some(net) = decode::prefix(cidr, problems)
                && !pod_cidrs.contains(&net)
            {
                pod_cidrs.push(net);
            }
        }
        taints = schedule::taints(&mut spec, problems);
        spec.finish_lenient(SPEC, problems);
    }
    let status = template::status(&mut top);
    let addresses = status.and_then(|status| addresses(status, problems));
    top.finish_lenient(TOP, problems);
    if problems.errors() > before {
        return None;
    }
    Some(NodeObject {
        meta: meta?,
        pod_cidrs,
        taints,
        open: if addresses.is_some() {
            Open::Closed
        } else {
            Open::System
        },
        addresses,
        origin,
    })
}

/// Host names are no addresses; an address may be listed as internal and external both.
fn addresses(status: Node<'_>, problems: &mut Problems) -> Option<Vec<Address>> {
    let mut status = Fields::of(status, "`status` of a node", problems)?;
    let mut all: Vec<Address> = Vec::new();
    for item in status.list("addresses", problems) {
        let Some(mut fields) = Fields::of(item, "an address of a node", problems) else {
            continue;
        };
        let kind = fields.required("type", problems);
        let kind = kind.and_then(|n| decode::string(n, problems));
        let address = fields.required("address", problems);
        fields.finish_lenient(&[], problems);
        if !matches!(kind, Some("InternalIP" | "ExternalIP")) {
            continue;
        }
        if let Some(address) = address.and_then(|n| decode::address(n, problems))
            && all.iter().all(|a| a.ip != address.ip)
        {
            all.push(address);
        }
    }
    Some(all)
}
