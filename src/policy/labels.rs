//! Labels that the input does not give: which selectors hang on them.
//!
//! Knows: selectors whose answer nobody knows, of policies, Services and intents. Must never know: verdicts.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::source::Span;
use crate::model::cluster::{Cluster, NAME_LABEL, Namespace};
use crate::model::intent::{Intent, IntentPeer, PodsOf, Who, Wish};
use crate::model::labels::{Open, is_some_value};
use crate::model::policy::{Operator, Peer, Selector};

/// Whose labels are not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// Namespaces whose objects the input does not hold.
    Namespaces,
    /// Pods of templates, which get labels from their controllers.
    Pods,
    /// Pods of a snapshot without Pod objects.
    Snapshot,
    /// Nodes whose objects the input does not hold, or only as manifests.
    Nodes,
}

/// A selector that hangs on them.
pub type Hanging = (Whose, Span);

/// What is not known of the labels of a cluster.
#[derive(Debug)]
pub struct Unsaid<'c> {
    cluster: &'c Cluster,
    /// Namespaces that are not given.
    namespaces: Vec<&'c Namespace>,
    /// Those of them that have pods.
    with_pods: BTreeSet<&'c str>,
    /// Labels whose value is not known, of pods.
    keys: BTreeSet<&'c str>,
    /// Whether nothing is known of the labels of some pod. Asked for each selector: looked up once.
    bare: bool,
    /// Every pod's namespace and labels, and which others it may have.
    pods: Vec<(&'c str, &'c BTreeMap<String, String>, Open)>,
}

impl<'c> Unsaid<'c> {
    /// Of a cluster.
    pub fn of(cluster: &'c Cluster) -> Self {
        let own = cluster.pods.iter().map(|pod| {
            let namespace = cluster.name_of(pod.id).parts.first();
            let namespace = namespace.map_or("default", String::as_str);
            (namespace, &pod.labels, pod.open)
        });
        let hosted = cluster.host_pods.iter();
        let hosted = hosted.map(|pod| (pod.namespace.as_str(), &pod.labels, Open::Closed));
        let pods: Vec<_> = own.chain(hosted).collect();
        let labels = pods.iter().flat_map(|(_, labels, _)| labels.iter());
        let unknown = labels.filter(|(_, value)| is_some_value(value));
        let all = cluster.namespaces.iter();
        Self {
            cluster,
            keys: unknown.map(|(key, _)| key.as_str()).collect(),
            namespaces: all.filter(|n| !n.given).collect(),
            bare: pods.iter().any(|(.., open)| *open != Open::Closed),
            with_pods: pods.iter().map(|(namespace, ..)| *namespace).collect(),
            pods,
        }
    }

    /// Whether the value of a label of some pod is not known.
    pub fn value_of(&self, key: &str) -> bool {
        self.keys.contains(key) || self.bare()
    }

    /// Whether nothing is known of the labels of some pod.
    pub fn bare(&self) -> bool {
        self.bare
    }

    /// Whose labels selectors of pods hang on.
    pub fn pods(&self) -> Whose {
        if self.bare() {
            Whose::Snapshot
        } else {
            Whose::Pods
        }
    }

    /// Whether it is not known if some namespace has a label, and with which value.
    pub fn of_namespaces(&self, key: &str) -> bool {
        key != NAME_LABEL && !self.namespaces.is_empty()
    }

    /// Whether a selector of namespaces hangs on one that is not given. Where pods could be added, on one without any too.
    fn namespace_hangs(&self, selector: &Selector, pods_added: bool) -> bool {
        let mut namespaces = self.namespaces.iter();
        // Most selectors of namespaces name one.
        selector.requirements.iter().any(|r| r.key != NAME_LABEL)
            && namespaces.any(|n| {
                (pods_added || self.with_pods.contains(n.name.as_str()))
                    && selector.known(&n.labels, Open::All).is_none()
            })
    }

    /// Whether a selector hangs on the value of a label of a pod that may be in one of the namespaces.
    fn pod_hangs(&self, pods: &Selector, may_be_in: impl Fn(&str) -> bool) -> bool {
        let by_value =
            |operator: &Operator| matches!(operator, Operator::In(_) | Operator::NotIn(_));
        let mut asked = pods.requirements.iter();
        let bare = self.bare();
        asked.any(|r| bare || by_value(&r.operator) && self.keys.contains(r.key.as_str()))
            && self.pods.iter().any(|(namespace, labels, open)| {
                pods.known(labels, *open).is_none() && may_be_in(namespace)
            })
    }

    fn in_selected(&self, selector: &Selector, namespace: &str) -> bool {
        let mut all = self.cluster.namespaces.iter();
        let found = all.find(|n| n.name == namespace);
        found.is_none_or(|n| {
            let open = if n.given { Open::Closed } else { Open::All };
            selector.known(&n.labels, open) != Some(false)
        })
    }

    fn peer(&self, own: &str, peer: &Peer, pods_added: bool) -> Option<Hanging> {
        match peer {
            Peer::Pods {
                namespaces, pods, ..
            } => {
                if let Some(selector) = namespaces
                    && self.namespace_hangs(selector, pods_added)
                {
                    return Some((Whose::Namespaces, selector.origin));
                }
                let hangs = self.pod_hangs(pods, |n| match namespaces {
                    None => n == own,
                    Some(selector) => self.in_selected(selector, n),
                });
                hangs.then_some((self.pods(), pods.origin))
            }
            Peer::Nodes { nodes, origin } => {
                let mut all = self.cluster.nodes.iter();
                let hangs = all.any(|n| nodes.known(&n.labels, n.open).is_none());
                hangs.then_some((Whose::Nodes, *origin))
            }
            Peer::Block(_) | Peer::FailsClosed { .. } => None,
        }
    }

    /// The first selector of a policy or Service that hangs on the labels of each. `pods_added`: pods could be added.
    pub fn selectors(&self, pods_added: bool) -> BTreeMap<Whose, Span> {
        let mut first = BTreeMap::new();
        let mut add = |hanging: Option<Hanging>| {
            if let Some((whose, origin)) = hanging {
                first.entry(whose).or_insert(origin);
            }
        };
        for policy in &self.cluster.policies.network {
            let own = policy.namespace.as_str();
            let subject = self.pod_hangs(&policy.subject, |n| n == own);
            add(subject.then_some((self.pods(), policy.subject.origin)));
            let rules = policy.ingress.iter().chain(&policy.egress).flatten();
            for peer in rules.flat_map(|rule| rule.peers.iter().flatten()) {
                add(self.peer(own, peer, pods_added));
            }
        }
        for policy in &self.cluster.policies.cluster {
            let rules = policy.ingress.iter().chain(&policy.egress);
            let peers = rules.flat_map(|rule| &rule.peers);
            for peer in peers.chain([&policy.subject]) {
                add(self.peer("", peer, pods_added));
            }
        }
        for service in self.cluster.services.iter().filter(|s| !s.endpoints_given) {
            let asked = service.selector.iter().flatten();
            let selector = Selector {
                requirements: asked
                    .map(|(key, value)| crate::model::policy::Requirement {
                        key: key.clone(),
                        operator: Operator::In([value.clone()].into()),
                    })
                    .collect(),
                origin: service.origin,
            };
            let own = self.cluster.name_of(service.id).parts.first();
            let hangs = self.pod_hangs(&selector, |n| own.is_some_and(|own| own == n));
            add(hangs.then_some((self.pods(), service.origin)));
        }
        first
    }

    /// Where an intent itself hangs on labels that are not given.
    pub fn intent(&self, intent: &Intent) -> Option<Hanging> {
        match &intent.wish {
            Wish::MustReach(r) | Wish::MustNotReach(r) | Wish::OnlyThese(r) => {
                let mut peers = r.from.iter().chain(&r.to);
                peers.find_map(|peer| self.of_intent(peer))
            }
            Wish::Isolate(isolation) => {
                let hangs = self.value_of(&isolation.key);
                hangs.then_some((self.pods(), isolation.origin))
            }
        }
    }

    fn of_intent(&self, peer: &IntentPeer) -> Option<Hanging> {
        let (Who::Pods(of) | Who::AnyPod(of)) = &peer.who else {
            return None;
        };
        let PodsOf {
            namespace,
            namespaces,
            pods,
        } = of;
        let named = |n: &str| namespace.as_ref().is_none_or(|own| own == n);
        let added = matches!(peer.who, Who::AnyPod(_));
        if let Some(selector) = namespaces {
            let hangs = self.namespaces.iter().any(|n| {
                named(&n.name)
                    && (added || self.with_pods.contains(n.name.as_str()))
                    && selector.known(&n.labels, Open::All).is_none()
            });
            if hangs {
                return Some((Whose::Namespaces, selector.origin));
            }
        }
        let selector = pods.as_ref()?;
        let hangs = self.pod_hangs(selector, |n| {
            let of_space = namespaces.as_ref();
            named(n) && of_space.is_none_or(|s| self.in_selected(s, n))
        });
        hangs.then_some((self.pods(), selector.origin))
    }
}
