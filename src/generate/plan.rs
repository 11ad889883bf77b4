//! Names and addresses, each computed from its number.
//!
//! Pods have 10.0.0.0/8, a block for each node; nodes 172.16.0.0/12; Services 100.64.0.0/10. Dual stack adds ranges of
//! `fd00::/8`. Every pod belongs to an app, which its label says; the pods of an app are on many nodes and in one
//! namespace, and the Service of the same number selects it. Must never know: how anything is spelled in a format.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Wish;

/// Sizes, and what follows from them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: u32,
    pub(super) pods_each: u32,
    pub(super) namespaces: u32,
    pub(super) apps: u32,
    pub(super) dual_stack: bool,
    /// How many bits of an address count the pods of a node.
    bits: u32,
}

/// The first port of a pod; the next container has the next one.
pub(super) const PORT: u32 = 8080;
/// A port where nobody listens.
pub(super) const CLOSED: u32 = 7;

const PODS: u32 = 10 << 24;
const NODES: u32 = (172 << 24) + (16 << 16);
const SERVICES: u32 = (100 << 24) + (64 << 16);

impl Plan {
    pub(super) fn new(wish: &Wish) -> Result<Self, String> {
        if wish.nodes == 0 {
            return Err("a cluster wants a node: `--nodes 1` at least".to_owned());
        }
        if wish.containers == 0 || wish.containers > 1000 {
            return Err("a pod has from 1 to 1000 containers".to_owned());
        }
        // As many addresses as a /24 has, where there is room for it; the first is the block's own.
        let needed = 32 - wish.pods.saturating_add(1).leading_zeros();
        let fits = |bits: u32| u64::from(wish.nodes) << bits <= 1 << 24;
        let bits = if needed <= 8 && fits(8) { 8 } else { needed };
        if !fits(bits) {
            return Err(format!(
                "10.0.0.0/8 has no room for {} nodes with {} pods each",
                wish.nodes, wish.pods
            ));
        }
        if wish.nodes > 1_000_000 || wish.services > 4_000_000 {
            return Err("at most 1,000,000 nodes and 4,000,000 services".to_owned());
        }
        let pods = wish.nodes * wish.pods;
        if wish.services > 0 && pods == 0 {
            return Err("a service wants pods: `--pods-per-node 1` at least".to_owned());
        }
        let namespaces = wish.namespaces.unwrap_or(pods.div_ceil(250)).max(1);
        let wanted = if wish.services > 0 {
            wish.services
        } else {
            pods.div_ceil(15)
        };
        Ok(Self {
            nodes: wish.nodes,
            pods_each: wish.pods,
            namespaces,
            apps: wanted.clamp(1, pods.max(1)),
            dual_stack: wish.dual_stack,
            bits,
        })
    }

    /// How many pods there are; their numbers begin with 0.
    pub(super) fn pods(&self) -> u32 {
        self.nodes * self.pods_each
    }

    /// The node of a pod.
    pub(super) fn node_of(&self, pod: u32) -> u32 {
        pod / self.pods_each.max(1)
    }

    pub(super) fn node_name(node: u32) -> String {
        format!("node-{}", node + 1)
    }

    pub(super) fn node_addresses(&self, node: u32) -> Vec<IpAddr> {
        let v4 = Ipv4Addr::from(NODES + node + 1).into();
        self.with_six(v4, 0xac, u128::from(node) + 1)
    }

    /// The addresses that the pods of a node come from.
    pub(super) fn pod_nets(&self, node: u32) -> Vec<IpNet> {
        let v4 = Ipv4Addr::from(PODS + (node << self.bits)).into();
        let mut nets: Vec<IpNet> = IpNet::new(v4, (32 - self.bits) as u8).into_iter().collect();
        if self.dual_stack {
            let v6 = six(0x10, u128::from(node) << 32);
            nets.extend(IpNet::new(v6, 96));
        }
        nets
    }

    pub(super) fn pod_name(&self, pod: u32) -> String {
        let (node, number) = (self.node_of(pod), pod % self.pods_each.max(1));
        format!("pod-{}-{}", node + 1, number + 1)
    }

    pub(super) fn pod_addresses(&self, pod: u32) -> Vec<IpAddr> {
        let (node, number) = (self.node_of(pod), pod % self.pods_each.max(1));
        let v4 = Ipv4Addr::from(PODS + (node << self.bits) + number + 1).into();
        self.with_six(v4, 0x10, (u128::from(node) << 32) + u128::from(number) + 1)
    }

    /// The app of a pod, by its number.
    pub(super) fn app_of(&self, pod: u32) -> u32 {
        pod % self.apps
    }

    /// The pods of an app.
    pub(super) fn pods_of(&self, app: u32) -> impl Iterator<Item = u32> + use<> {
        (app..self.pods()).step_by(self.apps as usize)
    }

    /// The namespace of an app, by its number.
    pub(super) fn namespace_of(&self, app: u32) -> u32 {
        app % self.namespaces
    }

    pub(super) fn namespace_name(namespace: u32) -> String {
        format!("ns-{}", namespace + 1)
    }

    pub(super) fn pod_namespace(&self, pod: u32) -> String {
        Self::namespace_name(self.namespace_of(self.app_of(pod)))
    }

    /// The app that a Service leads to.
    pub(super) fn app_of_service(&self, service: u32) -> u32 {
        service % self.apps
    }

    pub(super) fn service_addresses(&self, service: u32) -> Vec<IpAddr> {
        let v4 = Ipv4Addr::from(SERVICES + service + 1).into();
        self.with_six(v4, 0x64, u128::from(service) + 1)
    }

    fn with_six(&self, v4: IpAddr, range: u16, number: u128) -> Vec<IpAddr> {
        let v6 = self.dual_stack.then(|| six(range, number));
        std::iter::once(v4).chain(v6).collect()
    }
}

fn six(range: u16, number: u128) -> IpAddr {
    let base = u128::from(Ipv6Addr::new(0xfd00, range, 0, 0, 0, 0, 0, 0));
    Ipv6Addr::from(base + number).into()
}
