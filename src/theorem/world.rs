//! The uninterpreted signature: sorts of entities, addresses and ports, and the relations between them.
//!
//! Knows: which sorts and functions there are. Must never know: what is assumed of them, the solver.
//!
//! Functions go down only (container → pod → node, daemon → node, node → address), so that formulas over them stay
//! decidable: there is no way from an address back to an entity but by a relation.

use crate::smt::term::{FunctionId, Sort, TermId, TermPool};

/// The kinds of entity of the theorem; externals are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Pod,
    Node,
    Service,
    Container,
    Daemon,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Pod,
        Self::Node,
        Self::Service,
        Self::Container,
        Self::Daemon,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Node => "Node",
            Self::Service => "Service",
            Self::Container => "Container",
            Self::Daemon => "Daemon",
        }
    }
}

/// The sorts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sorts {
    pub(super) pod: Sort,
    pub(super) node: Sort,
    pub(super) service: Sort,
    pub(super) container: Sort,
    pub(super) daemon: Sort,
    pub(super) address: Sort,
    pub(super) port: Sort,
    pub(super) protocol: Sort,
}

/// The functions and relations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    /// `K8s-Container(C, P)`.
    pub(super) pod_of: FunctionId,
    /// Whether a pod is hosted at all, and where: `host(N, P)`.
    pub(super) hosted: FunctionId,
    pub(super) node_of: FunctionId,
    /// `host(N, D)`.
    pub(super) daemon_node: FunctionId,
    pub(super) addr_pod: FunctionId,
    pub(super) addr_node: FunctionId,
    pub(super) addr_service: FunctionId,
    /// In 127.0.0.0/8 or `::1`; and exactly 127.0.0.1 or `::1`.
    pub(super) local: FunctionId,
    pub(super) loopback: FunctionId,
    pub(super) ipv4: FunctionId,
    pub(super) open_container: FunctionId,
    pub(super) open_daemon: FunctionId,
    /// `port(S, p, proto)`.
    pub(super) port: FunctionId,
    /// `endpoint(S, p, proto, P, a, tp)`; and the same eligible for clients of a node.
    pub(super) endpoint: FunctionId,
    pub(super) eligible: FunctionId,
    pub(super) link_container_pod: FunctionId,
    pub(super) link_pod_container: FunctionId,
    pub(super) link_daemon_node: FunctionId,
    pub(super) link_node_daemon: FunctionId,
    pub(super) link_pod_node: FunctionId,
    pub(super) link_node_pod: FunctionId,
    pub(super) link_node_node: FunctionId,
    /// What the gates of a pod let through: other end, destination port, protocol.
    pub(super) egress: FunctionId,
    pub(super) ingress: FunctionId,
    /// The addresses that a node gives to what it sends in its own name.
    pub(super) own4: FunctionId,
    pub(super) own6: FunctionId,
    /// The ghost: where an address is at home, and whether anywhere.
    pub(super) home: FunctionId,
    pub(super) has_home: FunctionId,
}

/// The protocols.
#[derive(Debug, Clone, Copy)]
pub(super) struct Protocols {
    pub(super) tcp: TermId,
    pub(super) udp: TermId,
    pub(super) sctp: TermId,
}

/// A pool with the signature in it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pool: TermPool,
    pub(super) sorts: Sorts,
    pub(super) names: Names,
    pub(super) protocols: Protocols,
    /// How many bound variables there are.
    bound: u32,
}

impl World {
    pub(super) fn new() -> Self {
        let mut pool = TermPool::new();
        let sorts = Sorts {
            pod: pool.sort_named("Pod"),
            node: pool.sort_named("Node"),
            service: pool.sort_named("Service"),
            container: pool.sort_named("Container"),
            daemon: pool.sort_named("Daemon"),
            address: pool.sort_named("Address"),
            port: pool.sort_named("Port"),
            protocol: pool.sort_named("Protocol"),
        };
        let Sorts {
            pod,
            node,
            service,
            container,
            daemon,
            address,
            port,
            protocol,
        } = sorts;
        let mut relation =
            |name: &str, parameters: &[Sort]| pool.function(name, parameters, Sort::Bool);
        let endpoint = [service, port, protocol, pod, address, port];
        let eligible = [service, port, protocol, node, pod, address, port];
        let relations = Names {
            hosted: relation("hosted", &[pod]),
            addr_pod: relation("addr-pod", &[pod, address]),
            addr_node: relation("addr-node", &[node, address]),
            addr_service: relation("addr-service", &[service, address]),
            local: relation("localhost", &[address]),
            loopback: relation("loopback", &[address]),
            ipv4: relation("ipv4", &[address]),
            open_container: relation("open-container", &[container, address, port, protocol]),
            open_daemon: relation("open-daemon", &[daemon, address, port, protocol]),
            port: relation("port", &[service, port, protocol]),
            endpoint: relation("endpoint", &endpoint),
            eligible: relation("eligible", &eligible),
            link_container_pod: relation("link-container-pod", &[container, pod]),
            link_pod_container: relation("link-pod-container", &[pod, container]),
            link_daemon_node: relation("link-daemon-node", &[daemon, node]),
            link_node_daemon: relation("link-node-daemon", &[node, daemon]),
            link_pod_node: relation("link-pod-node", &[pod, node]),
            link_node_pod: relation("link-node-pod", &[node, pod]),
            link_node_node: relation("link-node-node", &[node, node]),
            egress: relation("egress", &[pod, address, port, protocol]),
            ingress: relation("ingress", &[pod, address, port, protocol]),
            has_home: relation("has-home", &[address]),
            pod_of: pool.function("pod-of", &[container], pod),
            node_of: pool.function("node-of", &[pod], node),
            daemon_node: pool.function("daemon-node", &[daemon], node),
            own4: pool.function("own-ipv4", &[node], address),
            own6: pool.function("own-ipv6", &[node], address),
            home: pool.function("home", &[address], node),
        };
        let protocols = Protocols {
            tcp: pool.variable("TCP", protocol),
            udp: pool.variable("UDP", protocol),
            sctp: pool.variable("SCTP", protocol),
        };
        Self {
            pool,
            sorts,
            names: relations,
            protocols,
            bound: 0,
        }
    }

    pub(super) fn sort_of(&self, kind: Kind) -> Sort {
        match kind {
            Kind::Pod => self.sorts.pod,
            Kind::Node => self.sorts.node,
            Kind::Service => self.sorts.service,
            Kind::Container => self.sorts.container,
            Kind::Daemon => self.sorts.daemon,
        }
    }

    /// `f(args)`.
    pub(super) fn is(&mut self, f: FunctionId, args: &[TermId]) -> TermId {
        self.pool.apply(f, args)
    }

    pub(super) fn constant(&mut self, name: &str, sort: Sort) -> TermId {
        self.pool.variable(name, sort)
    }

    pub(super) fn flag(&mut self, name: &str) -> TermId {
        self.pool.variable(name, Sort::Bool)
    }

    /// Variables for a quantifier: `P!3`, so that no two quantifiers share one.
    pub(super) fn bind<const N: usize>(&mut self, variables: [(&str, Sort); N]) -> [TermId; N] {
        self.bound += 1;
        let number = self.bound;
        variables.map(|(name, sort)| self.pool.variable(&format!("{name}!{number}"), sort))
    }

    pub(super) fn and(&mut self, ts: &[TermId]) -> TermId {
        self.pool.and(ts)
    }

    pub(super) fn or(&mut self, ts: &[TermId]) -> TermId {
        self.pool.or(ts)
    }

    pub(super) fn not(&mut self, t: TermId) -> TermId {
        self.pool.not(t)
    }

    pub(super) fn eq(&mut self, a: TermId, b: TermId) -> TermId {
        self.pool.eq(a, b)
    }

    /// All of the premises imply the conclusion.
    pub(super) fn implies(&mut self, premises: &[TermId], conclusion: TermId) -> TermId {
        let premise = self.pool.and(premises);
        self.pool.implies(premise, conclusion)
    }

    /// `host(N, P)` of a pod.
    pub(super) fn hosts(&mut self, node: TermId, pod: TermId) -> TermId {
        let hosted = self.is(self.names.hosted, &[pod]);
        let there = self.is(self.names.node_of, &[pod]);
        let same = self.eq(there, node);
        self.and(&[hosted, same])
    }

    /// `host(N, D)` of a daemon.
    pub(super) fn runs(&mut self, node: TermId, daemon: TermId) -> TermId {
        let there = self.is(self.names.daemon_node, &[daemon]);
        self.eq(there, node)
    }

    /// `K8s-Container(C, P)`.
    pub(super) fn contains(&mut self, pod: TermId, container: TermId) -> TermId {
        let of = self.is(self.names.pod_of, &[container]);
        self.eq(of, pod)
    }

    /// Both addresses are of one family.
    pub(super) fn one_family(&mut self, a: TermId, b: TermId) -> TermId {
        let a = self.is(self.names.ipv4, &[a]);
        let b = self.is(self.names.ipv4, &[b]);
        self.pool.iff(a, b)
    }

    /// The address that a node gives to a message of this family.
    pub(super) fn own_address(&mut self, node: TermId, family_of: TermId) -> TermId {
        let v4 = self.is(self.names.ipv4, &[family_of]);
        let own4 = self.is(self.names.own4, &[node]);
        let own6 = self.is(self.names.own6, &[node]);
        self.pool.ite(v4, own4, own6)
    }
}
