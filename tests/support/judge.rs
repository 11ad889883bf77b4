//! KP001 to KP011 in plain Rust, written from the words of design.md section 2; the texts in `specs/` are not read.
//!
//! Each constraint is a number of *claims*: who it is about, and whether it holds. It is vacuous without any, violated
//! where one does not hold.

use std::net::IpAddr;

use kubeproof::model::cluster::{Bind, Pod, Process};
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::Protocol;
use kubeproof::model::service::{Service, TargetPort};
use kubeproof::network::header::Header;
use kubeproof::verify::verdict::Verdict;

use super::oracle::{Oracle, Story, is_local, wants_answer};

/// How many there are.
pub const COUNT: usize = 11;

/// A constraint of the built-in set, KP001 first.
pub type Kp = usize;

/// The least of the claims that do not hold: hops, then entities, then sender and protocol; as counterexamples are chosen.
pub type Least = (usize, Vec<EntityId>, Option<(EntityId, Protocol)>);

/// What came of a constraint.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many claims.
    pub claims: usize,
    /// The least that does not hold.
    pub broken: Option<Least>,
}

impl Tally {
    /// Proven, violated or vacuous.
    pub fn verdict(&self) -> Verdict {
        match (&self.broken, self.claims) {
            (Some(_), _) => Verdict::Violated,
            (None, 0) => Verdict::Vacuous,
            (None, _) => Verdict::Proven,
        }
    }

    fn claim(&mut self, holds: bool, key: impl FnOnce() -> Least) {
        self.claims += 1;
        if !holds {
            let key = key();
            if self.broken.as_ref().is_none_or(|least| key < *least) {
                self.broken = Some(key);
            }
        }
    }
}

/// `open(X, a, p, proto)` of a container or daemon.
fn open(x: &Process, a: IpAddr, p: u16, protocol: Protocol) -> bool {
    x.open.iter().any(|l| {
        let covers = match l.bind {
            Bind::Any => true,
            Bind::AnyV4 => a.is_ipv4(),
            Bind::AnyV6 => a.is_ipv6(),
            Bind::Address(own) => own == a,
        };
        covers && l.port == p && l.protocol == protocol
    })
}

/// `127.0.0.1` or `::1`.
fn loopback(a: IpAddr) -> bool {
    is_local(a) && (a.is_ipv6() || a == IpAddr::from([127, 0, 0, 1]))
}

fn has(pod: &Pod, a: IpAddr) -> bool {
    pod.addresses.iter().any(|x| x.ip == a)
}

/// KP001: no two of pod, node and Service have the same address; every node and every pod has one.
pub fn addresses(oracle: &Oracle<'_>, tally: &mut Tally) {
    let c = oracle.cluster;
    let pods = c.pods.iter().map(|p| (p.id, &p.addresses));
    let nodes = c.nodes.iter().map(|n| (n.id, &n.addresses));
    let services = c.services.iter().map(|s| (s.id, &s.addresses));
    let all: Vec<_> = pods.clone().chain(nodes.clone()).chain(services).collect();
    for (one, a) in &all {
        for (other, b) in &all {
            if a.iter().any(|x| b.iter().any(|y| x.ip == y.ip)) {
                tally.claim(one == other, || (0, vec![*one, *other], None));
            }
        }
    }
    for (id, a) in pods.chain(nodes) {
        // The second sentence comes second in counterexamples.
        tally.claim(!a.is_empty(), || (1, vec![id], None));
    }
}

/// KP002 to KP011 of one story.
pub fn story(
    oracle: &Oracle<'_>,
    sender: EntityId,
    sent: Header,
    story: &Story,
    tallies: &mut [Tally],
) {
    let judge = Judge {
        oracle,
        sender,
        sent,
        story,
    };
    let mut claim = |id: Kp, entities: &[EntityId], holds: bool| {
        let key = || {
            (
                story.way.visits.len(),
                entities.to_vec(),
                Some((sender, sent.protocol)),
            )
        };
        tallies[id - 1].claim(holds, key);
    };
    judge.received_where_due(&mut claim);
    judge.headers(&mut claim);
    judge.services(&mut claim);
    if let Some((by, _)) = story.received() {
        claim(9, &[sender, by], judge.listens(by) && judge.permitted());
    }
    claim(10, &[sender], !story.loops());
}

struct Judge<'j, 'c> {
    oracle: &'j Oracle<'c>,
    sender: EntityId,
    sent: Header,
    story: &'j Story,
}

impl Judge<'_, '_> {
    /// Received by this one, and answered where the protocol wants it.
    fn reached(&self, x: EntityId) -> bool {
        self.story.received().is_some_and(|(by, _)| by == x) && self.answered()
    }

    fn answered(&self) -> bool {
        !wants_answer(self.sent.protocol) || self.story.replied()
    }

    fn open(&self, x: &Process) -> bool {
        open(
            x,
            self.sent.destination,
            self.sent.destination_port,
            self.sent.protocol,
        )
    }

    /// The pod whose container sends.
    fn own_pod(&self) -> Option<&Pod> {
        let home = self.oracle.home(self.sender)?;
        self.oracle.cluster.pods.iter().find(|p| p.id == home)
    }

    /// KP002 container-to-container, KP003 pod-to-pod, KP004 process-to-pod, KP005 node-to-any-pod, KP011 pod-to-node.
    fn received_where_due(&self, claim: &mut impl FnMut(Kp, &[EntityId], bool)) {
        let (c, x, ta) = (self.oracle.cluster, self.sender, self.sent.destination);
        let node = self
            .oracle
            .home(x)
            .filter(|home| c.nodes.iter().any(|n| n.id == *home));
        if let Some(own) = self.own_pod() {
            for c2 in own
                .containers
                .iter()
                .filter(|c2| loopback(ta) && self.open(c2))
            {
                claim(2, &[own.id, x, c2.id], self.reached(c2.id));
            }
            for n in c
                .nodes
                .iter()
                .filter(|n| n.addresses.iter().any(|a| a.ip == ta))
            {
                for d in n.daemons.iter().filter(|d| self.open(d)) {
                    claim(11, &[x, own.id, n.id, d.id], self.reached(d.id));
                }
            }
        }
        let allowed = self
            .oracle
            .allowed(self.sent, ta, self.sent.destination_port);
        for pod in c.pods.iter().filter(|pod| has(pod, ta)) {
            for c2 in pod.containers.iter().filter(|c2| self.open(c2)) {
                if let Some(own) = self.own_pod().filter(|_| allowed) {
                    claim(3, &[own.id, x, pod.id, c2.id], self.reached(c2.id));
                }
                if let Some(node) = node {
                    if allowed {
                        claim(5, &[x, pod.id, c2.id], self.reached(c2.id));
                    }
                    if pod.node == node {
                        claim(4, &[node, x, pod.id, c2.id], self.reached(c2.id));
                    }
                }
            }
        }
    }

    /// KP006 no-nat, KP007 own-address.
    fn headers(&self, claim: &mut impl FnMut(Kp, &[EntityId], bool)) {
        let Some((by, got)) = self.story.received() else {
            return;
        };
        let c = self.oracle.cluster;
        let (x, ta) = (self.sender, self.sent.destination);
        if !c.externals.iter().any(|e| e.id == x) {
            let same = got.source == self.sent.source
                && got.destination == ta
                && got.destination_port == self.sent.destination_port;
            for pod in c.pods.iter().filter(|pod| has(pod, ta)) {
                claim(6, &[x, by, pod.id], same);
            }
        }
        if let Some(own) = self.own_pod() {
            let sees_itself = has(own, got.source) || is_local(got.source);
            for pod in c.pods.iter().filter(|pod| has(pod, ta)) {
                claim(7, &[x, own.id, pod.id, by], sees_itself);
            }
            for node in c
                .nodes
                .iter()
                .filter(|n| n.addresses.iter().any(|a| a.ip == ta))
            {
                claim(7, &[x, own.id, node.id, by], sees_itself);
            }
        }
    }

    /// KP008 pod-to-service: where there is an endpoint of the address's family, whichever is chosen.
    fn services(&self, claim: &mut impl FnMut(Kp, &[EntityId], bool)) {
        let Some(own) = self.own_pod() else { return };
        let c = self.oracle.cluster;
        for s in c
            .services
            .iter()
            .filter(|s| s.addresses.iter().any(|a| a.ip == self.sent.destination))
        {
            if !s
                .ports
                .iter()
                .any(|p| p.port == self.sent.destination_port && p.protocol == self.sent.protocol)
            {
                continue;
            }
            // An endpoint of a family that the Service has no address of is none.
            let families: Vec<bool> = s.addresses.iter().map(|a| a.ip.is_ipv4()).collect();
            let endpoints = || {
                let pods = c.pods.iter().filter(|p| behind(s, p.id));
                pods.filter(|p| {
                    p.addresses
                        .iter()
                        .any(|a| families.contains(&a.ip.is_ipv4()))
                })
            };
            let v4 = self.sent.destination.is_ipv4();
            if !endpoints().any(|p| p.addresses.iter().any(|a| a.ip.is_ipv4() == v4)) {
                continue;
            }
            let by_endpoint = self.story.received().is_some_and(|(by, _)| {
                endpoints().any(|p| p.containers.iter().any(|x| x.id == by))
            });
            let last = self.story.way.last;
            let (a, p) = (last.destination, last.destination_port);
            let to_endpoint = endpoints().any(|pod| {
                let dialled = |port: &&kubeproof::model::service::ServicePort| {
                    port.port == self.sent.destination_port && port.protocol == self.sent.protocol
                };
                has(pod, a)
                    && families.contains(&a.is_ipv4())
                    && s.ports
                        .iter()
                        .filter(dialled)
                        .any(|port| port.target == TargetPort::Number(p))
            });
            let excused = to_endpoint && !self.oracle.allowed(self.sent, a, p);
            claim(
                8,
                &[self.sender, own.id, s.id],
                by_endpoint && self.answered() || excused,
            );
        }
    }

    /// KP009 single-receiver: no policy forbids what was received. Behind a Service, whom a policy sees of a message whose
    /// source is rewritten is left open.
    fn permitted(&self) -> bool {
        let last = self.story.way.last;
        let to = (last.destination, last.destination_port);
        let behind_service = to != (self.sent.destination, self.sent.destination_port);
        behind_service && last.source != self.sent.source
            || self.oracle.allowed(self.sent, to.0, to.1)
    }

    /// KP009 single-receiver: the receiver listens on that port at the address's owner.
    fn listens(&self, by: EntityId) -> bool {
        let c = self.oracle.cluster;
        let (ta, tp, protocol) = (
            self.sent.destination,
            self.sent.destination_port,
            self.sent.protocol,
        );
        let home = self.oracle.home(by);
        if let Some(external) = c.externals.iter().find(|x| x.id == by) {
            // A host outside that has the address. It takes what it gets.
            return external
                .prefixes
                .iter()
                .any(|net| super::oracle::inside(ta, net))
                && !self.oracle.held(ta);
        }
        let pod = c.pods.iter().find(|p| Some(p.id) == home);
        let node = c.nodes.iter().find(|n| Some(n.id) == home);
        let containers = pod.iter().flat_map(|p| &p.containers);
        let Some(y) = containers
            .chain(node.iter().flat_map(|n| &n.daemons))
            .find(|y| y.id == by)
        else {
            return false;
        };
        let same_namespace = is_local(ta) && self.oracle.home(self.sender) == home;
        let owner = pod.is_some_and(|p| has(p, ta))
            || node.is_some_and(|n| n.addresses.iter().any(|a| a.ip == ta));
        if (same_namespace || owner) && self.open(y) {
            return true;
        }
        // An endpoint of the Service that has the address: listening where the Service sends to.
        let Some(pod) = pod else { return false };
        c.services.iter().any(|s| {
            let families: Vec<bool> = s.addresses.iter().map(|a| a.ip.is_ipv4()).collect();
            s.addresses.iter().any(|a| a.ip == ta)
                && behind(s, pod.id)
                && s.ports.iter().any(|p| {
                    let targets = pod
                        .addresses
                        .iter()
                        .filter(|a| families.contains(&a.ip.is_ipv4()));
                    p.port == tp
                        && p.protocol == protocol
                        && targets
                            .into_iter()
                            .any(|a| matches!(p.target, TargetPort::Number(tp) if open(y, a.ip, tp, protocol)))
                })
        })
    }
}

/// Whether a pod is behind a service.
fn behind(service: &Service, pod: EntityId) -> bool {
    let all = service.ports.iter().flat_map(|p| &p.endpoints);
    all.into_iter().any(|e| e.entity == Some(pod))
}
