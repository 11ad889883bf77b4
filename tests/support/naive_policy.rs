//! Policies evaluated one question at a time by the reference algorithm, without sets, caches or tiers of rules.
//!
//! A second opinion on `kubeproof::policy`, which it must never name; even labels are compared anew.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may stop, and take what they need"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubeproof::model::cluster::{Cluster, NamedPort};
use kubeproof::model::entity::EntityId;
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::{
    ClusterPolicy, IpBlock, Operator, Peer, PolicyAction, PortRule, PortsOf, Selector, Settings,
    Tier,
};

type Labels = BTreeMap<String, String>;

/// Somebody that policies can be about.
#[derive(Clone)]
pub struct Who<'c> {
    pub namespace: &'c str,
    pub labels: &'c Labels,
    pub ports: &'c [NamedPort],
    pub addresses: Vec<IpAddr>,
    pub node: EntityId,
    /// Whose gate it is.
    pub subject: EntityId,
}

/// A question: may a connection open between a subject and an address?
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub outgoing: bool,
    pub peer: IpAddr,
    pub protocol: Protocol,
    pub port: u16,
}

/// Everybody that policies can be about under these settings.
pub fn everybody<'c>(cluster: &'c Cluster, settings: &Settings) -> Vec<Who<'c>> {
    let mut all = Vec::new();
    for pod in &cluster.pods {
        all.push(Who {
            namespace: &cluster.name_of(pod.id).parts[0],
            labels: &pod.labels,
            ports: &pod.named_ports,
            addresses: pod.addresses.iter().map(|a| a.ip).collect(),
            node: pod.node,
            subject: pod.id,
        });
    }
    if settings.host_network_as_pod {
        for pod in &cluster.host_pods {
            all.push(Who {
                namespace: &pod.namespace,
                labels: &pod.labels,
                ports: &pod.named_ports,
                addresses: node_addresses(cluster, pod.node),
                node: pod.node,
                subject: pod.daemons[0],
            });
        }
    }
    all
}

fn node_addresses(cluster: &Cluster, id: EntityId) -> Vec<IpAddr> {
    let node = cluster.nodes.iter().find(|n| n.id == id).unwrap();
    node.addresses.iter().map(|a| a.ip).collect()
}

fn fits(selector: &Selector, labels: &Labels) -> bool {
    for requirement in &selector.requirements {
        let value = labels.get(&requirement.key);
        let holds = match (&requirement.operator, value) {
            (Operator::In(values), Some(v)) => values.iter().any(|x| x == v),
            (Operator::In(_), None) => false,
            (Operator::NotIn(values), Some(v)) => values.iter().all(|x| x != v),
            (Operator::NotIn(_), None) => true,
            (Operator::Exists, v) => v.is_some(),
            (Operator::DoesNotExist, v) => v.is_none(),
        };
        if !holds {
            return false;
        }
    }
    true
}

fn namespace_fits(cluster: &Cluster, selector: &Selector, name: &str) -> bool {
    let namespace = cluster.namespaces.iter().find(|n| n.name == name).unwrap();
    fits(selector, &namespace.labels)
}

struct Judge<'c, 'q> {
    cluster: &'c Cluster,
    settings: &'q Settings,
    all: &'q [Who<'c>],
    who: &'q Who<'c>,
    question: Question,
}

/// Whether policies let it pass, at this one end.
pub fn passes(
    cluster: &Cluster,
    settings: &Settings,
    all: &[Who<'_>],
    who: &Who<'_>,
    question: Question,
) -> bool {
    let judge = Judge {
        cluster,
        settings,
        all,
        who,
        question,
    };
    if let Some(verdict) = judge.tier(Tier::Admin) {
        return verdict;
    }
    if let Some(verdict) = judge.network_policies() {
        return verdict;
    }
    judge.tier(Tier::Baseline).unwrap_or(true)
}

impl Judge<'_, '_> {
    fn network_policies(&self) -> Option<bool> {
        let mut isolated = false;
        let mut allowed = false;
        for policy in &self.cluster.policies.network {
            if policy.namespace != self.who.namespace || !fits(&policy.subject, self.who.labels) {
                continue;
            }
            let rules = if self.question.outgoing {
                &policy.egress
            } else {
                &policy.ingress
            };
            let Some(rules) = rules else {
                continue;
            };
            isolated = true;
            for rule in rules {
                let blocks = self.settings.ipblock_matches_pods;
                allowed |= match &rule.peers {
                    None => self.anybody(rule.ports.as_deref()),
                    Some(peers) => peers.iter().any(|peer| {
                        self.peer(&policy.namespace, peer, rule.ports.as_deref(), blocks)
                    }),
                };
            }
        }
        if !isolated {
            return None;
        }
        let own_node = node_addresses(self.cluster, self.who.node).contains(&self.question.peer);
        if own_node && (!self.question.outgoing || self.settings.egress_to_own_node) {
            return Some(true);
        }
        if self.who.addresses.contains(&self.question.peer) && !self.settings.hairpin_under_policy {
            return Some(true);
        }
        Some(allowed)
    }

    fn tier(&self, tier: Tier) -> Option<bool> {
        let mut policies: Vec<&ClusterPolicy> = self
            .cluster
            .policies
            .cluster
            .iter()
            .filter(|p| p.tier == tier)
            .collect();
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        if self.settings.equal_priority_reversed {
            policies.reverse();
        }
        policies.sort_by_key(|p| p.priority);
        for policy in policies {
            let Peer::Pods {
                namespaces, pods, ..
            } = &policy.subject
            else {
                panic!("a subject is pods");
            };
            let namespaces = namespaces.as_ref().unwrap();
            if !namespace_fits(self.cluster, namespaces, self.who.namespace)
                || !fits(pods, self.who.labels)
            {
                continue;
            }
            let rules = if self.question.outgoing {
                &policy.egress
            } else {
                &policy.ingress
            };
            for rule in rules {
                let unknown = |p: &Peer| matches!(p, Peer::FailsClosed { .. });
                if rule.action != PolicyAction::Accept && rule.peers.iter().any(unknown) {
                    if self.anybody(rule.ports.as_deref()) {
                        return Some(false);
                    }
                    continue;
                }
                let mut peers = rule.peers.iter();
                if peers.any(|peer| self.peer("", peer, rule.ports.as_deref(), true)) {
                    return match rule.action {
                        PolicyAction::Accept => Some(true),
                        PolicyAction::Deny => Some(false),
                        PolicyAction::Pass => None,
                    };
                }
            }
        }
        None
    }

    /// A rule without peers.
    fn anybody(&self, ports: Option<&[PortRule]>) -> bool {
        if !self.question.outgoing {
            return self.ports(ports, Some(self.who));
        }
        let holders = self
            .all
            .iter()
            .filter(|w| w.addresses.contains(&self.question.peer));
        self.ports(ports, None) || holders.into_iter().any(|w| self.ports(ports, Some(w)))
    }

    fn peer(&self, own: &str, peer: &Peer, ports: Option<&[PortRule]>, blocks: bool) -> bool {
        let address = self.question.peer;
        match peer {
            Peer::Pods {
                namespaces, pods, ..
            } => self.all.iter().any(|other| {
                let there = match namespaces {
                    None => other.namespace == own,
                    Some(selector) => namespace_fits(self.cluster, selector, other.namespace),
                };
                let destination = if self.question.outgoing {
                    other
                } else {
                    self.who
                };
                there
                    && other.addresses.contains(&address)
                    && fits(pods, other.labels)
                    && self.ports(ports, Some(destination))
            }),
            Peer::Block(block) => {
                let pods = self.cluster.pods.iter();
                let mut held = pods.flat_map(|p| &p.addresses);
                self.block(block)
                    && (blocks || !held.any(|a| a.ip == address))
                    && self.ports(ports, (!self.question.outgoing).then_some(self.who))
            }
            Peer::Nodes { nodes, .. } => {
                let mut all = self.cluster.nodes.iter();
                all.any(|n| fits(nodes, &n.labels) && n.addresses.iter().any(|a| a.ip == address))
                    && self.ports(ports, None)
            }
            Peer::FailsClosed { .. } => self.settings.domain_names_are_all && self.anybody(ports),
        }
    }

    fn block(&self, block: &IpBlock) -> bool {
        let address = self.question.peer;
        block.cidr.contains(&address) && !block.except.iter().any(|net| net.contains(&address))
    }

    /// Whether the ports of a rule fit, with names looked up at the destination.
    fn ports(&self, rules: Option<&[PortRule]>, destination: Option<&Who<'_>>) -> bool {
        let Some(rules) = rules else {
            return true;
        };
        let Question { protocol, port, .. } = self.question;
        rules.iter().any(|rule| {
            rule.protocol.is_none_or(|p| p == protocol)
                && match &rule.ports {
                    PortsOf::Any => true,
                    PortsOf::Range(low, high) => (*low..=*high).contains(&port),
                    PortsOf::Named(name) => destination
                        .and_then(|who| {
                            let mut ports = who.ports.iter();
                            ports.find(|p| p.name == *name && p.protocol == protocol)
                        })
                        .is_some_and(|p| p.port == port),
                }
        })
    }
}
