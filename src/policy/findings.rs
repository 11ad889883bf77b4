//! What is worth knowing of policies: mistakes that are legal.
//!
//! Source: the traps of kubernetes.io, *Network Policies*, that users meet daily.
//! Must never know: verdicts, how a finding is printed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use super::directory::{Directory, Member, Selection};
use super::orders::{Subjects, equal_priorities, two_kinds};
use crate::base::source::Span;
use crate::model::cluster::{Cluster, Pod};
use crate::model::entity::EntityId;
use crate::model::inet::{IpNet, Protocol, private};
use crate::model::labels::{Open, is_some_value};
use crate::model::policy::{
    NetworkPolicy, NetworkRule, Peer, PortRule, PortsOf, Selector, Settings,
};

/// Every finding of policies, with its title.
pub const CODES: &[(&str, &str)] = &[
    ("F101", "a policy that selects no pod"),
    ("F102", "a policy of a namespace that is not there"),
    ("F103", "a peer that selects nothing"),
    ("F104", "a policy written against the port of a Service"),
    ("F105", "an address block that only Services are in"),
    ("F106", "a name of a port that no pod has"),
    ("F107", "policies of equal priority that differ"),
    ("F108", "a peer that is not modelled"),
    (
        "F109",
        "policies of one tier between which no order is defined",
    ),
];

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its code in [`CODES`].
    pub code: &'static str,
    /// One clause in lower case.
    pub message: String,
    /// The line to blame.
    pub origin: Span,
}

/// A port that a Service offers, and the one behind it.
struct Offer<'c> {
    service: &'c str,
    port: u16,
    protocol: Protocol,
    behind: u16,
}

/// Selected pods; none is every pod.
type Destinations = Option<Vec<Rc<Selection>>>;
/// Destinations by their place in memory, and what was asked of them.
type Asked = (Option<Vec<usize>>, Option<Protocol>, PortsOf);
/// A code, and what it says of a policy.
type Trouble = Option<(&'static str, String)>;

struct Search<'c> {
    cluster: &'c Cluster,
    directory: Directory<'c>,
    offers: BTreeMap<EntityId, Vec<Offer<'c>>>,
    /// What was found out of ports of destinations.
    asked: HashMap<Asked, Trouble>,
    /// Addresses of Services, with their names.
    virtuals: BTreeMap<IpAddr, String>,
    /// Pods whose labels are not all known.
    uncertain: Vec<&'c Pod>,
    found: Vec<Finding>,
}

/// Peers that are not modelled: whatever is said of addresses outside hangs on them.
pub fn not_modelled(cluster: &Cluster) -> Vec<Finding> {
    let policies = cluster.policies.cluster.iter();
    let peers = policies.flat_map(|policy| {
        let rules = policy.ingress.iter().chain(&policy.egress);
        rules.flat_map(move |rule| rule.peers.iter().map(move |peer| (policy, peer)))
    });
    let unknown = peers.filter_map(|(policy, peer)| match peer {
        Peer::FailsClosed { origin, .. } => Some(Finding {
            code: "F108",
            message: format!(
                "what `domainNames` of {} {} stand for is not known: verdicts that hang on it are `unknown`",
                policy.kind, policy.name
            ),
            origin: *origin,
        }),
        _ => None,
    });
    unknown.collect()
}

fn is_uncertain(pod: &Pod) -> bool {
    pod.open != Open::Closed || pod.labels.values().any(|value| is_some_value(value))
}

/// All findings, in the order of the policies.
pub fn findings(cluster: &Cluster) -> Vec<Finding> {
    let as_pods = Settings {
        // A policy for a hostNetwork pod is not about nothing.
        host_network_as_pod: true,
        ..Settings::default()
    };
    let mut search = Search {
        cluster,
        directory: Directory::of(cluster, as_pods),
        offers: offers(cluster),
        asked: HashMap::new(),
        virtuals: virtuals(cluster),
        uncertain: cluster.pods.iter().filter(|p| is_uncertain(p)).collect(),
        found: Vec::new(),
    };
    for policy in &cluster.policies.network {
        search.network(policy);
    }
    search.tiers();
    let mut found = search.found;
    for (a, b) in equal_priorities(cluster, Subjects::AtHand) {
        found.push(Finding {
            code: "F107",
            message: format!(
                "{} {} and {} have the same priority and share pods: which of them decides is not defined",
                a.kind, a.name, b.name
            ),
            origin: b.origin,
        });
    }
    for (a, b) in two_kinds(cluster, Subjects::AtHand) {
        found.push(Finding {
            code: "F109",
            message: format!(
                "{} {} and {} {} are of one tier and share pods: which of the two kinds is asked first is not defined",
                a.kind, a.name, b.kind, b.name
            ),
            origin: b.origin,
        });
    }
    found.extend(not_modelled(cluster));
    found
}

fn offers(cluster: &Cluster) -> BTreeMap<EntityId, Vec<Offer<'_>>> {
    let mut offers: BTreeMap<EntityId, Vec<Offer<'_>>> = BTreeMap::new();
    for service in &cluster.services {
        for port in &service.ports {
            for endpoint in &port.endpoints {
                let Some(entity) = endpoint.entity else {
                    continue;
                };
                offers.entry(entity).or_default().push(Offer {
                    service: cluster.name_of(service.id).short(),
                    port: port.port,
                    protocol: port.protocol,
                    behind: endpoint.port,
                });
            }
        }
    }
    offers
}

fn virtuals(cluster: &Cluster) -> BTreeMap<IpAddr, String> {
    let services = cluster.services.iter();
    let all = services.flat_map(|service| {
        let name = cluster.name_of(service.id).to_string();
        let addresses = service.addresses.iter();
        addresses.map(move |address| (address.ip, name.clone()))
    });
    all.collect()
}

impl Search<'_> {
    fn tell(&mut self, code: &'static str, origin: Span, message: String) {
        self.found.push(Finding {
            code,
            message,
            origin,
        });
    }

    fn network(&mut self, policy: &NetworkPolicy) {
        let title = format!("NetworkPolicy {}/{}", policy.namespace, policy.name);
        let subjects = self
            .directory
            .select(&policy.namespace, None, &policy.subject);
        if subjects.members.is_empty()
            && !self.may_be_meant(&policy.subject, Some(&policy.namespace))
        {
            let known = self
                .cluster
                .namespaces
                .iter()
                .any(|n| n.given && n.name == policy.namespace);
            let (code, why) = if known || self.cluster.namespaces.iter().all(|n| !n.given) {
                ("F101", "")
            } else {
                ("F102", ", and its namespace is not there")
            };
            self.tell(code, policy.origin, format!("{title} selects no pod{why}"));
        }
        let subjects = Some(vec![subjects]);
        for rule in policy.ingress.iter().flatten() {
            self.peers(&title, &policy.namespace, rule.peers.iter().flatten());
            self.ports(&title, rule.ports.as_deref(), &subjects);
        }
        for rule in policy.egress.iter().flatten() {
            self.peers(&title, &policy.namespace, rule.peers.iter().flatten());
            let destinations = self.destinations(policy, rule);
            self.ports(&title, rule.ports.as_deref(), &destinations);
            let blocks = rule.peers.iter().flatten();
            self.blocks(&title, blocks);
        }
    }

    /// Whether somebody whose labels are not all known may be one of the pods: then nobody can say that there is none.
    fn may_be_meant(&self, pods: &Selector, namespace: Option<&str>) -> bool {
        let is_in = |pod: &Pod| {
            let own = self.cluster.name_of(pod.id).parts.first();
            namespace.is_none_or(|name| own.is_some_and(|own| own == name))
        };
        let mut all = self.uncertain.iter();
        all.any(|pod| is_in(pod) && pods.known(&pod.labels, pod.open).is_none())
    }

    fn tiers(&mut self) {
        let cluster = self.cluster;
        for policy in &cluster.policies.cluster {
            let title = format!("{} {}", policy.kind, policy.name);
            if let Peer::Pods {
                namespaces, pods, ..
            } = &policy.subject
                && self
                    .directory
                    .select("", namespaces.as_ref(), pods)
                    .members
                    .is_empty()
                && !self.may_be_meant(pods, None)
            {
                self.tell("F101", policy.origin, format!("{title} selects no pod"));
            }
            for rule in policy.ingress.iter().chain(&policy.egress) {
                self.peers(&title, "", rule.peers.iter());
            }
            for rule in &policy.egress {
                self.blocks(&title, rule.peers.iter());
            }
        }
    }

    fn destinations(&self, policy: &NetworkPolicy, rule: &NetworkRule) -> Destinations {
        let own = &policy.namespace;
        let peers = rule.peers.as_ref()?;
        let selections = peers.iter().filter_map(|peer| match peer {
            Peer::Pods {
                namespaces, pods, ..
            } => Some(self.directory.select(own, namespaces.as_ref(), pods)),
            _ => None,
        });
        Some(selections.collect())
    }

    /// The pods of destinations.
    fn members(&self, destinations: &Destinations) -> impl Iterator<Item = &Member<'_>> {
        let all = destinations.is_none().then_some(&self.directory.members);
        let selected = destinations.iter().flatten().flat_map(|s| &s.members);
        let selected = selected.map(|&at| &self.directory.members[at]);
        all.into_iter().flatten().chain(selected)
    }

    fn peers<'p>(&mut self, title: &str, own: &str, peers: impl Iterator<Item = &'p Peer>) {
        for peer in peers {
            let nothing = match peer {
                Peer::Pods {
                    namespaces, pods, ..
                } => {
                    let selection = self.directory.select(own, namespaces.as_ref(), pods);
                    selection.members.is_empty()
                }
                Peer::Nodes { nodes, .. } => self.directory.nodes(nodes).is_empty(),
                Peer::Block(_) | Peer::FailsClosed { .. } => false,
            };
            if nothing {
                let message = format!("a peer of {title} selects nothing");
                self.tell("F103", peer.origin(), message);
            }
        }
    }

    /// Ports that no destination has, but a Service before it.
    fn ports(&mut self, title: &str, ports: Option<&[PortRule]>, destinations: &Destinations) {
        for rule in ports.unwrap_or_default() {
            let whom = destinations
                .as_ref()
                .map(|all| all.iter().map(|s| Rc::as_ptr(s).addr()).collect());
            // Thousands of policies ask the same of the same pods.
            let key = (whom, rule.protocol, rule.ports.clone());
            let known = self.asked.get(&key).cloned();
            let trouble = known.unwrap_or_else(|| match &rule.ports {
                PortsOf::Named(name) => self.no_such_name(rule, name, destinations),
                PortsOf::Range(port, last) if port == last => {
                    self.port_of_service(rule, *port, destinations)
                }
                PortsOf::Any | PortsOf::Range(..) => None,
            });
            if let Some((code, trouble)) = &trouble {
                self.tell(code, rule.origin, format!("{title} {trouble}"));
            }
            self.asked.insert(key, trouble);
        }
    }

    fn no_such_name(&self, rule: &PortRule, name: &str, to: &Destinations) -> Trouble {
        let fits = |p| rule.protocol.is_none_or(|own| own == p);
        let has = |member: &Member<'_>| {
            let mut ports = member.named_ports.iter();
            ports.any(|p| p.name == name && fits(p.protocol))
        };
        let nobody = self.members(to).next().is_none();
        if nobody || self.members(to).any(has) {
            return None;
        }
        let protocol = rule.protocol.map(|p| format!(" for {p}"));
        let protocol = protocol.unwrap_or_default();
        let message = format!("means no pod that has a port called `{name}`{protocol}");
        Some(("F106", message))
    }

    fn port_of_service(&self, rule: &PortRule, port: u16, to: &Destinations) -> Trouble {
        let subjects = self.members(to).flat_map(|member| &member.subjects);
        let all = subjects.filter_map(|id| self.offers.get(id)).flatten();
        let fits = |offer: &&Offer<'_>| rule.protocol.is_none_or(|own| own == offer.protocol);
        let (mut hit, mut meant) = (None, false);
        for offer in all.filter(fits) {
            meant |= offer.behind == port;
            if offer.port == port && offer.behind != port {
                hit = hit.or(Some((offer.service, offer.behind)));
            }
        }
        let (service, behind) = hit.filter(|_| !meant && !self.opens(to, port))?;
        let message = format!(
            "names port {port} of the Service `{service}`; policies see the port of its endpoints, which is {behind}"
        );
        Some(("F104", message))
    }

    /// Whether one of these pods listens on a port.
    fn opens(&self, to: &Destinations, port: u16) -> bool {
        let subjects = self.members(to).flat_map(|m| m.subjects.iter().copied());
        let ids: BTreeSet<EntityId> = subjects.collect();
        let pods = self.cluster.pods.iter().filter(|pod| ids.contains(&pod.id));
        let mut open = pods.flat_map(|pod| &pod.containers).flat_map(|c| &c.open);
        open.any(|listener| listener.port == port)
    }

    /// Blocks for what goes out that hold Services and nobody else.
    fn blocks<'p>(&mut self, title: &str, peers: impl Iterator<Item = &'p Peer>) {
        for peer in peers {
            let Peer::Block(block) = peer else {
                continue;
            };
            let range = block.cidr.network()..=block.cidr.broadcast();
            let Some((address, name)) = self.virtuals.range(range).next() else {
                continue;
            };
            let held = |a: &IpAddr| block.cidr.contains(a);
            let pods = self.cluster.pods.iter().flat_map(|p| &p.addresses);
            let nodes = self.cluster.nodes.iter().flat_map(|n| &n.addresses);
            let mut outside = self.cluster.externals.iter().flat_map(|e| &e.prefixes);
            // The whole of the outside is somewhere else than where clusters have their Services.
            let private = private().iter().any(|net| net.contains(&block.cidr));
            let whole = |net: &IpNet| private && net.prefix_len() == 0;
            let real = pods.chain(nodes).any(|a| held(&a.ip))
                || outside.any(|net| {
                    block.cidr.contains(net) || net.contains(&block.cidr) && !whole(net)
                });
            if !real && block.cidr.prefix_len() > 0 {
                let message = format!(
                    "the block `{}` of {title} holds `{address}` of {name} and nobody else: policies see the endpoints' addresses, never a Service's",
                    block.cidr
                );
                self.tell("F105", block.origin, message);
            }
        }
    }
}
